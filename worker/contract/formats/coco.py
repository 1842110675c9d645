"""Boxes and outlines as COCO writes them: one JSON with images, annotations and categories."""

import posixpath
from collections import Counter, defaultdict
from collections.abc import Sequence

from pydantic import JsonValue

from worker.contract.base import N_
from worker.contract.findings import found
from worker.contract.formats.base import (
    IMAGE_SUFFIXES,
    Files,
    Format,
    Problems,
    path_split,
    resolve,
)
from worker.contract.formats.boxes import Object, checked_object, item_of, note_empty
from worker.contract.items import Candidate, Layout, listed, text_of
from worker.contract.recipe import Columns

NAME = "coco"
_KEYS = {"images", "annotations", "categories"}
_BOX_NUMBERS = 4
Json = dict[str, JsonValue]


def detect(files: Files, columns: Columns) -> Candidate | None:
    """Return how much a data set looks like COCO."""
    del columns
    for path in files.ending(".json"):
        if _is_coco(files.json(path)):
            reason = N_("{table} holds images, annotations and categories as COCO does.")
            return Candidate(format=NAME, score=91, reason=reason, params={"table": path})
    return None


def _is_coco(value: JsonValue) -> bool:
    return isinstance(value, dict) and value.keys() >= _KEYS


def read(files: Files, columns: Columns) -> Layout:
    """Return the pictures with their objects."""
    del columns
    layout, problems = Layout(), Problems()
    for path in files.ending(".json"):
        value = files.json(path)
        if isinstance(value, dict) and _is_coco(value):
            _add(layout, problems, files, path, value)
    note_empty(problems, layout.items)
    layout.findings += [*files.findings.values(), *problems.findings()]
    return layout


def _objects(value: JsonValue) -> list[Json]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _add(layout: Layout, problems: Problems, files: Files, path: str, value: Json) -> None:
    categories = _categories(layout, problems, path, value)
    images = _objects(value["images"])
    _note_repeated(problems, path, "image", [text_of(image.get("id")) for image in images])
    by_image: dict[str, list[Json]] = defaultdict(list)
    known = {text_of(image.get("id")) for image in images}
    annotations = _objects(value["annotations"])
    _note_repeated(problems, path, "annotation", [text_of(a.get("id")) for a in annotations])
    for annotation in annotations:
        image_id = text_of(annotation.get("image_id"))
        if image_id not in known or text_of(annotation.get("category_id")) not in categories:
            problems.add("ANNOTATION_DANGLING", f"{path}#{text_of(annotation.get('id'))}")
        else:
            by_image[image_id].append(annotation)
    among = frozenset(files.ending(*IMAGE_SUFFIXES))
    split = path_split(path)
    for image in images:
        place = _place(path, text_of(image.get("file_name")), among)
        if place is None:
            problems.add("IMAGE_MISSING", f"{path} {text_of(image.get('file_name'))}", table=path)
            continue
        size = files.picture_size(place)
        _check_size(problems, path, image, size)
        objects = [
            _object(problems, path, annotation, categories, size or (0, 0))
            for annotation in by_image[text_of(image.get("id"))]
        ]
        layout.items.append(item_of(place, split, [part for part in objects if part is not None]))


def _categories(layout: Layout, problems: Problems, path: str, value: Json) -> dict[str, str]:
    listed_ = _objects(value["categories"])
    names = {text_of(part.get("id")): text_of(part.get("name")) for part in listed_}
    _note_repeated(problems, path, "category", [text_of(part.get("id")) for part in listed_])
    ids = sorted(int(name) for name in names if name.isdigit())
    if ids and ids != list(range(ids[0], ids[0] + len(ids))):
        shown = listed([str(number) for number in ids])
        layout.findings.append(found("CATEGORY_GAPS", [path], ids=shown))
    used = {text_of(part.get("category_id")) for part in _objects(value["annotations"])}
    idle = sorted(name for number, name in names.items() if number not in used)
    if idle:
        layout.findings.append(found("CATEGORY_UNUSED", idle, classes=listed(idle)))
    return names


def _note_repeated(problems: Problems, path: str, kind: str, ids: Sequence[str]) -> None:
    for name, count in Counter(ids).items():
        if count > 1:
            problems.add("ID_REPEATED", f"{path}#{kind} {name}", table=path)


def _place(path: str, name: str, among: frozenset[str]) -> str | None:
    """Return where a picture lies: beside the JSON, in its `images`, or in its split's folder."""
    folder = posixpath.dirname(path)
    stem = posixpath.splitext(posixpath.basename(path))[0].rpartition("_")[2]
    for base in (folder, posixpath.join(folder, "images"), posixpath.dirname(folder)):
        for inner in ("", stem, posixpath.join("images", stem), "images"):
            at = posixpath.join(base, inner, "x.json")
            place = resolve(at, name, among)
            if place is not None:
                return place
    return None


def _check_size(problems: Problems, path: str, image: Json, size: tuple[int, int] | None) -> None:
    stated = image.get("width"), image.get("height")
    if size is not None and all(isinstance(n, int) for n in stated) and stated != size:
        problems.add("SIZE_DIFFERS", f"{path} {text_of(image.get('file_name'))}")


def _object(
    problems: Problems,
    path: str,
    annotation: Json,
    categories: dict[str, str],
    size: tuple[int, int],
) -> Object | None:
    place = f"{path}#{text_of(annotation.get('id'))}"
    box = annotation.get("bbox")
    numbers = [float(n) for n in box if isinstance(n, int | float)] if isinstance(box, list) else []
    if len(numbers) != _BOX_NUMBERS:
        problems.add("BOX_EMPTY", place)
        return None
    category = categories[text_of(annotation.get("category_id"))]
    made = checked_object(problems, place, category, numbers, size)
    if made is not None:
        made["iscrowd"] = 1 if annotation.get("iscrowd") == 1 else 0
        if isinstance(annotation.get("segmentation"), list) and annotation["segmentation"]:
            made["segmentation"] = annotation["segmentation"]
    return made


FORMAT = Format(NAME, "image", detect, read)
