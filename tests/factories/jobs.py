"""Builders of recipes, plans and jobs, without a hub: for tests about what happens afterwards."""

import hashlib
from typing import Any

from app.core.db import AsyncSession
from app.jobs.service import news
from app.jobs.tables import Job
from worker.contract.inventory import DataInventory, FileFact
from worker.contract.plan import PinnedBase, PinnedInventory, Plan, examine
from worker.contract.recipe_text import recipe_from_values

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
        inventory=DataInventory(kind="image-folder", facts=facts),
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
