"""Somebody with a sweep, and workers that only talk: their trials follow a formula."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI

from app.sweeps.background import advance_all
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.jobs import FakeWorker, make_base, make_data, recipe_values

LR = "train.stages.0.optimizer.lr"
BEST_LR = 0.004
Objective = Callable[[dict[str, Any], int], float]


def hill(recipe: dict[str, Any], epoch: int) -> float:
    """An accuracy that is highest at BEST_LR and rises with the epochs."""
    lr = recipe["train"]["stages"][0]["optimizer"]["lr"]
    top = 0.95 - 0.12 * (math.log10(lr) - math.log10(BEST_LR)) ** 2
    return top * (1 - 0.5**epoch)


def lr_search(**changes: Any) -> dict[str, Any]:
    """A search for the learning rate, over four powers of ten."""
    space = {LR: {"float": [1e-5, 1e-1], "log": True}}
    return {"sampler": "tpe", "n_trials": 12, "space": space} | changes


@dataclass
class Crew:
    """An owner, a site without background work, and a worker; `epochs` counts what was trained."""

    app: FastAPI
    client: httpx.AsyncClient
    objective: Objective = hill
    headers: dict[str, str] = field(default_factory=dict)
    base: str = ""
    data: str = ""
    epochs: int = 0
    claimed: list[int] = field(default_factory=list)
    leaves_files: bool = False

    async def arrive(self, *, private: bool = False) -> "Crew":
        """Make the owner and what is trained."""
        user = await make_user(self.app.state.database)
        self.headers = bearer(await make_token(self.app.state.database, user))
        self.base = await make_base(self.app, user)
        self.data = await make_data(self.app, user, private=private)
        return self

    def recipe(self, epochs: int = 2, **blocks: Any) -> dict[str, Any]:
        """A recipe with the blocks of a sweep."""
        values = recipe_values(self.base, self.data)
        values["train"]["stages"][0]["epochs"] = epochs
        return values | blocks

    async def submit(self, epochs: int = 2, **blocks: Any) -> httpx.Response:
        """Ask for a sweep."""
        body = {"recipe": self.recipe(epochs, **blocks)}
        return await self.client.post("/api/v1/sweeps", json=body, headers=self.headers)

    async def begin(self, epochs: int = 2, **blocks: Any) -> int:
        """Begin a sweep and return its number."""
        answer = await self.submit(epochs, **blocks)
        assert answer.status_code == 201, answer.text
        number: int = answer.json()["id"]
        return number

    async def get(self, path: str) -> Any:
        """Read something of the sweeps API."""
        answer = await self.client.get(f"/api/v1/sweeps{path}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: object = None) -> httpx.Response:
        """Do something with a sweep."""
        address = f"/api/v1/sweeps{path}"
        return await self.client.post(address, json=body, headers=self.headers)

    async def turn(self) -> None:
        """Let the site look at its sweeps, as it does by itself when it runs."""
        await advance_all(self.app)

    async def work(self, sweep_id: int, *, rounds: int = 400) -> Any:
        """Train epoch by epoch until the sweep has ended; return it."""
        workers: list[tuple[FakeWorker, int]] = []
        for _round in range(rounds):
            await self.turn()
            state = next(s for s in (await self.get(""))["items"] if s["id"] == sweep_id)
            if state["state"] not in {"running", "paused"}:
                return await self.get(f"/{sweep_id}")
            worker = FakeWorker(self.client)
            if await worker.claim():
                self.claimed.append(worker.claimed["job_id"])
                await worker.events({"kind": "RunStarted"})
                workers.append((worker, 0))
            workers = [found for pair in workers if (found := await self._epoch(*pair))]
        raise AssertionError("the sweep does not end")

    async def _epoch(self, worker: FakeWorker, done: int) -> tuple[FakeWorker, int] | None:
        recipe = worker.claimed["recipe"]
        beat = await worker.post("heartbeat", {"progress": 0.1})
        if beat.json()["cancel_requested"]:
            await worker.post("cancelled", {})
            return None
        planned = recipe["train"]["stages"][0]["epochs"]
        value = self.objective(recipe, done + 1)
        self.epochs += 1
        await worker.events(epoch_event(done + 1, value), start=done + 2)
        if done + 1 < planned:
            return worker, done + 1
        await worker.events({"kind": "RunFinished"}, start=done + 3)
        files = await _files(worker) if self.leaves_files else []
        await worker.post("finish", {"result": result(value), "artifacts": files})
        return None


async def _files(worker: FakeWorker) -> list[dict[str, Any]]:
    """Store what a model repository is made of."""
    return [
        await worker.store("model.safetensors", b"trained", "weights"),
        await worker.store("config.json", b"{}", "config"),
        await worker.store("README.md", b"---\nlibrary_name: timm\n---\n# tiny\n", "card"),
    ]


def epoch_event(epoch: int, value: float) -> dict[str, Any]:
    """What a run says after an epoch."""
    return {
        "kind": "EpochFinished",
        "epoch": epoch,
        "stage": 1,
        "metric": "accuracy",
        "train_loss": 1.0,
        "train_value": value,
        "validation_loss": 1 - value,
        "validation_value": value,
        "values": {"accuracy": value},
        "is_best": True,
        "seconds": 1.0,
        "step": epoch,
    }


def result(value: float) -> dict[str, Any]:
    """What a run leaves behind."""
    measured = {"metric": "accuracy", "value": value, "loss": 1 - value, "values": {}, "size": 4}
    return {
        "plan_hash": "0" * 64,
        "task": "image-classification",
        "classes": ["cat", "dog"],
        "split": "validation",
        "splits": {"validation": measured},
        "stages": [],
        "total_count": 10,
        "epochs": 1,
        "seconds": 1.0,
        "seed": 42,
        "device": "cpu",
        "versions": {},
        "weights_sha256": "0" * 64,
    }
