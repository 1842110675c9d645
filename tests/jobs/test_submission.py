import httpx
import pytest
from fastapi import FastAPI

from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.jobs import (
    class_folders,
    make_base,
    make_data,
    picture,
    recipe_values,
)

pytestmark = pytest.mark.usefixtures("app")


class Submitter:
    """A person with a base model and a data set, and a client that speaks for them."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient) -> None:
        self.app, self.client = app, client
        self.headers: dict[str, str] = {}

    async def prepare(self, files: dict[str, bytes] | None = None) -> "Submitter":
        self.user = await make_user(self.app.state.database)
        self.headers = bearer(await make_token(self.app.state.database, self.user))
        self.base = await make_base(self.app, self.user)
        self.data = await make_data(self.app, self.user, files)
        return self

    def recipe(self, **changes: object) -> dict[str, object]:
        return recipe_values(self.base, self.data) | changes

    async def submit(self, recipe: object = None, **headers: str) -> httpx.Response:
        body = {"recipe": recipe or self.recipe()}
        return await self.client.post("/api/v1/jobs", json=body, headers=self.headers | headers)

    async def num_jobs(self) -> int:
        page = await self.client.get("/api/v1/jobs", headers=self.headers)
        return len(page.json()["items"])


@pytest.fixture
async def submitter(app: FastAPI, client: httpx.AsyncClient) -> Submitter:
    return await Submitter(app, client).prepare()


async def test_a_recipe_becomes_a_queued_job_pinned_to_commits(submitter: Submitter) -> None:
    answer = await submitter.submit()
    assert answer.status_code == 201, answer.text
    job = answer.json()
    assert job["state"] == "queued"
    assert job["num_ahead"] == 0
    assert [(i["role"], i["repo"]) for i in job["inputs"]] == [
        ("base", submitter.base),
        ("data", submitter.data),
    ]
    assert all(len(item["commit"]) == 40 for item in job["inputs"])
    assert job["plan"]["classes"] == ["cat", "dog"]
    assert job["plan"]["data"]["commit"] == job["inputs"][1]["commit"]


async def test_a_recipe_may_be_sent_as_yaml(submitter: Submitter) -> None:
    text = (
        f"name: yaml-one\nmodel: {{base: {{repo: {submitter.base}}}}}\n"
        f"data: {{train: {{repo: {submitter.data}}}}}\n"
        "train: {stages: [{name: head, train: [head], epochs: 1, optimizer: {lr: 0.001}}]}\n"
    )
    answer = await submitter.submit(text)
    assert answer.status_code == 201, answer.text
    assert answer.json()["title"] == "yaml-one"


async def test_an_unknown_key_is_refused_with_its_path_and_a_suggestion(
    submitter: Submitter,
) -> None:
    recipe = submitter.recipe()
    recipe["train"] = {**recipe["train"], "batchsize": 8}  # type: ignore[dict-item]  # a plain dict
    answer = await submitter.submit(recipe)
    assert answer.status_code == 422
    (detail,) = answer.json()["details"]
    assert detail["path"] == "train.batchsize"
    assert "batch_size" in detail["fix"]
    assert await submitter.num_jobs() == 0


async def test_a_corrupt_image_is_named_and_nothing_is_queued(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    files = class_folders() | {"dog/broken.png": picture(1)[:60], "cat/empty.png": b""}
    submitter = await Submitter(app, client).prepare(files)
    answer = await submitter.submit()
    assert answer.status_code == 422
    assert {detail["path"] for detail in answer.json()["details"]} == {
        "dog/broken.png",
        "cat/empty.png",
    }
    assert await submitter.num_jobs() == 0


async def test_class_twins_are_refused(app: FastAPI, client: httpx.AsyncClient) -> None:
    files = {f"train/{path}": content for path, content in class_folders().items()}
    files |= {f"test/Cat/{n}.png": picture(900 + n) for n in range(3)}
    submitter = await Submitter(app, client).prepare(files)
    answer = await submitter.submit()
    assert answer.status_code == 422
    assert "'Cat' / 'cat'" in answer.json()["error"]


async def test_the_check_explains_and_queues_nothing(submitter: Submitter) -> None:
    body = {"recipe": submitter.recipe()}
    answer = await submitter.client.post(
        "/api/v1/recipes/check", json=body, headers=submitter.headers
    )
    assert answer.status_code == 200, answer.text
    check = answer.json()
    assert check["ok"]
    assert check["plan"]["split_sizes"] == {"train": 10, "validation": 2}
    assert {finding["code"] for finding in check["findings"]} == {"NO_TEST_SPLIT", "UPSCALED"}
    assert await submitter.num_jobs() == 0


async def test_the_same_key_gives_the_same_job(submitter: Submitter) -> None:
    first = await submitter.submit(**{"Idempotency-Key": "k1"})
    second = await submitter.submit(**{"Idempotency-Key": "k1"})
    assert first.json()["id"] == second.json()["id"]
    assert second.headers["Idempotency-Replayed"] == "true"
    assert await submitter.num_jobs() == 1


async def test_a_key_used_for_another_recipe_is_refused(submitter: Submitter) -> None:
    await submitter.submit(**{"Idempotency-Key": "k1"})
    answer = await submitter.submit(submitter.recipe(name="other"), **{"Idempotency-Key": "k1"})
    assert answer.status_code == 422
    assert answer.json()["code"] == "idempotency_mismatch"


async def test_a_key_that_is_being_worked_on_is_a_conflict(submitter: Submitter) -> None:
    from app.jobs.queries.jobs import lock

    async with submitter.app.state.database.transaction() as db:
        await lock(db, f"jobs.submit:{submitter.user.id}:k1")
        answer = await submitter.submit(**{"Idempotency-Key": "k1"})
    assert answer.status_code == 409
    assert answer.json()["code"] == "idempotency_in_progress"


async def test_a_person_may_have_twenty_jobs_waiting(submitter: Submitter) -> None:
    answers = [await submitter.submit() for _number in range(21)]
    assert [answer.status_code for answer in answers] == [201] * 20 + [429]
    assert answers[-1].json()["code"] == "too_many_queued"


@pytest.mark.parametrize("private", ["base", "data"])
async def test_a_stranger_cannot_use_what_they_cannot_read(
    app: FastAPI, client: httpx.AsyncClient, private: str
) -> None:
    owner = await make_user(app.state.database)
    base = await make_base(app, owner, private=private == "base")
    data = await make_data(app, owner, private=private == "data")
    stranger = await make_user(app.state.database)
    headers = bearer(await make_token(app.state.database, stranger))

    async def submit(recipe: object) -> httpx.Response:
        return await client.post("/api/v1/jobs", json={"recipe": recipe}, headers=headers)

    hidden = await submit(recipe_values(base, data))
    missing = await submit(
        recipe_values(
            f"{owner.name}/nothing" if private == "base" else base,
            f"{owner.name}/nothing" if private == "data" else data,
        )
    )
    assert hidden.status_code == missing.status_code == 404
    assert hidden.json()["error"] == missing.json()["error"]
    assert hidden.json()["details"] == missing.json()["details"]


async def test_a_base_without_safetensors_is_refused(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    from app.hub.schemas import RepositoryKind
    from tests.factories.jobs import make_repository

    submitter = await Submitter(app, client).prepare()
    pickle = await make_repository(
        app,
        submitter.user,
        RepositoryKind.MODEL,
        "pickled",
        {"config.json": b'{"architecture": "timm/test_vit"}', "pytorch_model.bin": b"x"},
    )
    answer = await submitter.submit(recipe_values(pickle, submitter.data))
    assert answer.status_code == 422
    assert "model.safetensors" in answer.json()["details"][0]["message"]
    assert "model.safetensors" in answer.json()["details"][0]["fix"]
    address = {"fromRepo": pickle, "toRepo": f"{submitter.user.name}/elsewhere", "type": "model"}
    moved = await client.post("/api/repos/move", json=address, headers=submitter.headers)
    assert moved.status_code == 200, moved.text
    again = await submitter.submit(recipe_values(pickle, submitter.data))
    assert (again.status_code, again.json()["code"]) == (422, "base_invalid")


async def test_a_token_without_the_scope_cannot_submit(submitter: Submitter) -> None:
    token = await make_token(submitter.app.state.database, submitter.user, "read")
    answer = await submitter.submit(**bearer(token))
    assert answer.status_code == 403


async def test_the_schema_of_recipes_is_served(submitter: Submitter) -> None:
    answer = await submitter.client.get("/api/v1/recipes/schema")
    assert "train" in answer.json()["properties"]


async def test_the_check_tells_what_the_job_would_need(submitter: Submitter) -> None:
    body = {"recipe": submitter.recipe()}
    answer = await submitter.client.post(
        "/api/v1/recipes/check", json=body, headers=submitter.headers
    )
    needed = answer.json()["needed"]
    assert needed["basis"] == "usual"
    assert 0 < needed["memory"]["low"] < needed["memory"]["high"]
    assert 0 < needed["seconds"]["low"] < needed["seconds"]["high"]


async def test_a_job_that_fits_no_worker_is_refused_with_a_way_out(submitter: Submitter) -> None:
    body = {
        "name": "small",
        "queues": ["cpu"],
        "protocol": 1,
        "capabilities": {"cpu_count": 1, "memory_bytes": 10**8},
    }
    key = {"Authorization": "Bearer test-worker-key"}
    registered = await submitter.client.post("/api/v1/worker/register", json=body, headers=key)
    assert registered.status_code == 200, registered.text
    answer = await submitter.submit()
    assert answer.status_code == 422
    assert "gradient_accumulation_steps" in answer.json()["fix"]
    assert await submitter.num_jobs() == 0
