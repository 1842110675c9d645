"""Measures of a segmenter, from one table of how many pixels of a class were taken for another."""

from collections.abc import Sequence
from itertools import groupby

import torch
from pydantic import JsonValue
from torch import Tensor
from torch.nn import functional

from worker.contract.formats.masks import IGNORED
from worker.contract.manifest import ClassMetrics, SplitMetrics
from worker.data.batches import Batch
from worker.data.dense import Pictures

SHOWN = 12
# The longer side of the masks that are shown, in cells.
_CELLS = 96


class MaskMeter:
    """Adds up pixels. Those that belong to no class (255) do not count."""

    def __init__(self, classes: Sequence[str], pictures: Pictures) -> None:
        self._classes, self._pictures = classes, pictures
        count = len(classes)
        self._pixels_CC = torch.zeros(count, count, dtype=torch.int64)
        self._loss, self._size = 0.0, 0
        self._samples: list[dict[str, JsonValue]] = []

    def add(self, output: Tensor, batch: Batch) -> None:
        """Take one batch in; batches come in the order of the split."""
        scores_BCHW, true_BHW = output.float(), batch.targets
        self._loss += float(
            functional.cross_entropy(scores_BCHW, true_BHW, ignore_index=IGNORED, reduction="sum")
        )
        found_BHW = scores_BCHW.argmax(dim=1)
        for found_HW, true_HW in zip(found_BHW.cpu(), true_BHW.cpu(), strict=True):
            if len(self._samples) < SHOWN:
                self._samples.append(self._sample(found_HW, true_HW))
            self._size += 1
        self._pixels_CC += pixel_table(found_BHW, true_BHW, len(self._classes)).cpu()

    def _sample(self, found_HW: Tensor, true_HW: Tensor) -> dict[str, JsonValue]:
        number = len(self._samples)
        width, height = self._pictures.sizes[number]
        side, longest = found_HW.shape[-1], max(width, height)
        columns, rows = max(1, _CELLS * width // longest), max(1, _CELLS * height // longest)
        scale = side / longest
        # The middle of each cell speaks for it.
        x = ((torch.arange(columns) + 0.5) * width / columns * scale).long().clamp_max(side - 1)
        y = ((torch.arange(rows) + 0.5) * height / rows * scale).long().clamp_max(side - 1)
        return {
            "path": self._pictures.names[number],
            "width": width,
            "height": height,
            "columns": columns,
            "rows": rows,
            "true": self._regions(true_HW[y][:, x]),
            "predicted": self._regions(found_HW[y][:, x]),
        }

    def _regions(self, mask_HW: Tensor) -> list[JsonValue]:
        numbers = [n for n in mask_HW.unique().tolist() if 0 < n < len(self._classes)]
        return [{"label": self._classes[n], "path": outline(mask_HW == n)} for n in numbers]

    def result(self) -> SplitMetrics:
        """Return every measure of the split."""
        pixels = self._pixels_CC.double()
        values = table_values(pixels)
        return SplitMetrics(
            size=self._size,
            loss=self._loss / max(1.0, float(pixels.sum())),
            metric="mean_iou",
            value=values["mean_iou"],
            values=values,
            per_class=tuple(
                _class_metrics(pixels, n, name) for n, name in enumerate(self._classes)
            ),
            samples=tuple(self._samples),
        )


def pixel_table(found: Tensor, true: Tensor, count: int) -> Tensor:
    """Return how many pixels of each class (row) were taken for each (column)."""
    known = true != IGNORED
    pairs = true[known] * count + found[known]
    return torch.bincount(pairs, minlength=count * count).reshape(count, count)


def table_values(pixels_CC: Tensor) -> dict[str, float]:
    """Return the measures of a table; a class that is neither there nor found does not count."""
    hits_C = pixels_CC.diagonal()
    both_C = pixels_CC.sum(dim=0) + pixels_CC.sum(dim=1)
    seen_C = both_C > 0
    union_C = both_C - hits_C
    return {
        "mean_iou": float((hits_C[seen_C] / union_C[seen_C]).mean()),
        "mean_dice": float((2 * hits_C[seen_C] / both_C[seen_C]).mean()),
        "pixel_accuracy": float(hits_C.sum() / pixels_CC.sum().clamp_min(1)),
    }


def _class_metrics(pixels_CC: Tensor, number: int, label: str) -> ClassMetrics:
    hits = float(pixels_CC[number, number])
    support, guessed = float(pixels_CC[number].sum()), float(pixels_CC[:, number].sum())
    return ClassMetrics(
        label=label,
        precision=hits / guessed if guessed else 0.0,
        recall=hits / support if support else 0.0,
        f1=2 * hits / (support + guessed) if support + guessed else 0.0,
        support=int(support),
    )


def outline(mask_HW: Tensor) -> str:
    """Return the cells of a mask as an SVG path: a bar for each run of cells in a row."""
    bars = []
    for y, row in enumerate(mask_HW.tolist()):
        x = 0
        for filled, cells in groupby(row):
            length = len(list(cells))
            if filled:
                bars.append(f"M{x} {y}h{length}v1h-{length}z")
            x += length
    return "".join(bars)
