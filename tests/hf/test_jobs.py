"""Fine-tuning jobs through the stock client and the `hf` command."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import yaml
from fastapi import FastAPI

from app.accounts.schemas import AccountRef
from app.accounts.service import find_account
from app.core.db import Database
from app.jobs.tables import Job
from tests.conftest import Site
from tests.factories.accounts import make_user
from tests.factories.jobs import WORKER_KEY, FakeWorker, make_base, make_data, make_job
from tests.factories.jobs import recipe_values as recipe
from tests.hf.conftest import Client

HF = Path(sys.executable).with_name("hf")
GPU = {"name": "NVIDIA Test 9000", "memory_bytes": 24 << 30}


@pytest.fixture
async def ada(database: Database, token: str) -> AccountRef:
    async with database.transaction() as db:
        account = await find_account(db, "ada")
    assert account is not None
    return account


@pytest.fixture
async def job(database: Database, ada: AccountRef) -> Job:
    async with database.transaction() as db:
        return await make_job(db, ada.id)


@pytest.fixture
async def worker(site: Site) -> AsyncIterator[FakeWorker]:
    async with httpx.AsyncClient(base_url=site.url) as client:
        yield FakeWorker(client)


class Command:
    """The `hf` command in a process of its own, without blocking the test's own work."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = {**environment, "NO_COLOR": "1", "COLUMNS": "200"}

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            str(HF),
            *arguments,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def __call__(self, *arguments: str, fails: bool = False) -> str:
        process = await self.start(*arguments)
        out, err = await process.communicate()
        assert (process.returncode != 0) == fails, out + err
        return (out + err).decode()


@pytest.fixture
def command(environment: dict[str, str]) -> Command:
    return Command(environment)


def written(*lines: str) -> dict[str, object]:
    return {"kind": "LogWritten", "lines": list(lines)}


async def succeed(worker: FakeWorker) -> None:
    stored = await worker.store("model.safetensors", b"weights", "weights")
    metrics = {
        "split": "test",
        "splits": {"test": {"metric": "accuracy", "value": 0.9}},
        "artifacts": [stored],
    }
    answer = await worker.post("finish", {"outcome": "succeeded", "result": metrics})
    assert answer.is_success, answer.text


def test_the_client_lists_inspects_labels_and_cancels_a_job(hf: Client, job: Job) -> None:
    told = hf(f"""
api.update_job_labels(job_id="{job.id}", labels={{"team": "flowers"}})
found = [one.id for one in api.list_jobs(labels={{"team": "flowers"}}, status="SCHEDULING")]
none = [one.id for one in api.list_jobs(labels={{"team": "cars"}})]
named = [one.id for one in api.list_jobs(labels={{"name": "tiny"}})]
one = api.inspect_job(job_id="{job.id}")
api.cancel_job(job_id="{job.id}")
after = api.wait_for_job("{job.id}")
result = dict(
    found=found, none=none, named=named, owner=one.owner.name, labels=one.labels, flavor=one.flavor,
    stage=one.status.stage, url=one.url, total=one.durations.total_secs, after=after.status.stage,
)
""")
    assert told["found"] == told["named"] == [str(job.id)]
    assert told["none"] == []
    assert (told["stage"], told["after"]) == ("SCHEDULING", "CANCELED")
    assert told["labels"] == {"name": "tiny", "team": "flowers"}
    assert told["owner"] == "ada"
    assert told["flavor"] == "cpu"
    assert told["url"].endswith(f"/jobs/ada/{job.id}")
    assert told["total"] >= 0


