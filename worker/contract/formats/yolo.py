"""Boxes as YOLO writes them: `data.yaml` with the classes, and a text file for each picture."""

import posixpath
from typing import cast

import yaml
from pydantic import JsonValue

from worker.contract.base import N_
from worker.contract.formats.base import IMAGE_SUFFIXES, Files, Format, Problems, path_split
from worker.contract.formats.boxes import Object, checked_object, item_of, note_empty
from worker.contract.items import Candidate, Layout, text_of
from worker.contract.recipe import Columns

NAME = "yolo"
_BOX = 5
_MOST_YAMLS = 20
_MAX_YAML_BYTES = 1024 * 1024


def detect(files: Files, columns: Columns) -> Candidate | None:
    """Return how much a data set looks like YOLO."""
    del columns
    names = _names(files)
    pairs = _pairs(files)
    if not pairs or (names is None and not any("/labels/" in f"/{t}" for t in pairs.values())):
        return None
    if names is None:
        reason = N_("Text files in a folder `labels` have the names of pictures.")
        return Candidate(format=NAME, score=72, reason=reason)
    reason = N_("A YAML file lists {count} classes, and text files have the names of pictures.")
    return Candidate(format=NAME, score=93, reason=reason, params={"count": len(names)})


def _names(files: Files) -> list[str] | None:
    """Return the classes of `data.yaml` or `classes.txt`, by number."""
    for path in files.ending(".yaml", ".yml")[:_MOST_YAMLS]:
        small = files.source.size(path) <= _MAX_YAML_BYTES
        value = _yaml(files.text(path) or "") if small else None
        names = value.get("names") if isinstance(value, dict) else None
        if isinstance(names, dict) and all(text_of(key).isdigit() for key in names):
            names = [names[key] for key in sorted(names, key=lambda key: int(text_of(key)))]
        # Plain names only: an alias inside an alias would grow without end once it is written out.
        if isinstance(names, list) and all(isinstance(name, str | int) for name in names):
            return [text_of(name) for name in names]
    for path in files.ending("classes.txt", "obj.names"):
        return [line.strip() for line in (files.text(path) or "").splitlines() if line.strip()]
    return None


def _yaml(text: str) -> JsonValue:
    try:
        return cast("JsonValue", yaml.safe_load(text))
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def _pairs(files: Files) -> dict[str, str]:
    """Return the label file of each picture that may have one."""
    texts = {posixpath.splitext(path)[0]: path for path in files.ending(".txt")}
    pairs = {}
    for picture in files.ending(*IMAGE_SUFFIXES):
        stem = posixpath.splitext(picture)[0]
        moved = "/".join("labels" if part == "images" else part for part in stem.split("/"))
        text = texts.get(moved) or texts.get(stem)
        if text is not None:
            pairs[picture] = text
    return pairs


def read(files: Files, columns: Columns) -> Layout:
    """Return the pictures with their objects; one without a label file has none."""
    del columns
    layout, problems = Layout(), Problems()
    names, pairs = _names(files), _pairs(files)
    for picture in files.ending(*IMAGE_SUFFIXES):
        text = pairs.get(picture)
        size = files.picture_size(picture)
        lines = (files.text(text) or "").splitlines() if text else []
        objects = []
        for number, line in enumerate(lines, start=1):
            if line.strip() and size is not None:
                made = _object(problems, f"{text}:{number}", line, names, size)
                objects += [made] if made is not None else []
        layout.items.append(item_of(picture, path_split(picture), objects))
    note_empty(problems, layout.items)
    layout.findings += [*files.findings.values(), *problems.findings()]
    return layout


def _object(
    problems: Problems, place: str, line: str, names: list[str] | None, size: tuple[int, int]
) -> Object | None:
    """Return the object of a line: class, then centre and size, or the corners of an outline."""
    try:
        number, *shares = (float(cell) for cell in line.split())
    except ValueError:
        shares = []
        number = 0.0
    is_box, is_outline = len(shares) == _BOX - 1, len(shares) > _BOX and len(shares) % 2 == 0
    if not (is_box or is_outline) or not all(0 <= share <= 1 for share in shares):
        problems.add("BOX_NOT_NORMALIZED", place)
        return None
    if number < 0 or not number.is_integer() or (names is not None and number >= len(names)):
        problems.add("CLASS_UNKNOWN", place)
        return None
    if is_box:
        x, y, width, height = shares
        left, top = x - width / 2, y - height / 2
    else:
        left, top = min(shares[::2]), min(shares[1::2])
        width, height = max(shares[::2]) - left, max(shares[1::2]) - top
    box = (left * size[0], top * size[1], width * size[0], height * size[1])
    name = names[int(number)] if names is not None else str(int(number))
    return checked_object(problems, place, name, box, size)


FORMAT = Format(NAME, "image", detect, read)
