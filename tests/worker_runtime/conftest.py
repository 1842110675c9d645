"""A small site, and workers that really run against it."""

import secrets
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.worker_runtime.site_server import COMMIT, JOB_TOKEN, WORKER_KEY, SmallSite, small_site
from worker import sandbox
from worker.contract.bases import PinnedBase
from worker.contract.inventory import DataInventory, FileFact
from worker.contract.plan import PinnedInventory, examine
from worker.contract.recipe import Recipe
from worker.runner import Workplace
from worker.serve import Worker, own_directory
from worker.settings import WorkerSettings, read_settings

_HEAD = {"name": "head", "train": ["head"], "epochs": 1, "optimizer": {"name": "sgd", "lr": 0.01}}


def make_plan(**resources: float) -> dict[str, Any]:
    """Return a small valid plan: two classes, twenty images each."""
    recipe = Recipe.model_validate(
        {
            "recipe": 1,
            "name": "small",
            "task": "image-classification",
            "model": {"base": {"repo": "me/base"}},
            "data": {"train": {"repo": "me/pets", "split": "train"}},
            "train": {"batch_size": 4, "stages": [_HEAD]},
            "resources": resources,
        }
    )
    facts = tuple(
        FileFact(
            path=f"train/{label}/{n}.png",
            size=10,
            sha256=secrets.token_hex(32),
            label=label,
            split="train",
            width=32,
            height=32,
            mode="RGB",
        )
        for label in ("cat", "dog")
        for n in range(20)
    )
    data = PinnedInventory(
        repo="me/pets",
        commit=COMMIT,
        inventory=DataInventory(
            kind="image-folder", media="image", fields=("image", "label"), facts=facts
        ),
    )
    base = PinnedBase(repo="me/base", commit=COMMIT, library="timm", architecture="resnet18")
    plan = examine(recipe, base, data).plan
    assert plan is not None
    return plan.model_dump(mode="json")


def make_claim(**changes: Any) -> dict[str, Any]:
    plan = changes.pop("plan", None) or make_plan()
    claim = {"job_id": 7, "attempt": 1, "token": JOB_TOKEN, "lease_s": 30, "plan": plan}
    return {**claim, "recipe": plan["recipe"], "repositories": [], "resume": None, **changes}


def pin(role: str, kind: str, repo: str) -> dict[str, str]:
    return {"role": role, "kind": kind, "repo": repo, "commit": COMMIT}


@pytest.fixture
def site() -> Iterator[SmallSite]:
    with small_site() as running:
        yield running


@dataclass
class Bench:
    """Starts workers against the small site."""

    site: SmallSite
    settings: WorkerSettings
    strength: sandbox.Strength

    @contextmanager
    def working(self, program: str, **changes: Any) -> Iterator[Worker]:
        """Run a worker, whose engine is `program`, in a thread until the block ends."""
        place = Workplace(
            replace(self.settings, **changes), self.strength, (sys.executable, "-c", program)
        )
        worker = Worker(place)
        with own_directory(place.settings.directory):
            thread = threading.Thread(target=worker.run, daemon=True)
            thread.start()
            yield worker
            worker.stop()
            thread.join(timeout=30)
            assert not thread.is_alive()

    def run(self, program: str, claim: dict[str, Any], **changes: Any) -> tuple[str, Any]:
        """Run one job to its end and return the last word: its name and body."""
        self.site.claims.append(claim)
        with self.working(program, **changes):
            self.site.wait_for("ending")
        return self.site.endings[0]


@pytest.fixture(scope="session")
def strength() -> sandbox.Strength:
    return sandbox.choose("auto")


@pytest.fixture
def environment(site: SmallSite, tmp_path: Path) -> dict[str, str]:
    return {
        "TUNINGFORK_URL": site.url,
        "TUNINGFORK_WORKER_KEY": WORKER_KEY,
        "TUNINGFORK_WORKER_DIR": str(tmp_path / "worker"),
        "TUNINGFORK_WORKER_QUEUES": "cpu",
        "TUNINGFORK_WORKER_WARM_MINUTES": "0",
    }


@pytest.fixture
def bench(site: SmallSite, environment: dict[str, str], strength: sandbox.Strength) -> Bench:
    return Bench(site, read_settings(environment), strength)


@pytest.fixture
def alive() -> Callable[[str], list[int]]:
    """Find processes of this machine by a word of their command line."""

    def find(word: str) -> list[int]:
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    text = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                if word.encode() in text:
                    found.append(int(entry.name))
        return found

    return find
