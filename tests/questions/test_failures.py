"""Questions about failed runs: what is told, what stays secret, and who meets the answer."""

from typing import Any

import pytest
from fastapi import FastAPI

from app.core.masking import mask
from app.jobs.service.fingerprints import fingerprint_of
from tests.factories.jobs import FakeWorker, make_base, make_data, make_job, recipe_values
from tests.questions.conftest import Board

SECRET = "hf_" + "aB3" * 11
RESULT = {
    "plan_hash": "x", "task": "image-classification", "classes": ["cat", "dog"], "split": "test",
    "stages": [], "total_count": 1, "epochs": 1, "seconds": 1.0, "seed": 0, "device": "cpu",
    "versions": {}, "weights_sha256": "0" * 64,
}  # fmt: skip


def memory_failure(number: int = 1) -> dict[str, Any]:
    return {
        "code": "OUT_OF_MEMORY",
        "sentence": "The machine ran out of memory.",
        "fix": "Use a smaller batch_size.",
        "detail": f"cannot allocate {number} MiB in /home/ada/run-{number}",
        "log_tail": [f"token={SECRET}", "RuntimeError: out of memory"],
    }


async def fail(board: Board, who: str, failure: dict[str, Any]) -> int:
    """A run of somebody's that ended so."""
    async with board.database.transaction() as db:
        job = await make_job(db, board.people[who].id)
        number = job.id
    worker = FakeWorker(board.client)
    await worker.claim()
    lines = [
        {"kind": "RunStarted", "plan_hash": "x", "device": "cpu", "versions": {"torch": "2.15"}},
        {"kind": "LogWritten", "lines": [f"Authorization: Bearer {SECRET}", "epoch 1 begins"]},
    ]
    await worker.events(*lines)
    answer = await worker.post("fail", {"failure": failure})
    assert answer.status_code == 200, answer.text
    return number


async def test_one_click_writes_half_of_the_question_and_no_secret(board: Board) -> None:
    job = await fail(board, "ada", memory_failure())
    page = await board.client.get(f"/questions/ask?job={job}", headers=board.headers["ada"])
    assert page.status_code == 200
    for words in ("OUT_OF_MEMORY", "epoch 1 begins", "batch_size", "torch", "image-classification"):
        assert words in page.text
    assert SECRET not in page.text
    assert "/home/ada" not in page.text


async def test_nobody_asks_about_somebody_elses_run(board: Board) -> None:
    job = await fail(board, "ada", memory_failure())
    page = await board.client.get(f"/questions/ask?job={job}", headers=board.headers["bob"])
    body = {"title": "About a run of ada's", "body": "x", "tags": ["nlp"], "job_id": job}
    asked = await board.send("POST", "/questions", "bob", body)
    assert (page.status_code, asked.status_code) == (404, 404)


async def test_the_next_person_with_the_failure_meets_the_accepted_answer(board: Board) -> None:
    asked = await board.ask("ada", job_id=await fail(board, "ada", memory_failure(12)))
    answer = await board.answer(asked["id"], "bob", "Halve the batch size.")
    await board.send("PUT", f"/posts/{answer}/accepted", "ada")
    second = await fail(board, "eve", memory_failure(900))
    other = await fail(board, "eve", {**memory_failure(), "code": "DIVERGED"})
    seen = await board.client.get(
        f"/questions/about-failure/{second}", headers=board.headers["eve"]
    )
    unlike = await board.client.get(
        f"/questions/about-failure/{other}", headers=board.headers["eve"]
    )
    assert asked["url"] in seen.text
    assert "Halve the batch size." in seen.text
    assert asked["url"] not in unlike.text


async def test_the_page_of_a_question_about_a_run_does_not_open_the_run(board: Board) -> None:
    job = await fail(board, "ada", memory_failure())
    asked = await board.ask("ada", job_id=job)
    page = await board.client.get(asked["url"])
    assert "OUT_OF_MEMORY" in page.text
    assert f"/jobs/{job}" not in page.text