async def test_the_command_shows_a_running_job_and_follows_its_log_to_the_end(
    command: Command, job: Job, worker: FakeWorker
) -> None:
    await worker.claim()
    begun = {"kind": "RunStarted", "plan_hash": "0" * 64, "device": "cpu", "total_epochs": 2}
    await worker.events(begun, written("one", "two"))
    assert "RUNNING" in await command("jobs", "ps")
    follower = await command.start("jobs", "logs", "-f", str(job.id))
    assert follower.stdout is not None
    assert [await follower.stdout.readline() for _ in range(2)] == [b"one\n", b"two\n"]
    await worker.events(written("three"), start=3)
    assert await follower.stdout.readline() == b"three\n"
    await succeed(worker)
    rest, _errors = await follower.communicate()
    assert (rest, follower.returncode) == (b"", 0)
    assert "COMPLETED" in await command("jobs", "inspect", str(job.id))
    assert "COMPLETED" in await command("jobs", "wait", str(job.id))
    assert (await command("jobs", "logs", "--tail", "1", str(job.id))).startswith("three\n")


async def test_the_command_shows_the_hardware_of_live_workers(
    command: Command, worker: FakeWorker
) -> None:
    body = {
        "name": "big",
        "queues": ["gpu", "cpu"],
        "protocol": 1,
        "capabilities": {"gpus": [GPU, GPU], "cpu_count": 16, "memory_bytes": 128 << 30},
    }
    await worker.client.post("/api/v1/worker/register", json=body, headers=WORKER_KEY)
    shown = await command("jobs", "hardware")
    assert "2x NVIDIA Test 9000 (48 GB)" in shown
    assert "free" in shown


async def test_a_command_for_an_image_is_refused_with_what_to_do(command: Command) -> None:
    told = await command("jobs", "run", "python:3.12", "python", "-V", fails=True)
    assert "does not run images or commands" in told


async def test_a_recipe_in_the_environment_becomes_a_job(
    app: FastAPI, ada: AccountRef, hf: Client
) -> None:
    text = yaml.safe_dump(recipe(await make_base(app, ada), await make_data(app, ada)))
    told = hf(f"""
job = api.run_job(
    image="tuningfork", command=["fine-tune"], env={{"TUNINGFORK_RECIPE": {text!r}}},
    labels={{"team": "flowers"}},
)
again = api.rerun_job(job_id=job.id)
result = dict(
    labels=job.labels, volumes=[v.source for v in job.volumes], again=again.initiator.type,
    kept=again.labels["team"],
)
""")
    assert told["labels"]["team"] == told["kept"] == "flowers"
    assert told["volumes"] == ["ada/base", "ada/data"]
    assert told["again"] == "duplicated-job"


async def test_the_stock_command_sends_a_recipe_as_a_variable(
    app: FastAPI, ada: AccountRef, command: Command
) -> None:
    text = json.dumps(recipe(await make_base(app, ada), await make_data(app, ada)))
    variable = f"TUNINGFORK_RECIPE={text}"
    told = await command("jobs", "run", "--detach", "--env", variable, "tuningfork", "fine-tune")
    assert "Job started" in told
    assert "SCHEDULING" in await command("jobs", "ps")


async def test_jobs_of_others_are_not_there(database: Database, hf: Client) -> None:
    bob = await make_user(database, "bob")
    async with database.transaction() as db:
        theirs = await make_job(db, bob.id)
    told = hf(f"""
from huggingface_hub.errors import HfHubHTTPError
result = []
for namespace in ("bob", "ada", "nobody"):
    for ask in (api.inspect_job, api.cancel_job, lambda **k: list(api.fetch_job_logs(**k))):
        try:
            ask(job_id="{theirs.id}", namespace=namespace)
        except HfHubHTTPError as error:
            result.append((type(error).__name__, error.response.status_code))
""")
    assert told == [["JobNotFoundError", 404]] * 9


async def test_the_stream_of_numbers_tells_the_newest_step(
    hf: Client, job: Job, worker: FakeWorker
) -> None:
    await worker.claim()
    point = {"step": 3, "epoch": 1, "loss": 0.5, "lr": {"head": 0.001}}
    point |= {"samples_per_s": 10.0, "memory_bytes": 1000}
    stored = await worker.events({"kind": "StepsReported", "stage": 1, "points": [point]})
    assert stored.is_success, stored.text
    told = hf(f'result = list(api.fetch_job_metrics(job_id="{job.id}"))')
    assert told[0]["training"]["step"] == 3
    assert told[0]["memory_used_bytes"] == 1000
