"""A whole sweep with nothing pretended: the site, its background work, a real worker, training."""

import asyncio
import io
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.conftest import Site
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.jobs import make_data

LR = "train.stages.0.optimizer.lr"
_LIMIT_S = 360.0


def noisy(color: tuple[int, int, int], seed: int) -> bytes:
    """A small picture of one colour with spots."""
    chance = random.Random(seed)
    image = Image.new("RGB", (24, 24), color)
    for _spot in range(80):
        spot = (chance.randrange(24), chance.randrange(24))
        image.putpixel(spot, tuple(chance.randrange(256) for _channel in range(3)))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def worker(site: Site, tmp_path: Path) -> Iterator[None]:
    """A real worker of the site."""
    environment = os.environ | {
        "TUNINGFORK_URL": site.url,
        "TUNINGFORK_WORKER_KEY": "test-worker-key",
        "TUNINGFORK_WORKER_DIR": str(tmp_path / "worker"),
        "TUNINGFORK_WORKER_QUEUES": "cpu",
        "TUNINGFORK_WORKER_SANDBOX": "limits",
        "OMP_NUM_THREADS": "1",
    }
    process = subprocess.Popen([sys.executable, "-m", "worker", "serve"], env=environment)
    yield
    process.terminate()
    process.wait(timeout=60)


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_a_sweep_over_folds_trains_for_real_and_publishes_its_best(
    site: Site, worker: None
) -> None:
    colors = {"red": (200, 40, 40), "blue": (40, 40, 200)}
    files = {
        f"{label}/{number}.png": noisy(color, number + 100 * index)
        for index, (label, color) in enumerate(colors.items())
        for number in range(12)
    }
    user = await make_user(site.app.state.database)
    headers = bearer(await make_token(site.app.state.database, user))
    data = await make_data(site.app, user, files)
    recipe = {
        "name": "colors",
        "model": {"base": {"repo": "timm/test_resnet", "weights": "random"}},
        "data": {"train": {"repo": data}, "image_size": 24},
        "train": {
            "batch_size": 4,
            "stages": [
                {
                    "name": "all",
                    "train": "all",
                    "epochs": 12,
                    "optimizer": {"name": "adamw", "lr": 0.01},
                }
            ],
        },
        "search": {"sampler": "grid", "space": {LR: {"choice": [1e-7, 0.01]}}},
        "cross_validation": {"n_splits": 2},
    }
    async with httpx.AsyncClient(base_url=site.url, headers=headers, timeout=60) as client:
        begun = await client.post("/api/v1/sweeps", json={"recipe": recipe})
        assert begun.status_code == 201, begun.text
        sweep = await ended(client, begun.json()["id"])
        assert (sweep["state"], sweep["reason"]) == ("succeeded", "")
        best = next(p for p in sweep["points"] if p["point"] == sweep["best_point"])
        assert best["params"] == {LR: 0.01}
        assert best["sd"] is not None
        assert sweep["num_ended"] == 4
        wanted = {"owner": user.name, "name": "colors-best"}
        answer = await client.post(f"/api/v1/sweeps/{sweep['id']}/promote", json=wanted)
        assert answer.status_code == 201, answer.text


async def ended(client: httpx.AsyncClient, number: int) -> dict[str, Any]:
    """Wait for the end of a sweep, as a program without a stream does."""
    until = time.monotonic() + _LIMIT_S
    while True:
        found: dict[str, Any] = (await client.get(f"/api/v1/sweeps/{number}")).json()
        if found["finished_at"] is not None:
            return found
        assert time.monotonic() < until, found
        await asyncio.sleep(0.5)
