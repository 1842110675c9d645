"""Finding out how a data set is laid out: class folders, or tables that name images."""

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from worker.contract.findings import Finding, found
from worker.contract.recipe import Columns
from worker.contract.sources import FileSource
from worker.contract.tables import SUFFIXES, Table, TableUnreadableError, read_table

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
}
_IMAGE_ALIASES = ("file_name", "filename", "path", "image_path", "file")
_LABEL_ALIASES = ("class", "category", "target")
_DEFAULT = Columns()
_JUNK = {"__macosx", "thumbs.db", "desktop.ini"}
_CLASS_DEPTH = 2


@dataclass(frozen=True)
class Item:
    """One labelled image. `split` is canonical (train, validation, test) where it is known."""

    path: str
    label: str
    split: str | None


@dataclass
class Layout:
    """How a data set is laid out, and what is wrong with it before any image is opened."""

    kind: Literal["image-folder", "table", "none"] = "none"
    items: list[Item] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    empty_classes: list[str] = field(default_factory=list)


def canonical_split(name: str) -> str:
    """Return train, validation or test for their usual names, else the name itself."""
    return _SPLITS.get(name.lower(), name)


def is_junk(path: str) -> bool:
    """Whether a path is something a file manager left behind, or hidden."""
    return any(part.startswith(".") or part.lower() in _JUNK for part in path.split("/") if part)


def detect_layout(source: FileSource, columns: Columns = _DEFAULT) -> Layout:
    """Return the layout of a data set; tables that name images win over class folders."""
    everything = list(source.paths())
    paths = [path for path in everything if not is_junk(path)]
    images = [path for path in paths if path.lower().endswith(IMAGE_SUFFIXES)]
    tables = [path for path in paths if path.lower().endswith(SUFFIXES)]
    layout = _from_tables(source, tables, set(images), columns)
    if layout.items or (layout.findings and columns != _DEFAULT):
        return layout
    folders = _from_folders(images, everything)
    if layout.findings and len({item.label for item in folders.items}) <= 1:
        # One folder of images beside a table is no class; the table is what needs mending.
        return layout
    return folders if folders.items else Layout(findings=[*layout.findings, found("NO_IMAGES")])


def _from_folders(images: Sequence[str], everything: Iterable[str]) -> Layout:
    prefix = _common_prefix(images)
    layout = Layout(kind="image-folder")
    parts_of = {path: path[len(prefix) :].split("/") for path in images}
    has_splits = any(
        parts[0].lower() in _SPLITS and len(parts) > _CLASS_DEPTH for parts in parts_of.values()
    )
    outside = []
    for path, parts in parts_of.items():
        place = _place(parts, has_splits=has_splits)
        if place is None:
            outside.append(path)
        else:
            layout.items.append(Item(path, place[1], place[0]))
    if outside:
        layout.findings.append(found("IMAGES_OUTSIDE", outside))
    layout.empty_classes = _empty_classes(everything, prefix, layout.items, has_splits=has_splits)
    return layout


def _common_prefix(images: Sequence[str]) -> str:
    """Return the folders that all images share and that are neither a split nor a class."""
    prefix = ""
    while images:
        rests = [path[len(prefix) :].split("/") for path in images]
        first = rests[0][0]
        if first.lower() in _SPLITS:
            break
        if not all(parts[0] == first and len(parts) > _CLASS_DEPTH for parts in rests):
            break
        prefix += first + "/"
    return prefix


def _place(parts: Sequence[str], *, has_splits: bool) -> tuple[str | None, str] | None:
    """Return (split, class) of a path below the common prefix, or None when it is in no class."""
    if not has_splits:
        return (None, parts[0]) if len(parts) >= _CLASS_DEPTH else None
    if parts[0].lower() not in _SPLITS or len(parts) <= _CLASS_DEPTH:
        return None
    return canonical_split(parts[0]), parts[1]


def _empty_classes(
    everything: Iterable[str], prefix: str, items: Sequence[Item], *, has_splits: bool
) -> list[str]:
    filled = {(item.split, item.label) for item in items}
    seen = set()
    for path in everything:
        folder = posixpath.dirname(path)
        if not path.startswith(prefix) or is_junk(folder):
            continue
        place = _place([*folder[len(prefix) :].split("/"), ""], has_splits=has_splits)
        if place is not None and place[1]:
            seen.add(place)
    return sorted(f"{split}/{label}" if split else label for split, label in seen - filled)


def _from_tables(
    source: FileSource, tables: Sequence[str], images: set[str], columns: Columns
) -> Layout:
    layout = Layout(kind="table")
    for path in tables:
        try:
            table = read_table(path, source.read(path))
        except TableUnreadableError as error:
            layout.findings.append(found("TABLE_UNREADABLE", [path], table=path, reason=str(error)))
            continue
        _add_rows(layout, path, table, images, columns)
    return layout


def _add_rows(layout: Layout, path: str, table: Table, images: set[str], columns: Columns) -> None:
    image = _column(table, columns.image, _DEFAULT.image, _IMAGE_ALIASES)
    label = _column(table, columns.label, _DEFAULT.label, _LABEL_ALIASES)
    for column, wanted in ((image, columns.image), (label, columns.label)):
        if column is None:
            names = ", ".join(table.columns)
            layout.findings.append(
                found("COLUMN_MISSING", [path], table=path, column=wanted, columns=names)
            )
            return
    assert image is not None  # noqa: S101 - the loop above has returned otherwise
    assert label is not None  # noqa: S101 - the loop above has returned otherwise
    bad: list[int] = list(table.bad_lines)
    missing: list[tuple[int, str]] = []
    for line, row in table.rows:
        text = row.get(label, "").strip()
        place = _resolve(path, row.get(image, "").strip(), images)
        if not text:
            bad.append(line)
        elif place is None:
            missing.append((line, row.get(image, "")))
        else:
            layout.items.append(Item(place, row[label], _row_split(path, row, columns)))
    if bad:
        lines = [f"{path}:{line}" for line in sorted(bad)]
        layout.findings.append(found("ROW_UNREADABLE", lines, table=path, line=min(bad)))
    if missing:
        lines = [f"{path}:{line} {name}" for line, name in missing]
        layout.findings.append(found("IMAGE_MISSING", lines, table=path, line=missing[0][0]))


def _column(table: Table, wanted: str, default: str, aliases: Sequence[str]) -> str | None:
    if wanted in table.columns:
        return wanted
    if wanted != default:
        return None
    return next((alias for alias in aliases if alias in table.columns), None)


def _resolve(table_path: str, name: str, images: set[str]) -> str | None:
    """Return the image a cell names, counted from the table's folder, then from the top."""
    name = name.replace("\\", "/").removeprefix("./")
    for base in (posixpath.dirname(table_path), ""):
        path = posixpath.normpath(posixpath.join(base, name))
        if path in images:
            return path
    return None


def _row_split(table_path: str, row: dict[str, str], columns: Columns) -> str | None:
    if columns.split is not None:
        return canonical_split(row.get(columns.split, "").strip()) or None
    stem = posixpath.splitext(posixpath.basename(table_path))[0]
    for part in (stem, *reversed(posixpath.dirname(table_path).split("/"))):
        if part.lower() in _SPLITS:
            return canonical_split(part)
    return None
