"""A signed-in person, their jobs, and a worker that tells what a real one would."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.accounts.schemas import AccountRef
from app.core.db import Database
from app.jobs.tables import Job
from tests.factories.accounts import make_user, sign_in
from tests.factories.jobs import make_job

WORKER = {"Authorization": "Bearer test-worker-key"}


@pytest.fixture
async def ada(database: Database) -> AccountRef:
    return await make_user(database, "ada")


@pytest.fixture
async def reader(app: FastAPI, ada: AccountRef) -> AsyncIterator[httpx.AsyncClient]:
    """Ada's browser."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Accept": "text/html"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://testserver", headers=headers
    ) as client:
        await sign_in(client, "ada")
        yield client


@pytest.fixture
async def job(database: Database, ada: AccountRef) -> Job:
    """A job that waits."""
    async with database.transaction() as db:
        return await make_job(db, ada.id)


class Worker:
    """A worker's side of one attempt; its events are numbered as they are told."""

    def __init__(self, client: httpx.AsyncClient, claim: dict[str, Any]) -> None:
        self.client = client
        self.base = f"/api/v1/worker/jobs/{claim['job_id']}/attempts/{claim['attempt']}"
        self.headers = {"Authorization": f"Bearer {claim['token']}"}
        self.seq = 0

    async def tell(self, kind: str, **values: Any) -> None:
        """Report one event."""
        self.seq += 1
        event = {"kind": kind, "seq": self.seq, "time": datetime.now(UTC).isoformat(), **values}
        await self.post("events", {"events": [{"schema_version": 1, **event}]})

    async def post(self, what: str, body: dict[str, Any]) -> None:
        answer = await self.client.post(f"{self.base}/{what}", json=body, headers=self.headers)
        assert answer.is_success, answer.text

    async def begin(self) -> None:
        """Tell of a run up to the first steps of its only stage."""
        await self.tell("RunStarted", plan_hash="0" * 64, device="cpu", versions={}, total_epochs=2)
        counted = {"index": 1, "name": "head", "trainable_count": 20490, "groups": []}
        await self.tell("PlanResolved", total_count=23528522, stages=[counted])
        await self.tell("StageStarted", epochs=2, steps_per_epoch=3, cached=True, **counted)

    async def epoch(self, number: int, accuracy: float) -> None:
        """Tell of an epoch of three steps."""
        steps = range(3 * number - 2, 3 * number + 1)
        points = [
            {
                "step": step,
                "epoch": number,
                "loss": 1.0 / step,
                "lr": {"head": 0.001},
                "samples_per_s": 120.0,
                "memory_bytes": 500_000_000,
            }
            for step in steps
        ]
        await self.tell("StepsReported", stage=1, points=points)
        await self.tell(
            "EpochFinished",
            epoch=number,
            stage=1,
            train_loss=0.5,
            metric="accuracy",
            train_value=accuracy,
            validation_loss=0.625,
            validation_value=accuracy,
            is_best=True,
            seconds=2.0,
            step=3 * number,
        )


@pytest.fixture
async def worker(client: httpx.AsyncClient, job: Job) -> Worker:
    """A worker that has taken the job."""
    about = {"name": "bench-1", "queues": ["cpu"]}
    registered = await client.post("/api/v1/worker/register", json=about, headers=WORKER)
    body = {"worker_id": registered.json()["worker_id"], "queues": ["cpu"]}
    claimed = await client.post("/api/v1/worker/claim", json=body, headers=WORKER)
    assert claimed.status_code == 200, claimed.text
    return Worker(client, claimed.json())


def result(accuracy: float = 0.75) -> dict[str, Any]:
    """A result on eight images of two classes: two dogs were taken for cats."""
    rows = [
        {"label": "cat", "precision": 0.667, "recall": 1.0, "f1": 0.8, "support": 4},
        {"label": "dog", "precision": 1.0, "recall": 0.5, "f1": 0.667, "support": 4},
    ]
    wrong = [
        {"path": f"train/dog/{n}.png", "true": "dog", "predicted": "cat", "probability": 0.9}
        for n in range(2)
    ]
    metrics = {
        "size": 8,
        "loss": 0.5,
        "metric": "accuracy",
        "value": accuracy,
        "low": 0.41,
        "high": 0.93,
        "values": {"accuracy": accuracy, "balanced_accuracy": accuracy, "f1_macro": 0.733},
        "per_class": rows,
        "confusion": [[4, 0], [2, 2]],
        "wrong": wrong,
    }
    stage = {
        "index": 1,
        "name": "head",
        "trainable_count": 20490,
        "epochs": 2,
        "steps": 6,
        "seconds": 4.0,
        "samples_per_s": 120.0,
        "cached": True,
        "reason": "complete",
    }
    return {
        "schema_version": 1,
        "plan_hash": "0" * 64,
        "task": "image-classification",
        "classes": ["cat", "dog"],
        "split": "validation",
        "splits": {"validation": metrics},
        "stages": [stage],
        "total_count": 23528522,
        "epochs": 2,
        "seconds": 4.0,
        "seed": 42,
        "device": "cpu",
        "versions": {},
        "weights_sha256": "0" * 64,
    }
