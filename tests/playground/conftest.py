"""A site on a port, a worker's predictor beside it, and a model that was really trained."""

from collections.abc import Iterator
from pathlib import Path

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
    started = Predictor(settings, sandbox.choose("auto")).start()
    yield started
    started.close()