async def test_a_patch_is_tried_on_ones_own_run_and_the_worker_says_what_it_did(
    board: Board, app: FastAPI
) -> None:
    base = await make_base(app, board.people["eve"])
    data = await make_data(app, board.people["eve"])
    body = {"recipe": recipe_values(base, data)}
    made = await board.send("POST", "/jobs", "eve", body)
    asked = await board.ask("ada")
    patch = "Smaller batches:\n\n```recipe-patch\ntrain.batch_size: 4\n```\n"
    answer = await board.answer(asked["id"], "bob", patch)
    await run(board, made.json()["id"], 0.90)
    tried = await board.send(
        "POST", f"/posts/{answer}/try", "eve", {"job_id": made.json()["id"], "shared": True}
    )
    job = await board.send("GET", f"/jobs/{tried.json()['job_id']}", "eve")
    await run(board, tried.json()["job_id"], 0.93)
    page = (await board.client.get(asked["url"])).text
    assert job.json()["recipe"]["train"]["batch_size"] == 4
    assert "0.9000 → <strong>0.9300</strong>" in " ".join(page.split())
    assert "+0.0300" in page


async def run(board: Board, job_id: int, accuracy: float) -> None:
    worker = FakeWorker(board.client)
    assert await worker.claim()
    assert worker.claimed["job_id"] == job_id
    splits: dict[str, dict[str, Any]] = {
        "test": {"metric": "accuracy", "value": accuracy, "loss": 0.2, "size": 10}
    }
    splits["test"]["values"] = {"accuracy": accuracy}
    finished = await worker.post(
        "finish", {"result": {**RESULT, "splits": splits}, "artifacts": []}
    )
    assert finished.status_code == 200, finished.text


@pytest.mark.parametrize(
    ("patch", "code"),
    [
        ("train.stages.7.epochs: 1", "bad_patch"),
        ("- a list", "bad_patch"),
        ("train.nothing: 1", "recipe_invalid"),
    ],
)
async def test_a_patch_that_does_not_fit_is_refused(board: Board, patch: str, code: str) -> None:
    job = await fail(board, "eve", memory_failure())
    asked = await board.ask("ada")
    answer = await board.answer(asked["id"], "bob", f"```recipe-patch\n{patch}\n```")
    refused = await board.send("POST", f"/posts/{answer}/try", "eve", {"job_id": job})
    stranger = await board.send("POST", f"/posts/{answer}/try", "bob", {"job_id": job})
    assert (refused.status_code, refused.json()["code"]) == (422, code), refused.text
    assert stranger.status_code == 404


def test_a_fingerprint_forgets_what_differs_from_run_to_run() -> None:
    one = {"code": "DATA_INVALID", "detail": "train/cat/12.png: 3 of 700 files ('a b.png')"}
    two = {"code": "DATA_INVALID", "detail": "train/dog/9.png: 41 of 80 files ('c.png')"}
    three = {"code": "DATA_INVALID", "detail": "no labels at all"}
    assert fingerprint_of({**one, "detail": one["detail"]}) != fingerprint_of(dict(three))
    assert len(fingerprint_of(dict(two))) == 16


def test_an_engine_error_is_told_apart_by_where_it_was_raised() -> None:
    def trace(line: int, name: str) -> dict[str, Any]:
        frames = [f'  File "/opt/x{line}/loop.py", line {line}, in {name}', "    step()"]
        error = f"ValueError: Expected {line} classes, got 0x{line:x}"
        return {"code": "INTERNAL", "detail": "", "log_tail": [*frames, error]}

    assert fingerprint_of(trace(10, "step")) == fingerprint_of(trace(99, "step"))
    assert fingerprint_of(trace(10, "step")) != fingerprint_of(trace(10, "load"))


@pytest.mark.parametrize(
    ("told", "secret"),
    [
        (f"HF_TOKEN={SECRET}", SECRET),
        ("password: hunter22x", "hunter22x"),
        ("Authorization: Bearer abc.def.ghi-jkl", "abc.def"),
        ("https://ada:s3cret@example.org/x", "s3cret"),
        ("AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP", "dBjftJeZ4CVP"),
        ("ada@example.org", "ada"),
        ("10.20.30.40", "20.30"),
        ("/home/ada/data", "ada"),
        ("sk-proj-abcdefghijklmnop", "abcdefgh"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(told: str, secret: str) -> None:
    hidden = mask(f"before {told} after")
    assert secret not in hidden
    assert hidden.startswith("before ")
    assert hidden.endswith(" after")


def test_ids_and_numbers_of_a_log_stay_readable() -> None:
    line = "epoch 3 loss 0.1234 commit " + "a1" * 20 + " sha256 " + "0f" * 32 + " on 127.0.0.1"
    assert mask(line) == line
