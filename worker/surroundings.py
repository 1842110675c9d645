"""What every kind of work needs of the machine: its name, its versions, its errors in words."""

import errno
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import torch

from worker.contract.bases import PinnedBase
from worker.contract.failures import FailureCode, RunError
from worker.modeling.weights import file_sha256


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    return {
        "python": platform.python_version(),
        # The imported module knows whether it was built for a GPU; the package's number does not.
        "torch": torch.__version__,
        **{name: version(name) for name in ("torchvision", "timm")},
    }


def device_name(device: torch.device) -> str:
    """Return what people call a device."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "cpu"


def verified_weights(base: PinnedBase, path: Path | None) -> Path | None:
    """Return the file of a base's weights after comparing it with the pinned one.

    Raises:
        RunError: it is missing, or another file than the plan was made for.
    """
    expected = base.weights_sha256
    if path is not None and expected is not None and base.weights == "pretrained":
        if not path.is_file():
            raise RunError(FailureCode.BASE_NOT_FOUND, f"There is no file {path.name}.")
        if file_sha256(path) != expected:
            raise RunError(FailureCode.BASE_INVALID, f"{path.name} is not the file of the plan.")
    return path


@contextmanager
def explained() -> Iterator[None]:
    """Turn the machine's own errors into failures that a user understands."""
    try:
        yield
    except (torch.cuda.OutOfMemoryError, MemoryError) as error:
        raise RunError(FailureCode.OUT_OF_MEMORY) from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise RunError(FailureCode.DISK_FULL, str(error.filename or "")) from error
        raise
    except RuntimeError as error:
        # torch's CPU allocator has no error class of its own.
        if "DefaultCPUAllocator" in str(error):
            raise RunError(FailureCode.OUT_OF_MEMORY) from error
        raise
