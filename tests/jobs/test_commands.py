"""`tuningfork submit` and `tuningfork watch` against a real server."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import Site
from tests.factories.accounts import make_token, make_user
from tests.factories.jobs import FakeWorker, make_base, make_data, recipe_values


class Terminal:
    """Somebody at a terminal with a token and a recipe file."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site, self.recipe = site, folder / "recipe.json"
        self.token = ""

    async def prepare(self, app: FastAPI) -> "Terminal":
        user = await make_user(app.state.database)
        self.token = await make_token(app.state.database, user)
        values = recipe_values(await make_base(app, user), await make_data(app, user))
        self.recipe.write_text(json.dumps(values))
        return self

    async def start(self, *arguments: str) -> Process:
        environment = os.environ | {
            "HF_ENDPOINT": self.site.url,
            "HF_TOKEN": self.token,
            "TUNINGFORK_URL": "",
            "TUNINGFORK_TOKEN": "",
        }
        command = [sys.executable, "-m", "app.cli", *arguments]
        return await asyncio.create_subprocess_exec(
            *command, stdout=PIPE, stderr=PIPE, env=environment
        )

    async def run(self, *arguments: str) -> tuple[int | None, str, str]:
        process = await self.start(*arguments)
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()


@pytest.fixture
async def terminal(site: Site, app: FastAPI, tmp_path: Path) -> Terminal:
    return await Terminal(site, tmp_path).prepare(app)


@pytest.fixture
async def worker(site: Site) -> AsyncIterator[FakeWorker]:
    async with httpx.AsyncClient(base_url=site.url, timeout=30) as client:
        yield FakeWorker(client)


async def test_submit_prints_the_number_and_watch_follows_to_the_end(
    terminal: Terminal, worker: FakeWorker
) -> None:
    code, out, err = await terminal.run("submit", str(terminal.recipe))
    assert code == 0, err
    watching = await terminal.start("watch", out.strip())
    assert await worker.claim()
    await worker.events(
        {"kind": "RunStarted"},
        {"kind": "EpochFinished", "epoch": 1, "train_loss": 0.5, "validation_loss": 0.25},
        {"kind": "RunFinished"},
    )
    result = {"split": "test", "splits": {"test": {"metric": "accuracy", "value": 0.875}}}
    await worker.post("finish", {"result": result})
    _out, told = await watching.communicate()
    assert watching.returncode == 0
    assert "epoch 1: train loss 0.5000, validation loss 0.2500" in told.decode()
    assert "accuracy 0.8750" in told.decode()


async def test_watching_a_failed_job_ends_with_its_reason(
    terminal: Terminal, worker: FakeWorker
) -> None:
    waiting = await terminal.start("submit", str(terminal.recipe), "--wait")
    assert waiting.stdout is not None
    await waiting.stdout.readline()
    assert await worker.claim()
    failure = {"code": "DIVERGED", "sentence": "The loss is not a number.", "fix": "Slower."}
    await worker.post("fail", {"failure": failure})
    _out, told = await waiting.communicate()
    assert waiting.returncode == 1
    assert "failed. The loss is not a number. Slower." in told.decode()


async def test_a_recipe_with_a_mistake_is_explained(terminal: Terminal) -> None:
    values = json.loads(terminal.recipe.read_text())
    values["train"]["batchsize"] = 3
    terminal.recipe.write_text(json.dumps(values))
    code, out, err = await terminal.run("submit", str(terminal.recipe))
    assert (code, out) == (1, "")
    assert "train.batchsize" in err
    assert "batch_size" in err


async def test_without_a_token_the_command_says_how_to_get_one(terminal: Terminal) -> None:
    terminal.token = ""
    code, _out, err = await terminal.run("submit", str(terminal.recipe))
    assert code == 1
    assert "Access tokens" in err
