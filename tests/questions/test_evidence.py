"""Answers are ranked by what workers measured of them, besides the votes."""

from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI

from app.questions.service.evidence import effect_of
from tests.factories.jobs import FakeWorker, make_base, make_data, recipe_values
from tests.questions.conftest import Board
from tests.questions.test_failures import RESULT, memory_failure

PATCH = "Smaller batches:\n\n```recipe-patch\ntrain.batch_size: {}\n```\n"


@dataclass
class Lab:
    """People who try answers on runs of their own."""

    board: Board
    base: str
    data: str

    async def run(self, who: str, value: float | None) -> int:
        """A run of somebody's; None for one that fails."""
        body = {"recipe": recipe_values(self.base, self.data)}
        made = await self.board.send("POST", "/jobs", who, body)
        assert made.status_code == 201, made.text
        await self.end(value)
        return int(made.json()["id"])

    async def end(self, value: float | None) -> None:
        """Let the worker end the job that waits."""
        worker = FakeWorker(self.board.client)
        assert await worker.claim()
        if value is None:
            answer = await worker.post("fail", {"failure": memory_failure()})
        else:
            test: dict[str, Any] = {"metric": "accuracy", "value": value, "loss": 0.2, "size": 10}
            test["values"] = {"accuracy": value}
            result = {**RESULT, "splits": {"test": test}}
            answer = await worker.post("finish", {"result": result, "artifacts": []})
        assert answer.status_code == 200, answer.text

    async def trial(  # who, what, from, to
        self,
        who: str,
        answer: int,
        before: float | None,
        after: float | None,
        *,
        shared: bool = True,
    ) -> int:
        base = await self.run(who, before)
        body = {"job_id": base, "shared": shared}
        tried = await self.board.send("POST", f"/posts/{answer}/try", who, body)
        assert tried.status_code == 201, tried.text
        await self.end(after)
        return int(tried.json()["job_id"])

    async def answers(self, question: int, who: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.board.read(question, who))["answers"]
        return found


@pytest.fixture
async def lab(board: Board, app: FastAPI) -> Lab:
    base = await make_base(app, board.people["eve"])
    return Lab(board, base, await make_data(app, board.people["eve"]))


async def test_a_verified_answer_outranks_one_with_as_many_votes(lab: Lab) -> None:
    asked = await lab.board.ask()
    plain = await lab.board.answer(asked["id"], "bob", "Use dropout.")
    tried = await lab.board.answer(asked["id"], "bob", PATCH.format(4))
    for post in (plain, tried):
        await lab.board.vote(post, "ada")
    job = await lab.trial("eve", tried, 0.90, 0.93)
    first, second = await lab.answers(asked["id"])
    page = (await lab.board.client.get(asked["url"])).text
    own = (await lab.board.client.get(asked["url"], headers=lab.board.headers["eve"])).text
    assert (first["id"], first["score"], first["rank"], first["better_runs"]) == (tried, 1, 3, 1)
    assert (second["id"], second["score"], second["rank"]) == (plain, 1, 1)
    assert f'href="#evidence-{tried}"' in page
    assert "Verified by 1 run" in page
    assert f"/jobs/{job}" not in page
    assert f"/jobs/{job}" in own


async def test_private_runs_count_and_are_shown_to_nobody_else(lab: Lab) -> None:
    asked = await lab.board.ask()
    answer = await lab.board.answer(asked["id"], "bob", PATCH.format(4))
    job = await lab.trial("eve", answer, 0.8123, 0.8765, shared=False)
    page = (await lab.board.client.get(asked["url"])).text
    told = await lab.board.send("GET", f"/posts/{answer}/trials")
    own = await lab.board.send("GET", f"/posts/{answer}/trials", "eve")
    assert "Verified by 1 run" in page
    assert "0.8765" not in page
    assert "Private runs count too" in page
    assert told.json() == []
    assert [(one["effect"], one["job_id"]) for one in own.json()] == [(1, job)]


