"""Builders of recipes, repositories, jobs, and a worker that only talks."""

import hashlib
import io
import json
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI
from PIL import Image

from app.accounts.schemas import AccountRef
from app.core.db import AsyncSession
from app.core.security import ALL_SCOPES, Viewer
from app.hub import service as hub
from app.hub.schemas import AddFile, Author, NewCommit, RepositoryKind
from app.jobs.service import news
from app.jobs.tables import Job
from worker.contract.bases import PinnedBase
from worker.contract.inventory import DataInventory, FileFact
from worker.contract.plan import PinnedInventory, Plan, examine
from worker.contract.recipe_text import recipe_from_values

WORKER_KEY = {"Authorization": "Bearer test-worker-key"}
TINY_CONFIG = {"architecture": "timm/test_vit", "num_classes": 10}


def recipe_values(
    base: str = "ada/base", data: str = "ada/data", name: str = "tiny"
) -> dict[str, Any]:
    """A recipe whose doctor has nothing against it."""
    return {
        "recipe": 1,
        "name": name,
        "task": "image-classification",
        "model": {"base": {"repo": base}},
        "data": {"train": {"repo": data}},
        "train": {
            "batch_size": 8,
            "stages": [
                {
                    "name": "head",
                    "train": ["head"],
                    "epochs": 2,
                    "optimizer": {"name": "adamw", "lr": 0.001},
                }
            ],
        },
    }


def make_plan(name: str = "tiny") -> Plan:
    facts = tuple(
        FileFact(
            path=f"train/{label}/{number}.png",
            size=10,
            sha256=hashlib.sha256(f"{label}{number}".encode()).hexdigest(),
            label=label,
            split="train",
            width=32,
            height=32,
            mode="RGB",
        )
        for label in ("cat", "dog")
        for number in range(10)
    )
    data = PinnedInventory(
        repo="ada/data",
        commit="b" * 40,
        inventory=DataInventory(
            kind="image-folder", media="image", fields=("image", "label"), facts=facts
        ),
    )
    base = PinnedBase.from_config("ada/base", "a" * 40, TINY_CONFIG)
    plan = examine(recipe_from_values(recipe_values(name=name)), base, data).plan
    assert plan is not None
    return plan


async def make_job(
    db: AsyncSession, owner_id: int, *, name: str = "tiny", queue: str = "cpu"
) -> Job:
    """A queued job, as a submission leaves it."""
    plan = make_plan(name)
    job = Job(
        owner_id=owner_id,
        title=name,
        task="image-classification",
        recipe=plan.recipe.model_dump(mode="json"),
        plan=plan.model_dump(mode="json"),
        plan_hash=plan.plan_hash,
        queue=queue,
    )
    db.add(job)
    await db.flush()
    await news.record_state(db, job)
    return job


def picture(seed: int, size: int = 16) -> bytes:
    """A PNG of one colour, another one for every seed."""
    image = Image.new("RGB", (size, size), (seed * 37 % 256, seed * 91 % 256, seed * 53 % 256))
    image.putpixel((seed % size, seed // size % size), (255, 255, 255))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def class_folders(num_each: int = 6, classes: tuple[str, ...] = ("cat", "dog")) -> dict[str, bytes]:
    """Files of a small data set without splits, every picture different."""
    return {
        f"{label}/{number}.png": picture(index * 100 + number)
        for index, label in enumerate(classes)
        for number in range(num_each)
    }


async def make_repository(  # what a repository is made of
    app: FastAPI,
    owner: AccountRef,
    kind: RepositoryKind,
    name: str,
    files: dict[str, bytes],
    *,
    private: bool = False,
) -> str:
    """A repository with one commit on top; returns `owner/name`."""
    storage = app.state.storage
    viewer = Viewer(user_id=owner.id, name=owner.name, scopes=ALL_SCOPES)
    async with app.state.database.transaction() as db:
        repository = await hub.create_repository(
            db, storage, viewer, kind, owner.name, name, private=private
        )
        operations = [AddFile(path, content) for path, content in files.items()]
        new = NewCommit("add files", Author(owner.name, owner.id), operations)
        await hub.commit(db, storage, repository, new)
    return f"{owner.name}/{name}"


async def make_base(app: FastAPI, owner: AccountRef, *, private: bool = False) -> str:
    """A model repository that the doctor accepts as a base; nobody opens its weights."""
    card = b"---\nlicense: apache-2.0\npipeline_tag: image-classification\n---\n# Base\n"
    files = {
        "config.json": json.dumps(TINY_CONFIG).encode(),
        "model.safetensors": b"weights",
        "README.md": card,
    }
    return await make_repository(app, owner, RepositoryKind.MODEL, "base", files, private=private)


async def make_data(
    app: FastAPI,
    owner: AccountRef,
    files: dict[str, bytes] | None = None,
    *,
    private: bool = False,
) -> str:
    """A data-set repository of class folders."""
    return await make_repository(
        app, owner, RepositoryKind.DATASET, "data", files or class_folders(), private=private
    )


@dataclass
class FakeWorker:
    """A worker that only talks: what it reports comes from the test."""

    client: httpx.AsyncClient
    claimed: dict[str, Any] = field(default_factory=dict)
    capabilities: dict[str, Any] = field(default_factory=dict)
    key: str = "test-worker-key"

    async def claim(self, queues: tuple[str, ...] = ("cpu",)) -> bool:
        """Register and claim; whether there was a job."""
        body = {
            "name": "worker-1",
            "queues": queues,
            "protocol": 1,
            "capabilities": self.capabilities,
        }
        registered = await self.client.post("/api/v1/worker/register", json=body, headers=self._key)
        body = {"worker_id": registered.json()["worker_id"], "queues": queues, "protocol": 1}
        answer = await self.client.post("/api/v1/worker/claim", json=body, headers=self._key)
        self.claimed = answer.json() if answer.status_code == 200 else {}
        return bool(self.claimed)

    @property
    def _key(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    @property
    def address(self) -> str:
        """Where everything about the attempt is sent."""
        job, attempt = self.claimed["job_id"], self.claimed["attempt"]
        return f"/api/v1/worker/jobs/{job}/attempts/{attempt}"

    @property
    def headers(self) -> dict[str, str]:
        """The job token of the attempt."""
        return {"Authorization": f"Bearer {self.claimed['token']}"}

    async def post(self, verb: str, body: object) -> httpx.Response:
        """Report something."""
        return await self.client.post(f"{self.address}/{verb}", json=body, headers=self.headers)

    async def events(self, *events: dict[str, Any], start: int = 1) -> httpx.Response:
        """Report events, numbered from `start`."""
        numbered = [
            {"seq": seq, "time": "2026-01-01T00:00:00Z", **event}
            for seq, event in enumerate(events, start=start)
        ]
        return await self.post("events", {"events": numbered})

    async def store(self, path: str, content: bytes, kind: str = "other") -> dict[str, Any]:
        """Upload a file; returns the line that belongs into a list of files."""
        headers = self.headers | {
            "X-Content-Sha256": hashlib.sha256(content).hexdigest(),
            "X-Artifact-Kind": kind,
        }
        answer = await self.client.put(
            f"{self.address}/artifacts/{path}", content=content, headers=headers
        )
        assert answer.status_code == 201, answer.text
        stored: dict[str, Any] = answer.json()
        return stored
