"""Live sandboxes: answerers run the asker's recipe within what the asker gives."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
import yaml
from fastapi import FastAPI

from app.core.clock import now
from app.hub.schemas import RepositoryKind
from app.questions.queries import sandboxes
from tests.factories.accounts import sign_in
from tests.factories.jobs import FakeWorker, class_folders, make_base, make_data, recipe_values
from tests.factories.jobs import make_repository as make_repo
from tests.jobs_pages.conftest import result
from tests.questions.conftest import Board

RECIPE = yaml.safe_dump(recipe_values("ada/base", "ada/data"), sort_keys=False)


@pytest.fixture
async def offered(board: Board, app: FastAPI) -> int:
    """ada asks about her private data and gives two runs of it; returns the question."""
    await make_base(app, board.people["ada"])
    await make_data(app, board.people["ada"], private=True)
    question = int((await board.ask())["id"])
    answer = await offer(board, question)
    assert answer.status_code == 200, answer.text
    return question


async def offer(board: Board, question: int, who: str = "ada", **more: Any) -> httpx.Response:
    body = {"recipe": RECIPE, "max_runs": 2, "max_minutes": 3, "hours": 1, **more}
    return await board.send("PUT", f"/questions/{question}/sandbox", who, body)


async def run(board: Board, question: int, patch: str = "", who: str = "bob") -> httpx.Response:
    return await board.send("POST", f"/questions/{question}/sandbox/runs", who, {"patch": patch})


async def seen(board: Board, question: int, who: str = "") -> dict[str, Any]:
    answer = await board.send("GET", f"/questions/{question}/sandbox", who)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def finish(board: Board, value: float = 0.9) -> FakeWorker:
    worker = FakeWorker(board.client)
    assert await worker.claim()
    await worker.events(
        {"kind": "RunStarted"},
        {"kind": "LogWritten", "lines": ["token=hf_abcdefghijklmnopqrstuvwxyz012345", "epoch 1"]},
        {"kind": "RunFinished"},
    )
    files = [await worker.store("model.safetensors", b"trained", "weights")]
    done = await worker.post("finish", {"result": result(value), "artifacts": files})
    assert done.json() == {"state": "succeeded"}
    return worker


async def test_an_answerer_runs_a_patch_on_the_askers_account(board: Board, offered: int) -> None:
    made = await run(board, offered, "train.batch_size: 4")
    assert made.status_code == 201, made.text
    jobs = (await board.send("GET", "/jobs", "ada")).json()["items"]
    job = (await board.send("GET", f"/jobs/{jobs[0]['id']}", "ada")).json()
    assert job["recipe"]["train"]["batch_size"] == 4
    assert job["recipe"]["resources"]["max_minutes"] == 3
    assert job["title"] == "sandbox-tiny"
    assert (await board.send("GET", "/jobs", "bob")).json()["items"] == []


async def test_the_answerer_sees_numbers_and_a_masked_log_and_no_file(
    board: Board, offered: int
) -> None:
    await run(board, offered)
    worker = await finish(board)
    number = worker.claimed["job_id"]
    found = await board.send("GET", f"/questions/{offered}/sandbox/runs/1", "bob")
    assert found.json()["measures"]["accuracy"] == 0.9
    assert "epoch 1" in found.json()["log"]
    assert "hf_abcdefghij" not in found.text
    assert found.json()["job_id"] is None
    for path in (
        f"/jobs/{number}",
        f"/jobs/{number}/artifacts",
        f"/jobs/{number}/artifacts/model.safetensors",
        f"/jobs/{number}/logs",
    ):
        assert (await board.send("GET", path, "bob")).status_code == 404, path
    data = await board.client.get(
        "/datasets/ada/data/resolve/main/cat/0.png", headers=board.headers["bob"]
    )
    assert data.status_code == 404


async def test_a_used_up_cap_refuses_with_a_sentence(board: Board, offered: int) -> None:
    for _number in range(2):
        assert (await run(board, offered)).status_code == 201
        await finish(board)
    refused = await run(board, offered)
    assert (refused.status_code, refused.json()["code"]) == (409, "sandbox_closed")
    assert refused.json()["error"] == "All 2 runs that the asker gave are used up."
    await offer(board, offered, max_runs=3)
    assert (await run(board, offered)).status_code == 201


async def test_the_asker_stops_it_and_what_runs_is_cancelled(board: Board, offered: int) -> None:
    await run(board, offered)
    stranger = await board.send("DELETE", f"/questions/{offered}/sandbox", "bob")
    stopped = await board.send("DELETE", f"/questions/{offered}/sandbox", "ada")
    refused = await run(board, offered, who="eve")
    assert stranger.status_code == 403
    assert stopped.json()["runs"][0]["state"] == "cancelled"
    assert refused.json()["error"] == "The asker has stopped these runs."


async def test_nothing_runs_after_the_time_is_over(board: Board, offered: int) -> None:
    async with board.database.transaction() as db:
        row = await sandboxes.sandbox(db, offered)
        assert row is not None
        row.until = now() - timedelta(seconds=1)
    refused = await run(board, offered)
    assert refused.json()["error"] == "The time that the asker gave is over."
    assert (await seen(board, offered))["is_open"] is False


async def test_one_run_at_a_time_for_everybody(board: Board, offered: int) -> None:
    await run(board, offered)
    second = await run(board, offered)
    other = await run(board, offered, who="eve")
    assert (second.status_code, second.json()["code"]) == (409, "run_going")
    assert other.status_code == 201


@pytest.mark.parametrize("path", ["data.train.repo", "data.test.repo"])
async def test_a_patch_reads_no_other_data_of_the_askers(
    board: Board, offered: int, app: FastAPI, path: str
) -> None:
    ada = board.people["ada"]
    await make_repo(app, ada, RepositoryKind.DATASET, "secret", class_folders(), private=True)
    private = await run(board, offered, f"{path}: ada/secret")
    missing = await run(board, offered, f"{path}: ada/nothing")
    assert private.status_code == missing.status_code == 404
    assert private.json()["error"].replace("secret", "nothing") == missing.json()["error"]


async def test_a_patch_may_read_what_everybody_may_read(
    board: Board, offered: int, app: FastAPI
) -> None:
    await make_repo(app, board.people["ada"], RepositoryKind.DATASET, "open", class_folders())
    made = await run(board, offered, "data.train.repo: ada/open")
    assert made.status_code == 201, made.text


async def test_a_patch_cannot_lengthen_a_run_nor_ask_for_files(board: Board, offered: int) -> None:
    patch = "resources.max_minutes: 500\nexplain: {samples: 9}"
    made = await run(board, offered, patch)
    assert made.status_code == 201, made.text
    jobs = (await board.send("GET", "/jobs", "ada")).json()["items"]
    recipe = (await board.send("GET", f"/jobs/{jobs[0]['id']}", "ada")).json()["recipe"]
    assert recipe["resources"]["max_minutes"] == 3
    assert recipe["explain"] is None


async def test_a_run_opens_to_who_began_it_and_to_the_asker_alone(
    board: Board, offered: int
) -> None:
    await run(board, offered)
    address = f"/questions/{offered}/sandbox/runs/1"
    codes = [(await board.send("GET", address, who)).status_code for who in ("bob", "ada", "eve")]
    assert codes == [200, 200, 404]
    everybody = (await seen(board, offered))["runs"][0]
    assert (everybody["runner"], everybody["job_id"]) == ("bob", None)
    assert (await seen(board, offered, "ada"))["runs"][0]["job_id"] is not None


async def test_only_the_asker_offers_runs(board: Board, offered: int) -> None:
    assert (await offer(board, offered, "eve")).status_code == 403


async def test_a_recipe_that_does_not_run_is_not_offered(board: Board, offered: int) -> None:
    answer = await offer(board, offered, recipe="recipe: 1\nname: x\n")
    assert answer.status_code == 422


async def test_the_forms_offer_run_and_say_what_was_refused(board: Board, offered: int) -> None:
    await sign_in(board.client, "bob")
    here = f"/questions/{offered}/sandbox"
    bad = await board.client.post(f"{here}/runs", data={"patch": "train.stages.9.epochs: 1"})
    done = await board.client.post(f"{here}/runs", data={"patch": "train.batch_size: 4"})
    page = await board.client.get(done.headers["location"])
    listed = (await board.client.get(here)).text
    line = await board.client.get(here, headers={"HX-Request": "true"})
    assert bad.status_code == 422
    assert "leads nowhere in this recipe" in bad.text
    assert done.status_code == 303
    assert "train.batch_size: 4" in page.text
    assert "1 of 2 runs used" in listed
    assert "1 run left" in line.text


async def test_the_question_leads_to_its_sandbox(board: Board, offered: int) -> None:
    page = (await board.client.get(f"/questions/{offered}", follow_redirects=True)).text
    assert f"/questions/{offered}/sandbox" in page
