"""A site on a port, a worker's predictor beside it, and a model that was really trained."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import Site
from tests.worker.builders import Run, recipe_values, run, stage, write_images
from worker import sandbox
from worker.settings import read_settings
from worker.trying.host import Predictor


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A tiny network that tells three colours apart, tested on twelve pictures."""
    folder = tmp_path_factory.mktemp("trained")
    write_images(folder / "data")
    values = recipe_values(stage(epochs=2), data={"normalize": "dataset"})
    return run(folder, values)


@pytest.fixture
def predictor(site: Site, tmp_path: Path) -> Iterator[Predictor]:
    """A worker's predictor that answers what people try on the site."""
    settings = read_settings(
        {
            "TUNINGFORK_URL": site.url,
            "TUNINGFORK_WORKER_KEY": "test-worker-key",
            "TUNINGFORK_WORKER_DIR": str(tmp_path / "worker"),
            "TUNINGFORK_WORKER_QUEUES": "predict",
        }
    )
    started = Predictor(settings, sandbox.choose("auto"), wait_s=0.5).start()
    yield started
    started.close(patience_s=60.0)


@pytest.fixture
def worker(site: Site, tmp_path: Path) -> Iterator[None]:
    """A worker as an operator starts it, for nothing but this; told to stop, it stops."""
    environment = {
        **os.environ,
        "TUNINGFORK_URL": site.url,
        "TUNINGFORK_WORKER_KEY": "test-worker-key",
        "TUNINGFORK_WORKER_DIR": str(tmp_path / "worker"),
        "TUNINGFORK_WORKER_QUEUES": "predict",
        "TUNINGFORK_WORKER_WARM_MINUTES": "0",
    }
    with subprocess.Popen([sys.executable, "-m", "worker", "serve"], env=environment) as process:
        yield
        process.terminate()
        assert process.wait(timeout=60) == 0


@pytest.fixture
def talker(site: Site) -> Iterator[None]:
    """A worker that only talks: whatever it is given, it says that it sees red."""
    over = threading.Event()
    address = "/api/v1/worker/predictions"
    scores = [{"label": label, "score": score} for label, score in (("red", 0.75), ("blue", 0.25))]

    def work() -> None:
        key = {"Authorization": "Bearer test-worker-key"}
        with httpx.Client(base_url=site.url, headers=key, timeout=120) as client:
            while not over.is_set():
                claim = client.post(f"{address}/claim", json={"wait_s": 0.2})
                if claim.status_code == httpx.codes.OK:
                    said = {"prediction": {"task": claim.json()["task"], "scores": scores}}
                    client.post(f"{address}/{claim.json()['id']}/answer", json=said)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join()
