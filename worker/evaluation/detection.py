"""Measures of a detector: mean average precision, and what each class's boxes are worth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from pydantic import JsonValue
from torch import Tensor
from torchvision.ops import box_iou

from worker.contract.manifest import ClassMetrics, SplitMetrics
from worker.data.batches import Batch
from worker.data.dense import Boxes, Pictures
from worker.modeling.detector import boxes_of

SHOWN = 12
# What counts as found in the table of classes, and as sure enough to be shown.
_SURE, _OVERLAP = 0.3, 0.5
# Corners are compared in hundredths of a pixel.
_DIGITS = 2


class Found(NamedTuple):
    """What a detector found in a picture, the surest first."""

    boxes_K4: Tensor
    scores_K: Tensor
    classes_K: Tensor


@dataclass
class DetectionMeter:
    """Collects boxes and measures them together."""

    classes: Sequence[str]
    pictures: Pictures
    side: int
    loss: Callable[[Tensor, Batch], Tensor]

    def __post_init__(self) -> None:
        self._found: list[Found] = []
        self._true: list[Boxes] = []
        self._loss = 0.0

    def add(self, output: Tensor, batch: Batch) -> None:
        """Take one batch in; batches come in the order of the split."""
        self._loss += float(self.loss(output, batch)) * batch.size
        cpu = torch.device("cpu")
        self._found += [Found(*(part.cpu() for part in boxes_of(rows))) for rows in output]
        self._true += [boxes.to(cpu) for boxes in batch.targets]

    def result(self) -> SplitMetrics:
        """Return every measure of the split."""
        values = mean_average_precision(self._found, self._true)
        return SplitMetrics(
            size=len(self._true),
            loss=self._loss / max(1, len(self._true)),
            metric="map_50",
            value=values["map_50"],
            values=values,
            per_class=tuple(
                _class_metrics(label, number, self._found, self._true)
                for number, label in enumerate(self.classes)
            ),
            samples=tuple(self._sample(number) for number in range(min(SHOWN, len(self._true)))),
        )

    def _sample(self, number: int) -> dict[str, JsonValue]:
        width, height = self.pictures.sizes[number]
        scale = max(width, height) / self.side
        true, found = self._true[number], self._found[number]
        sure = found.scores_K > _SURE
        predicted = zip(
            found.boxes_K4[sure] * scale,
            found.classes_K[sure].tolist(),
            found.scores_K[sure].tolist(),
            strict=True,
        )
        return {
            "path": self.pictures.names[number],
            "width": width,
            "height": height,
            "true": [
                self._box(box, label)
                for box, label in zip(true.boxes_M4 * scale, true.classes_M.tolist(), strict=True)
            ],
            "predicted": [
                self._box(box, label) | {"score": round(score, 4)}
                for box, label, score in predicted
            ],
        }

    def _box(self, box: Tensor, number: int) -> dict[str, JsonValue]:
        left, top, right, bottom = box.tolist()
        edges = (left, top, right - left, bottom - top)
        return {"label": self.classes[number], "bbox": [round(edge, _DIGITS) for edge in edges]}


def mean_average_precision(found: Sequence[Found], true: Sequence[Boxes]) -> dict[str, float]:
    """Return mAP at an overlap of 0.5 and over 0.5 to 0.95, as COCO defines them."""
    from torchmetrics.detection import MeanAveragePrecision

    measure = MeanAveragePrecision(box_format="xyxy", backend="faster_coco_eval")
    measure.warn_on_many_detections = False
    measure.update(
        [
            {"boxes": part.boxes_K4, "scores": part.scores_K, "labels": part.classes_K}
            for part in found
        ],
        [
            {"boxes": part.boxes_M4, "labels": part.classes_M, "iscrowd": part.crowd_M.int()}
            for part in true
        ],
    )
    numbers = measure.compute()
    # Without a single object nothing can be measured, and -1 is what stands for that.
    return {
        "map_50": max(0.0, float(numbers["map_50"])),
        "map_50_95": max(0.0, float(numbers["map"])),
    }


def _class_metrics(
    label: str, number: int, found: Sequence[Found], true: Sequence[Boxes]
) -> ClassMetrics:
    """Return how the sure boxes of a class fare; each object is found at most once."""
    hits = guessed = support = 0
    for ours, theirs in zip(found, true, strict=True):
        boxes = ours.boxes_K4[(ours.classes_K == number) & (ours.scores_K > _SURE)]
        objects = theirs.boxes_M4[(theirs.classes_M == number) & ~theirs.crowd_M]
        guessed += len(boxes)
        support += len(objects)
        hits += matched(boxes, objects)
    precision = hits / guessed if guessed else 0.0
    recall = hits / support if support else 0.0
    f1 = 2 * hits / (guessed + support) if guessed + support else 0.0
    return ClassMetrics(label=label, precision=precision, recall=recall, f1=f1, support=support)


def matched(boxes_K4: Tensor, objects_M4: Tensor) -> int:
    """Return how many objects are met by a box, the surest boxes choosing first."""
    if not len(boxes_K4) or not len(objects_M4):
        return 0
    overlap_KM = box_iou(boxes_K4, objects_M4)
    hits = 0
    for row in overlap_KM:
        best = int(row.argmax())
        if row[best] >= _OVERLAP:
            overlap_KM[:, best] = -1.0
            hits += 1
    return hits
