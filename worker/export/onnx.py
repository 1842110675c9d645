"""The result as an ONNX file, compared with torch before anybody relies on it."""

import inspect
import time
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnxruntime import InferenceSession

OUTPUT_NAME = "logits"
MAX_DIFFERENCE = 1e-3
_OPSET = 20
_TIMED_RUNS = 20
_LONGEST_REASON = 300
Inputs = Mapping[str, Tensor]


class NotExportableError(Exception):
    """The network uses something that ONNX has no word for; the message is the exporter's."""


@dataclass(frozen=True)
class Comparison:
    """Scores of a file beside those of torch: largest distance, and part of equal decisions."""

    max_difference: float
    agreement: float
    samples: int

    @property
    def is_same(self) -> bool:
        """Whether the file may stand for the network."""
        return self.max_difference <= MAX_DIFFERENCE


def export_onnx(network: nn.Module, example: Inputs, path: Path) -> None:
    """Write a network as one ONNX file whose inputs may have any batch size.

    Args:
        network: called with the inputs in their order; its modes are given back as they were.
        example: name of each input to an example of it; integer ones may also vary in length.
        path: the file.

    Raises:
        NotExportableError: the exporter gave up.
    """
    from torch.onnx import OnnxExporterError

    path.parent.mkdir(parents=True, exist_ok=True)
    # One sample would be taken for a fixed size.
    arguments = tuple(_at_least_two(tensor.cpu()) for tensor in example.values())
    with _quiet(network) as quiet:
        try:
            torch.onnx.export(
                quiet,
                arguments,
                path,
                dynamo=True,
                external_data=False,
                verbose=False,
                opset_version=_OPSET,
                input_names=list(example),
                output_names=[OUTPUT_NAME],
                dynamic_shapes=_free_all(network, arguments),
            )
        except OnnxExporterError as error:
            reason = str(error.__cause__ or error).strip().splitlines()[0]
            raise NotExportableError(reason[:_LONGEST_REASON]) from error


def _at_least_two(tensor: Tensor) -> Tensor:
    return tensor if len(tensor) > 1 else torch.cat((tensor, tensor))


def _free_all(network: nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Any, ...]:
    free = tuple(_free(tensor) for tensor in arguments)
    parameters = inspect.signature(network.forward).parameters.values()
    # Arguments that are taken as one list are one argument to the exporter.
    is_list = any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters)
    return (free,) if is_list else free


def _free(tensor: Tensor) -> dict[int, Any]:
    free: dict[int, Any] = {0: torch.export.Dim.DYNAMIC}
    if not tensor.is_floating_point() and tensor.ndim > 1:
        free[1] = torch.export.Dim.DYNAMIC
    return free


@contextmanager
def _quiet(network: nn.Module) -> "Iterator[nn.Module]":
    """Give the network in eval mode on the CPU, and keep the exporter's notes to itself."""
    import contextlib
    import io
    import logging
    import warnings

    modes = {part: part.training for part in network.modules()}
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            yield network.cpu().eval()
        finally:
            network.to(device)
            for part, mode in modes.items():
                part.training = mode


def open_session(path: Path, threads: int = 0) -> "InferenceSession":
    """Return a session on the CPU; `threads` 0 lets the library choose."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or torch.get_num_threads()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def scores_of(session: "InferenceSession", batch: Inputs) -> Tensor:
    """Return the scores that a file gives for a batch."""
    names = {item.name for item in session.get_inputs()}
    fed = {name: tensor.cpu().numpy() for name, tensor in batch.items() if name in names}
    return torch.from_numpy(session.run([OUTPUT_NAME], fed)[0])


@torch.no_grad()
def compare(
    network: nn.Module, session: "InferenceSession", batches: Iterable[Inputs]
) -> Comparison:
    """Return how a file's scores differ from torch's over real samples."""
    worst, same, seen = 0.0, 0, 0
    with _quiet(network) as quiet:
        for batch in batches:
            ours = quiet(*(tensor.cpu() for tensor in batch.values())).float()
            theirs = scores_of(session, batch)
            worst = max(worst, float((ours - theirs).abs().max()))
            same += int((ours.argmax(-1) == theirs.argmax(-1)).sum())
            seen += ours.argmax(-1).numel()
    return Comparison(worst, same / max(1, seen), seen)


def all_scores(session: "InferenceSession", batches: Iterable[Inputs]) -> Tensor:
    """Return the scores of all batches, in order."""
    return torch.cat([scores_of(session, batch) for batch in batches])


def milliseconds_of(path: Path, batch: Inputs) -> float:
    """Return the least time of one sample at a time on one core, in milliseconds.

    The least of several is what the file needs; the rest is other work on the same machine.
    """
    session = open_session(path, threads=1)
    sample = {name: tensor[:1] for name, tensor in batch.items()}
    times = []
    for _ in range(_TIMED_RUNS):
        began = time.perf_counter()
        scores_of(session, sample)
        times.append(time.perf_counter() - began)
    return min(times) * 1000
