"""Comparing base models over HTTP, with a worker that only talks."""

import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.hub.schemas import RepositoryKind
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.jobs import TINY_CONFIG, FakeWorker, make_data, make_repository

CARD = b"---\nlicense: mit\npipeline_tag: image-classification\n---\n# Base\n"


def candidate(index: int, value: float, **more: Any) -> dict[str, Any]:
    share = {"value": value, "low": value - 0.1, "high": value + 0.05}
    return {
        "index": index,
        "repo": f"ada/base-{index + 1}",
        "commit": "a" * 40,
        "architecture": "timm/test_vit",
        "license": "mit",
        "total_count": 1000 * (index + 1),
        "probe": share,
        "knn": share,
        "scores": {"logme": value, "gbc": -value},
        "rank_low": 1,
        "rank_high": 2,
        "leads": 0.5,
        **more,
    }


def result(*candidates: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": "rank-models",
        "plan_hash": "0" * 64,
        "task": "image-classification",
        "classes": ["cat", "dog"],
        "num_samples": 12,
        "candidates": list(candidates),
        "agreement": 0.25,
        "seconds": 2.5,
        "device": "cpu",
        "versions": {},
    }


class Comparer:
    """Somebody with a data set, three base models and a worker."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient) -> None:
        self.app, self.client = app, client
        self.worker = FakeWorker(client)

    async def prepare(self) -> "Comparer":
        database = self.app.state.database
        self.user = await make_user(database)
        self.headers = bearer(await make_token(database, self.user))
        self.data = await make_data(self.app, self.user)
        files = {
            "config.json": json.dumps(TINY_CONFIG).encode(),
            "model.safetensors": b"weights",
            "README.md": CARD,
        }
        for number in (1, 2, 3):
            name = f"base-{number}"
            await make_repository(self.app, self.user, RepositoryKind.MODEL, name, files)
        return self

    def request(self, *bases: str, **more: Any) -> dict[str, Any]:
        names = bases or tuple(f"{self.user.name}/base-{n}" for n in (1, 2, 3))
        return {
            "kind": "rank-models",
            "name": "pets",
            "candidates": [{"repo": name} for name in names],
            "data": {"train": {"repo": self.data}},
            **more,
        }

    async def submit(self, request: object = None, **headers: str) -> httpx.Response:
        body = {"request": request or self.request()}
        return await self.client.post("/api/v1/rankings", json=body, headers=self.headers | headers)

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path, headers=self.headers)


@pytest.fixture
async def comparer(app: FastAPI, client: httpx.AsyncClient) -> Comparer:
    return await Comparer(app, client).prepare()


async def test_a_worker_is_given_every_candidate_under_a_role_of_its_own(
    comparer: Comparer,
) -> None:
    assert (await comparer.submit()).status_code == 201
    assert await comparer.worker.claim()
    claimed = comparer.worker.claimed
    roles = [pin["role"] for pin in claimed["repositories"]]
    assert roles == ["base-1", "base-2", "base-3", "data"]
    assert claimed["plan"]["kind"] == "rank-models"
    licences = [item["license"] for item in claimed["plan"]["candidates"]]
    assert licences == ["mit", "mit", "mit"]


async def test_what_was_measured_shows_while_the_rest_is_measured(comparer: Comparer) -> None:
    job_id = (await comparer.submit()).json()["id"]
    await comparer.worker.claim()
    for done, value in ((1, 0.5), (2, 0.8)):
        event = {"kind": "CandidateMeasured", "done": done, "total": 3}
        await comparer.worker.events(
            {"kind": "RunStarted"} if done == 1 else {"kind": "LogWritten", "lines": []},
            event | {"candidate": candidate(done - 1, value)},
            start=2 * done - 1,
        )
    ranking = (await comparer.get(f"/api/v1/rankings/{job_id}")).json()
    assert ranking["state"] == "running"
    assert [item["index"] for item in ranking["candidates"]] == [1, 0]
    page = (await comparer.get(f"/compare/{job_id}")).text
    assert "2 of 3 models measured." in page
    assert 'data-final="false"' in page


async def test_the_result_is_a_ranking_with_a_way_on(comparer: Comparer) -> None:
    job_id = (await comparer.submit()).json()["id"]
    await comparer.worker.claim()
    await comparer.worker.events({"kind": "RunStarted"}, {"kind": "RankingFinished"})
    failure = {"code": "BASE_INVALID", "sentence": "", "fix": "", "detail": "damaged"}
    broken = candidate(2, 0, probe=None, knn=None, failure=failure, rank_low=0, rank_high=0)
    told = result(candidate(1, 0.9), candidate(0, 0.8), broken)
    ended = await comparer.worker.post("finish", {"result": told, "artifacts": []})
    assert ended.json() == {"state": "succeeded"}
    ranking = (await comparer.get(f"/api/v1/rankings/{job_id}")).json()
    assert (ranking["agreement"], ranking["num_samples"]) == (0.25, 12)
    page = (await comparer.get(f"/compare/{job_id}")).text
    assert f"/fine-tune?base=ada/base-2&amp;data={comparer.data}" in page
    assert "2 models may lead" in page
    assert "The measures disagree." in page
    assert "damaged" in page


async def test_the_table_can_be_sorted_by_any_measure(comparer: Comparer) -> None:
    job_id = (await comparer.submit()).json()["id"]
    await comparer.worker.claim()
    told = result(candidate(0, 0.9), candidate(1, 0.8))
    await comparer.worker.post("finish", {"result": told, "artifacts": []})
    orders = []
    for sort in ("probe", "gbc", "params", "nonsense"):
        page = (await comparer.get(f"/compare/{job_id}?sort={sort}")).text
        table = page[page.index("<tbody>") :]
        orders.append(table.index("base-1") < table.index("base-2"))
    assert orders == [True, False, True, True]


async def test_the_page_of_the_job_leads_to_that_of_the_ranking(comparer: Comparer) -> None:
    job_id = (await comparer.submit()).json()["id"]
    answer = await comparer.get(f"/jobs/{job_id}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/compare/{job_id}")
    listed = (await comparer.get("/jobs")).text
    assert f'href="/compare/{job_id}"' in listed
    assert "3 base models" in listed


async def test_a_ranking_is_not_published_and_makes_no_recipe(comparer: Comparer) -> None:
    job_id = (await comparer.submit()).json()["id"]
    assert (await comparer.get(f"/fine-tune?from={job_id}")).status_code == 404
    body = {"owner": comparer.user.name, "name": "x"}
    answer = await comparer.client.post(
        f"/api/v1/jobs/{job_id}/publish", json=body, headers=comparer.headers
    )
    assert answer.status_code == 409


async def test_a_ranking_is_run_again_as_a_ranking(comparer: Comparer) -> None:
    job_id = (await comparer.submit()).json()["id"]
    answer = await comparer.client.post(f"/api/v1/jobs/{job_id}/rerun", headers=comparer.headers)
    again = answer.json()
    assert (again["kind"], again["rerun_of"]) == ("rank-models", job_id)
    assert (await comparer.get(f"/api/v1/rankings/{again['id']}")).status_code == 200


async def test_the_same_key_makes_one_ranking(comparer: Comparer) -> None:
    first = await comparer.submit(**{"Idempotency-Key": "k"})
    second = await comparer.submit(**{"Idempotency-Key": "k"})
    assert second.headers["Idempotency-Replayed"] == "true"
    assert first.json()["id"] == second.json()["id"]


async def test_a_stranger_sees_nothing(comparer: Comparer) -> None:
    job_id = (await comparer.submit()).json()["id"]
    database = comparer.app.state.database
    stranger = await make_user(database, "eve")
    comparer.headers = bearer(await make_token(database, stranger))
    answers = [await comparer.get(f"/api/v1/rankings/{job_id}")]
    answers.append(await comparer.get(f"/compare/{job_id}"))
    assert [answer.status_code for answer in answers] == [404, 404]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"candidates": [{"repo": "a/b"}]}, "candidates"),
        ({"candidates": [{"repo": "a/b"}, {"repo": "a/b"}]}, ""),
        ({"task": "reading-minds"}, "task"),
        ({"sample_limit": 3}, "sample_limit"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
async def test_a_bad_request_says_where(
    comparer: Comparer, change: dict[str, Any], path: str
) -> None:
    answer = await comparer.submit(comparer.request(**change))
    assert answer.status_code == 422
    assert path in [detail["path"] for detail in answer.json()["details"]]


async def test_a_candidate_that_cannot_be_used_is_named(comparer: Comparer) -> None:
    files = {"config.json": b"{}", "model.safetensors": b"w"}
    owner = comparer.user
    odd = await make_repository(comparer.app, owner, RepositoryKind.MODEL, "odd", files)
    answer = await comparer.submit(comparer.request(f"{owner.name}/base-1", odd))
    assert answer.status_code == 422
    assert answer.json()["details"][0]["path"] == "candidates.1"


async def test_the_form_offers_models_and_starts_a_comparison(comparer: Comparer) -> None:
    page = (await comparer.get(f"/compare?data={comparer.data}")).text
    assert f'value="{comparer.user.name}/base-3"' in page
    fields = {
        "data": comparer.data,
        "base": [f"{comparer.user.name}/base-1"],
        "more": f"{comparer.user.name}/base-2",
        "sample_limit": "200",
        "image_size": "96",
    }
    answer = await comparer.client.post("/compare", data=fields, headers=comparer.headers)
    assert answer.status_code == 303, answer.text
    job_id = answer.headers["location"].rpartition("/")[2]
    ranking = (await comparer.get(f"/api/v1/rankings/{job_id}")).json()
    assert ranking["request"]["image_size"] == 96
    assert len(ranking["request"]["candidates"]) == 2


async def test_a_form_that_cannot_be_used_comes_back_with_the_reason(comparer: Comparer) -> None:
    fields = {"data": "nobody/nothing", "more": "a/b"}
    answer = await comparer.client.post("/compare", data=fields, headers=comparer.headers)
    assert answer.status_code == 422
    assert "candidates" in answer.text
    assert "nobody/nothing" in answer.text


async def test_texts_are_compared_as_texts(comparer: Comparer) -> None:
    rows = "".join(f"a story {n},{'good' if n % 2 else 'bad'}\n" for n in range(40))
    files = {"train.csv": f"text,label\n{rows}".encode()}
    dataset = RepositoryKind.DATASET
    data = await make_repository(comparer.app, comparer.user, dataset, "stories", files)
    config = {"model_type": "bert", "max_position_embeddings": 64}
    base = {"config.json": json.dumps(config).encode(), "model.safetensors": b"weights"}
    card = b"---\nlibrary_name: transformers\n---\n# Words\n"
    for name in ("words-1", "words-2"):
        files = base | {"README.md": card}
        await make_repository(comparer.app, comparer.user, RepositoryKind.MODEL, name, files)
    page = (await comparer.get(f"/compare?data={data}")).text
    assert f'value="{comparer.user.name}/words-1"' in page
    assert f'value="{comparer.user.name}/base-1"' not in page
    names = [f"{comparer.user.name}/words-{n}" for n in (1, 2)]
    answers = {"data": data, "base": names}
    answer = await comparer.client.post("/compare", data=answers, headers=comparer.headers)
    assert answer.status_code == 303, answer.text
    job_id = answer.headers["location"].rpartition("/")[2]
    ranking = (await comparer.get(f"/api/v1/rankings/{job_id}")).json()
    assert ranking["request"]["task"] == "text-classification"
