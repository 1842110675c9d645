"""Data directories whose database is removed afterwards, wherever it had to live."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.embedded.owner import STATE_ROOT, reachable, server_owner
from tests.embedded.harness import RunningTree, running_tree

SMALL = ("--workers", "0", "--no-starter")


def _remove_cluster(folder: Path) -> None:
    cluster = reachable((folder / "postgres").absolute(), server_owner())
    if cluster.parent == STATE_ROOT:
        shutil.rmtree(cluster)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    _remove_cluster(tmp_path / "data")


@pytest.fixture
def tree(data: Path) -> Iterator[RunningTree]:
    """A tree of this test's own, to be killed and stopped."""
    with running_tree(data, *SMALL) as running:
        yield running


@pytest.fixture(scope="session")
def shared_tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTree]:
    """A tree that the tests which only look or add share."""
    folder = tmp_path_factory.mktemp("shared") / "data"
    with running_tree(folder, *SMALL) as running:
        yield running
    _remove_cluster(folder)
