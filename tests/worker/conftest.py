from pathlib import Path

import pytest
import torch

from tests.worker.builders import write_images


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def _pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("pictures") / "data")


@pytest.fixture
def folder(tmp_path: Path, _pictures: Path) -> Path:
    """Return a folder in which `data` is a small data set of three colours."""
    (tmp_path / "data").symlink_to(_pictures)
    return tmp_path