async def test_each_person_counts_once_and_the_author_not_at_all(lab: Lab) -> None:
    asked = await lab.board.ask()
    answer = await lab.board.answer(asked["id"], "bob", PATCH.format(4))
    await lab.trial("bob", answer, 0.90, 0.99)
    assert (await lab.answers(asked["id"]))[0]["evidence"] == 0
    for _ in range(2):
        await lab.trial("eve", answer, 0.90, 0.93)
    found = (await lab.answers(asked["id"]))[0]
    assert (found["evidence"], found["better_runs"]) == (2, 1)


async def test_worse_runs_lower_an_answer_but_never_below_who_was_accepted_above(lab: Lab) -> None:
    asked = await lab.board.ask()
    harmful = await lab.board.answer(asked["id"], "bob", PATCH.format(4))
    plain = await lab.board.answer(asked["id"], "bob", "Use dropout.")
    await lab.trial("eve", harmful, 0.93, None)
    lowered = await lab.answers(asked["id"])
    await lab.board.send("PUT", f"/posts/{harmful}/accepted", "ada")
    accepted = await lab.answers(asked["id"])
    assert [(one["id"], one["rank"]) for one in lowered] == [(plain, 0), (harmful, -2)]
    assert [one["id"] for one in accepted] == [harmful, plain]


async def test_a_patch_that_was_changed_has_to_be_tried_anew(lab: Lab) -> None:
    asked = await lab.board.ask()
    answer = await lab.board.answer(asked["id"], "bob", PATCH.format(4))
    await lab.trial("eve", answer, None, 0.93)
    prose = f"At last:\n\n{PATCH.format(4)}"
    await lab.board.send("PATCH", f"/posts/{answer}", "bob", {"body": prose})
    kept = (await lab.answers(asked["id"]))[0]["evidence"]
    await lab.board.send("PATCH", f"/posts/{answer}", "bob", {"body": PATCH.format(16)})
    page = (await lab.board.client.get(asked["url"])).text
    assert kept == 2
    assert (await lab.answers(asked["id"]))[0]["evidence"] == 0
    assert "0.9300" not in page


async def test_nobody_types_a_verdict(lab: Lab) -> None:
    asked = await lab.board.ask()
    for more in ({"evidence": 10}, {"better_runs": 5}, {"rank": 99}):
        body = {"body": PATCH.format(4), **more}
        refused = await lab.board.send("POST", f"/questions/{asked['id']}/answers", "bob", body)
        assert refused.status_code == 422


async def test_pages_of_ranked_answers_show_each_once(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.questions.service.reading.ANSWERS", 1)
    asked = await lab.board.ask()
    posts = [await lab.board.answer(asked["id"], "bob", f"Number {n}") for n in range(2)]
    tried = await lab.board.answer(asked["id"], "bob", PATCH.format(4))
    await lab.board.vote(posts[1], "ada")
    await lab.trial("eve", tried, 0.90, 0.93)
    seen, cursor = [], ""
    while cursor is not None:
        page = await lab.board.read(asked["id"], cursor=cursor)
        seen += [one["id"] for one in page["answers"]]
        cursor = page["next_cursor"]
    assert seen == [tried, posts[1], posts[0]]


@pytest.mark.parametrize(
    ("metric", "before", "after", "effect"),
    [
        ("accuracy", 0.90, 0.905, 1),
        ("accuracy", 0.90, 0.904, 0),
        ("accuracy", 0.90, 0.88, -1),
        ("cer", 0.10, 0.05, 1),
        ("perplexity", 20.0, 21.0, -1),
        ("mae", 2.0, 1.99, 0),
        ("accuracy", None, 0.2, 1),
        ("accuracy", 0.2, None, -1),
        ("image-classification/accuracy", 0.5, 0.6, 1),
        ("of-a-later-engine", 1.0, 2.0, 0),
    ],
)
def test_an_effect_is_what_exceeds_the_noise_of_two_runs(
    metric: str, before: float | None, after: float | None, effect: int
) -> None:
    assert effect_of(metric, before, after) == effect
