"""Where and in which numbers a run computes."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

from worker.contract.failures import FailureCode, RunError
from worker.contract.recipe import Recipe


@dataclass
class Precision:
    """The device and the numbers of a run; `scaler` is there only for fp16."""

    device: torch.device
    dtype: torch.dtype | None
    scaler: torch.amp.GradScaler | None

    def autocast(self) -> AbstractContextManager[object]:
        """Return the context in which the network runs."""
        if self.dtype is None:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

    @property
    def name(self) -> str:
        """What the log calls it."""
        names = {torch.bfloat16: "bf16", torch.float16: "fp16"}
        return names[self.dtype] if self.dtype is not None else "fp32"


def choose_precision(recipe: Recipe) -> Precision:
    """Return where a recipe runs on this machine.

    Raises:
        RunError: it asks for hardware that is not here.
    """
    wanted = recipe.resources.device
    has_cuda = torch.cuda.is_available()
    if wanted == "cuda" and not has_cuda:
        raise RunError(FailureCode.DEVICE_MISSING, "resources.device is cuda.")
    device = torch.device("cuda" if has_cuda and wanted != "cpu" else "cpu")
    mixed = recipe.train.mixed_precision
    if mixed == "fp16" and device.type != "cuda":
        raise RunError(FailureCode.DEVICE_MISSING, "train.mixed_precision is fp16.")
    # On a CPU bf16 is only chosen when asked for: without AMX it is slower than fp32.
    on_gpu = device.type == "cuda" and torch.cuda.is_bf16_supported()
    dtypes: dict[str, Callable[[], torch.dtype | None]] = {
        "auto": lambda: torch.bfloat16 if on_gpu else None,
        "bf16": lambda: torch.bfloat16,
        "fp16": lambda: torch.float16,
        "no": lambda: None,
    }
    scaler = torch.amp.GradScaler("cuda") if mixed == "fp16" else None
    return Precision(device, dtypes[mixed](), scaler)


def make_reproducible(recipe: Recipe) -> None:
    """Make a second run on the same machine give the same numbers, where the recipe asks for it."""
    if not recipe.reproducibility.deterministic:
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
