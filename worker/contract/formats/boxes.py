"""What the formats of boxes share: a canonical object, checked against its picture."""

from collections.abc import Sequence

from pydantic import JsonValue

from worker.contract.formats.base import Problems
from worker.contract.items import Item

Object = dict[str, JsonValue]
# Corners counted from 1 instead of 0 reach this far beyond the edge.
_TOLERANCE = 1.5
_DIGITS = 2


def checked_object(
    problems: Problems,
    place: str,
    category: str,
    box: Sequence[float],
    size: tuple[int, int],
) -> Object | None:
    """Return an object with its box (x, y, width, height in pixels), cut at the picture's edge.

    Args:
        problems: where a box without area or beyond the edge is noted.
        place: the annotation as a person looks for it.
        category: what the object is.
        box: left, top, width and height, in pixels.
        size: width and height of the picture; zeros when it is not known.
    """
    x, y, width, height = box
    if not (width > 0 and height > 0):
        problems.add("BOX_EMPTY", place)
        return None
    right, bottom = x + width, y + height
    if all(size):
        beyond = max(-x, -y, right - size[0], bottom - size[1])
        if beyond > _TOLERANCE:
            problems.add("BOX_OUTSIDE", place)
        x, y = max(0.0, x), max(0.0, y)
        right, bottom = min(size[0], right), min(size[1], bottom)
        if right <= x or bottom <= y:
            problems.add("BOX_EMPTY", place)
            return None
    width, height = right - x, bottom - y
    numbers: list[JsonValue] = [round(float(n), _DIGITS) for n in (x, y, width, height)]
    area = round(width * height, _DIGITS)
    return {"bbox": numbers, "category": category, "area": area, "iscrowd": 0}


def item_of(path: str, split: str | None, objects: Sequence[Object]) -> Item:
    """Return the item of a picture with its objects."""
    kinds = tuple(sorted({str(part["category"]) for part in objects}))
    return Item(path, "", split, values={"objects": [*objects]}, labels=kinds)


def note_empty(problems: Problems, items: Sequence[Item]) -> None:
    """Note the pictures that have no object."""
    for item in items:
        if not item.values["objects"]:
            problems.add("IMAGE_WITHOUT_OBJECTS", item.path)
