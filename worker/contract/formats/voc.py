"""Boxes as Pascal VOC writes them: one XML for each picture, beside or in `Annotations`."""

import posixpath
from xml.etree import ElementTree as ET

from worker.contract.base import N_
from worker.contract.formats.base import (
    IMAGE_SUFFIXES,
    Files,
    Format,
    Problems,
    path_split,
    word_split,
)
from worker.contract.formats.boxes import Object, checked_object, item_of, note_empty
from worker.contract.items import Candidate, Layout
from worker.contract.recipe import Columns

NAME = "voc"
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def detect(files: Files, columns: Columns) -> Candidate | None:
    """Return how much a data set looks like Pascal VOC."""
    del columns
    named = files.ending(".xml")
    for path in named[:3]:
        root = _parsed(files, path)
        if root is not None and root.tag == "annotation" and files.ending(*IMAGE_SUFFIXES):
            reason = N_("{count} XML files annotate a picture each, as Pascal VOC does.")
            return Candidate(format=NAME, score=87, reason=reason, params={"count": len(named)})
    return None


def _parsed(files: Files, path: str) -> ET.Element | None:
    text = files.text(path)
    if text is None or "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    try:
        return ET.fromstring(text)  # noqa: S314 - without entities nothing can grow or be fetched
    except (ET.ParseError, ValueError):
        return None


def read(files: Files, columns: Columns) -> Layout:
    """Return the pictures with their objects."""
    del columns
    layout, problems = Layout(), Problems()
    pictures = _by_stem(files.ending(*IMAGE_SUFFIXES))
    splits = _split_lists(files)
    for path in files.ending(".xml"):
        root = _parsed(files, path)
        if root is None or root.tag != "annotation":
            problems.add("TABLE_UNREADABLE", path, table=path, reason="no Pascal VOC annotation")
            continue
        stem = posixpath.splitext(posixpath.basename(path))[0]
        named = posixpath.splitext((root.findtext("filename") or "").rpartition("/")[2])[0]
        place = _nearest(path, pictures.get(stem) or pictures.get(named) or [])
        if place is None:
            problems.add("IMAGE_MISSING", f"{path} {root.findtext('filename')}", table="XML")
            continue
        objects = _objects(files, problems, path, root, place)
        layout.items.append(item_of(place, splits.get(stem) or path_split(place), objects))
    note_empty(problems, layout.items)
    layout.findings += [*files.findings.values(), *problems.findings()]
    return layout


def _by_stem(paths: list[str]) -> dict[str, list[str]]:
    stems: dict[str, list[str]] = {}
    for path in paths:
        stems.setdefault(posixpath.splitext(posixpath.basename(path))[0], []).append(path)
    return stems


def _nearest(path: str, places: list[str]) -> str | None:
    """Return the picture that shares most folders with its annotation."""
    return max(places, key=lambda place: len(posixpath.commonprefix([path, place])), default=None)


def _split_lists(files: Files) -> dict[str, str]:
    """Return the split of each name that `ImageSets/Main/train.txt` and its sisters list."""
    splits = {}
    for path in files.ending(".txt"):
        folder, _, name = path.rpartition("/")
        split = word_split(name.removesuffix(".txt"))
        if split is not None and folder.endswith(("ImageSets/Main", "ImageSets")):
            lines = (files.text(path) or "").splitlines()
            splits.update({line.split()[0]: split for line in lines if line.strip()})
    return splits


def _objects(
    files: Files, problems: Problems, path: str, root: ET.Element, picture: str
) -> list[Object]:
    size = files.picture_size(picture)
    stated = root.findtext("size/width"), root.findtext("size/height")
    if size is not None and all(stated) and stated != (str(size[0]), str(size[1])):
        problems.add("SIZE_DIFFERS", path)
    objects = []
    for number, part in enumerate(root.iter("object"), start=1):
        place = f"{path}#{number}"
        name = (part.findtext("name") or "").strip()
        try:
            left, top, right, bottom = (float(part.findtext(f"bndbox/{c}") or "") for c in _CORNERS)
        except ValueError:
            problems.add("BOX_EMPTY", place)
            continue
        if not name:
            problems.add("CLASS_UNKNOWN", place)
            continue
        box = (left, top, right - left, bottom - top)
        made = checked_object(problems, place, name, box, size or (0, 0))
        objects += [made] if made is not None else []
    return objects


FORMAT = Format(NAME, "image", detect, read)
