"""The real engine behind the real worker: generated pictures, a small network, two epochs."""

import io
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.worker_runtime.conftest import make_claim, pin
from tests.worker_runtime.site_server import COMMIT, SmallSite
from tests.worker_runtime.test_serve import wait_until_gone
from worker.contract.inventory import take_inventory
from worker.contract.plan import PinnedInventory, examine
from worker.contract.recipe import Recipe
from worker.contract.sources import FolderSource

EPOCHS = 4


def picture(color: tuple[int, int, int], noise: random.Random) -> bytes:
    image = Image.new("RGB", (32, 32), color)
    for _ in range(60):
        spot = (noise.randrange(32), noise.randrange(32))
        image.putpixel(spot, tuple(noise.randrange(256) for _ in range(3)))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def claim(site: SmallSite, tmp_path: Path) -> dict[str, Any]:
    """A job over red and blue pictures, whose data the site serves."""
    from worker.modeling.architectures import named_base

    noise = random.Random(7)
    colors = {"red": (200, 30, 30), "blue": (30, 30, 200)}
    files = {
        f"{split}/{label}/{number}.png": picture(color, noise)
        for split, count in (("train", 16), ("test", 4))
        for label, color in colors.items()
        for number in range(count)
    }
    site.repositories["datasets/me/colors"] = files
    for name, content in files.items():
        path = tmp_path / "colors" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    optimizer = {"name": "sgd", "lr": 0.01}
    stage = {"name": "all", "train": "all", "epochs": EPOCHS, "optimizer": optimizer}
    recipe = Recipe.model_validate(
        {
            "recipe": 1,
            "name": "colors",
            "task": "image-classification",
            "model": {"base": {"repo": "torchvision/resnet18", "weights": "random"}},
            "data": {
                "train": {"repo": "me/colors", "split": "train"},
                "test": {"repo": "me/colors", "split": "test"},
                "image_size": 32,
            },
            "train": {"batch_size": 8, "stages": [stage]},
            "resources": {"device": "cpu"},
        }
    )
    inventory = take_inventory(FolderSource(tmp_path / "colors"))
    data = PinnedInventory(repo="me/colors", commit=COMMIT, inventory=inventory)
    base = named_base("torchvision/resnet18")
    assert base is not None
    plan = examine(recipe, base, data).plan
    assert plan is not None
    repositories = [pin("data", "dataset", "me/colors")]
    return make_claim(plan=plan.model_dump(mode="json"), repositories=repositories)


def start_worker(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    env = {**os.environ, **environment, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-m", "worker", "serve"], env=env, cwd=Path.cwd())


def epochs_told(site: SmallSite) -> list[int]:
    events = [event for _, event in sorted(site.events.items())]
    return [event["epoch"] for event in events if event["kind"] == "EpochFinished"]


@pytest.mark.faults
@pytest.mark.timeout(600)
def test_a_killed_run_goes_on_from_its_checkpoint_and_ends_once(
    site: SmallSite,
    environment: dict[str, str],
    claim: dict[str, Any],
    alive: Callable[[str], list[int]],
) -> None:
    site.claims.append(claim)
    with start_worker(environment) as first:
        site.wait_for("checkpoint", timeout_s=250)
        first.send_signal(signal.SIGKILL)
        first.wait()
    wait_until_gone(alive, environment["TUNINGFORK_WORKER_DIR"])
    done_before = max(epochs_told(site))
    assert site.endings == []

    newest = site.checkpoints[-1]
    url = "/api/v1/worker/jobs/7/attempts/1/artifacts/"
    files = [{**file, "url": url + file["path"]} for file in newest["files"]]
    resume = {"stage": newest["stage"], "epoch": newest["epoch"], "files": files}
    site.events.clear()
    site.claims.append({**claim, "resume": resume})
    with start_worker(environment) as second:
        site.wait_for("ending", timeout_s=250)
        second.terminate()
        assert second.wait(timeout=30) == 0

    [(name, body)] = site.endings
    assert name == "finish", json.dumps(body)
    redone = [epoch for epoch in epochs_told(site) if epoch <= done_before]
    assert len(redone) <= 1
    assert epochs_told(site)[-1] == EPOCHS
    assert body["result"]["splits"]["test"]["size"] == 8
    kinds = {file["path"]: file["kind"] for file in body["artifacts"]}
    assert kinds["model.safetensors"] == "weights"
    assert kinds["README.md"] == "card"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_processes_share_a_job_behind_the_fence(
    site: SmallSite, environment: dict[str, str], claim: dict[str, Any]
) -> None:
    claim["plan"]["recipe"]["resources"]["processes"] = 2
    site.claims.append(claim)
    with start_worker(environment) as worker:
        site.wait_for("ending", timeout_s=500)
        worker.terminate()
        assert worker.wait(timeout=30) == 0

    [(name, body)] = site.endings
    assert name == "finish", json.dumps(body)
    assert epochs_told(site) == list(range(1, EPOCHS + 1))
    told = [line for event in site.events.values() for line in event.get("lines", ())]
    assert "2 processes share every batch (auto)." in told
