"""The ONNX file with numbers of 8 bits instead of 32."""

import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from torch import Tensor

Method = Literal["static-int8", "dynamic-int8"]


class _Samples:
    """Hands calibration batches to the library, one at a time."""

    def __init__(self, batches: Iterable[Mapping[str, Tensor]]) -> None:
        self._batches: Iterator[Mapping[str, Tensor]] = iter(batches)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next batch, or None at the end."""
        batch = next(self._batches, None)
        return {name: tensor.cpu().numpy() for name, tensor in batch.items()} if batch else None


def quantize(
    source: Path, target: Path, method: Method, batches: Iterable[Mapping[str, Tensor]]
) -> None:
    """Write an int8 version of an ONNX file.

    Weights get a scale for each channel and 7 of the 8 bits: with all 8, products overflow on
    processors without VNNI and the network is silently wrong there.

    Args:
        source: the file in full numbers.
        target: the file to write.
        method: static-int8 sets the ranges of activations from `batches`; dynamic-int8 measures
            them anew for each input and needs no samples.
        batches: samples of the training split.
    """
    from onnxruntime.quantization import (
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_dynamic,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    # The library advises through the root logger; what counts is measured afterwards.
    logging.getLogger("root").addFilter(_no_advice)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        prepared = Path(folder) / "prepared.onnx"
        try:
            quant_pre_process(source, prepared, skip_symbolic_shape=True)
            if method == "dynamic-int8":
                _forget_shapes(prepared)
                quantize_dynamic(
                    prepared,
                    target,
                    per_channel=True,
                    reduce_range=True,
                    weight_type=QuantType.QInt8,
                )
                return
            quantize_static(
                prepared,
                target,
                _Samples(batches),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
            )
        finally:
            logging.getLogger("root").removeFilter(_no_advice)


def _forget_shapes(path: Path) -> None:
    """Take the noted shapes out: those of weights that are turned around would be wrong."""
    import onnx

    model = onnx.load(path)
    del model.graph.value_info[:]
    onnx.save(model, path)


def _no_advice(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR
