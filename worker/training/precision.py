"""Where and in which numbers a run computes."""

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import torch

from worker.contract.failures import FailureCode, RunError
from worker.contract.recipe import Recipe

# Batches shorter than this are not worth a decision that timing noise could turn.
_LEAST_PROBE_S = 0.05
_PROBES = 3
_BF16_INSTRUCTIONS = "avx512_bf16", "amx_bf16", "avx_ne_convert", "arm_bf16"
_CLEARLY = 1.2
# A first pass that takes so many times as long will not end up faster.
_WARM_UP = 4


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
    # On a CPU bf16 is chosen when asked for, else by timing a batch of the real network.
    on_gpu = device.type == "cuda" and torch.cuda.is_bf16_supported()
    dtypes: dict[str, Callable[[], torch.dtype | None]] = {
        "auto": lambda: torch.bfloat16 if on_gpu else None,
        "bf16": lambda: torch.bfloat16,
        "fp16": lambda: torch.float16,
        "no": lambda: None,
    }
    scaler = torch.amp.GradScaler("cuda") if mixed == "fp16" else None
    return Precision(device, dtypes[mixed](), scaler)


def settle_numbers(
    precision: Precision, recipe: Recipe, forward: Callable[[], object], known: str | None
) -> Precision:
    """Return the numbers a run computes in, decided by timing where the recipe leaves it open.

    On a CPU bf16 makes convolutions more than twice as fast, or depthwise ones slower, depending on
    the chip; only a timed batch tells. What was decided once (`known`) holds for the whole run.

    Args:
        precision: what the recipe and the device say.
        recipe: the recipe.
        forward: runs the network on one batch.
        known: the name of the numbers an earlier attempt of the run used.
    """
    is_open = recipe.train.mixed_precision == "auto" and precision.device.type == "cpu"
    if not is_open or known == "fp32":
        return precision
    brief = replace(precision, dtype=torch.bfloat16)
    if known == "bf16" or _pays(precision, brief, forward):
        return brief
    return precision


@torch.no_grad()
def _pays(plain: Precision, brief: Precision, forward: Callable[[], object]) -> bool:
    """Return whether bf16 is clearly faster on a batch that takes long enough to tell."""

    def seconds(precision: Precision) -> float:
        began = time.perf_counter()
        with precision.autocast():
            forward()
        return time.perf_counter() - began

    if not computes_bf16():
        return False
    seconds(plain)
    slow = seconds(plain)
    if slow < _LEAST_PROBE_S or seconds(brief) > _WARM_UP * slow:
        return False
    rounds = [(seconds(plain), seconds(brief)) for _ in range(_PROBES)]
    return min(slow for slow, _ in rounds) > _CLEARLY * min(fast for _, fast in rounds)


def computes_bf16() -> bool:
    """Return whether the processor has instructions for bf16; without, it is far slower."""
    here = torch.cpu.get_capabilities()
    return any(here.get(name) for name in _BF16_INSTRUCTIONS)


def make_reproducible(recipe: Recipe) -> None:
    """Make a second run on the same machine give the same numbers, where the recipe asks for it."""
    if not recipe.reproducibility.deterministic:
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
