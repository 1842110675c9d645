"""Stages drawn as a picture: layers upwards, epochs to the right, what trains coloured."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from worker.contract.stages import Stage

# The stem at the bottom, four blocks, the head on top: how people think of a network.
_BLOCKS = 4
_BODY = _BLOCKS + 1
_ROW_HEIGHT = 7.0
_GAP = 1.5
_WIDTH = 160.0
# A stage limited by steps has no epochs to be as wide as.
_WIDTH_WITHOUT_EPOCHS = 3
_NUMBER = re.compile(r"(\d+)")


@dataclass(frozen=True)
class PictureCell:
    """One layer in one stage."""

    x: float
    y: float
    width: float
    height: float
    trains: bool
    is_head: bool


@dataclass(frozen=True)
class StagePicture:
    """All cells, and the size of the drawing they fill."""

    width: float
    height: float
    cells: Sequence[PictureCell]


def stage_picture(stages: Sequence[Stage]) -> StagePicture:
    """Return the picture of a way of fine-tuning; a network it does not know has four blocks."""
    weights = [stage.epochs or _WIDTH_WITHOUT_EPOCHS for stage in stages]
    unit = (_WIDTH - _GAP * (len(stages) - 1)) / sum(weights)
    cells: list[PictureCell] = []
    left = 0.0
    for stage, weight in zip(stages, weights, strict=True):
        width = max(1.0, weight * unit)
        trained = _trained_rows(stage)
        for row in range(_BODY + 1):
            y = row * (_ROW_HEIGHT + _GAP)
            cell = PictureCell(
                round(left, 2), y, round(width, 2), _ROW_HEIGHT, row in trained, not row
            )
            cells.append(cell)
        left += width + _GAP
    return StagePicture(_WIDTH, (_BODY + 1) * (_ROW_HEIGHT + _GAP) - _GAP, cells)


def _trained_rows(stage: Stage) -> set[int]:
    """Return the rows that train; row 0 is the head, row 5 the stem."""
    if stage.train == "all":
        return set(range(_BODY + 1))
    rows: set[int] = set()
    for selector in stage.train:
        rows |= _rows_of(selector)
    return rows


def _rows_of(selector: str) -> set[int]:
    if selector == "head":
        return {0}
    if selector in {"bias", "norm"}:
        return set(range(1, _BODY + 1))
    if selector.startswith("last:"):
        return set(range(1, min(_BODY, int(selector[5:])) + 1))
    number = _NUMBER.search(selector)
    if number is None:
        return {_BODY} if "stem" in selector or "conv" in selector else {1}
    # Names count blocks from the stem: layer4 of a ResNet is the last one.
    return {max(1, _BODY - min(_BLOCKS, int(number.group(1))))}
