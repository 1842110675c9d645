"""Pictures and classes in arrays: MNIST's IDX files, NPZ archives, CIFAR's batches."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from worker.contract.arrays import (
    Array,
    ArrayUnreadableError,
    read_idx,
    read_npz,
)
from worker.contract.base import N_
from worker.contract.findings import found
from worker.contract.formats.base import Files, Format
from worker.contract.items import Candidate, Item, Layout, canonical_split
from worker.contract.packed import PackedSource, Pixels, Place, name_of
from worker.contract.pickles import read_pickle
from worker.contract.recipe import Columns
from worker.contract.tables import TableUnreadableError

Held = TypeVar("Held")
_IDX = re.compile(r"(?:^|/)([a-z0-9]+)-images[-.]idx3-ubyte(\.gz)?$")
_SPLITS = {"t10k": "test"}
_NPZ_PICTURES = re.compile(r"^(?:(train|val|valid|test)_images|x_(train|val|test)|images|x|X)$")
_BATCH = re.compile(r"(?:^|/)(data_batch_\d+|test_batch)$")
_HUNDRED = re.compile(r"(?:^|/)(train|test)$")
_CIFAR_SIDE = 32
_CIFAR_VALUES = 3 * _CIFAR_SIDE * _CIFAR_SIDE


class Block(NamedTuple):
    """Pictures of one array with their classes; `name` is where they lie."""

    name: str
    split: str | None
    pixels: Pixels
    classes: Sequence[tuple[str, ...]]


def _read(files: Files, blocks: Callable[[Files, Layout], Iterator[Block]]) -> Layout:
    layout, pictures = Layout(), dict[str, Place]()
    for block in blocks(files, layout):
        if block.pixels.count != len(block.classes):
            reason = f"{block.pixels.count} pictures, but {len(block.classes)} classes"
            layout.findings.append(
                found("ARRAY_UNREADABLE", [block.name], table=block.name, reason=reason)
            )
            continue
        for number, names in enumerate(block.classes):
            path = name_of(block.name, number, block.pixels)
            pictures[path] = Place(block.pixels, number)
            several = () if len(names) == 1 else names
            label = names[0] if len(names) == 1 else ""
            layout.items.append(Item(path, label, block.split, labels=several))
    layout.files = PackedSource(files.source, pictures)
    return layout


def _opened(layout: Layout, path: str, files: Files, read: Callable[[bytes], Held]) -> Held | None:
    """Return what a file holds; None, with a finding, when it cannot be read."""
    try:
        return read(files.read(path))
    except (ArrayUnreadableError, TableUnreadableError) as error:
        layout.findings.append(found("ARRAY_UNREADABLE", [path], table=path, reason=str(error)))
        return None


def _numbers(array: Array) -> list[tuple[str, ...]]:
    rows = array.rows()
    if all(len(row) == 1 for row in rows):
        return [(str(row[0]),) for row in rows]
    # Columns of noughts and ones: each says whether the picture is of that class.
    return [tuple(str(n) for n, is_set in enumerate(row) if is_set) for row in rows]


def _idx_blocks(files: Files, layout: Layout) -> Iterator[Block]:
    for path in files.paths:
        match = _IDX.search(path)
        if match is None:
            continue
        labels_path = path.replace("images", "labels").replace("idx3", "idx1")
        if labels_path not in files.path_set:
            reason = f"{labels_path} is not there"
            layout.findings.append(found("ARRAY_UNREADABLE", [path], table=path, reason=reason))
            continue
        pixels = _opened(layout, path, files, lambda content: read_idx(content).pixels())
        classes = _opened(layout, labels_path, files, lambda c: _numbers(read_idx(c)))
        if pixels is not None and classes is not None:
            split = _SPLITS.get(match[1], canonical_split(match[1]))
            yield Block(path, split, pixels, classes)


def detect_idx(files: Files, columns: Columns) -> Candidate | None:
    """Return how much a data set looks like MNIST's files."""
    del columns
    named = next((path for path in files.paths if _IDX.search(path)), None)
    if named is None:
        return None
    reason = N_("{table} is named as MNIST's files are.")
    return Candidate(format="idx", score=95, reason=reason, params={"table": named})


def _npz_blocks(files: Files, layout: Layout) -> Iterator[Block]:
    for path in files.ending(".npz"):
        arrays = _opened(layout, path, files, read_npz) or {}
        for name, array in arrays.items():
            match = _NPZ_PICTURES.match(name)
            labels = arrays.get(_labels_name(name))
            if match is None or labels is None:
                continue
            try:
                block = f"{path}/{name}"
                split = match[1] or match[2]
                named = canonical_split(split) if split else None
                yield Block(block, named, array.pixels(), _numbers(labels))
            except ArrayUnreadableError as error:
                layout.findings.append(
                    found("ARRAY_UNREADABLE", [path], table=f"{path}/{name}", reason=str(error))
                )


def _labels_name(name: str) -> str:
    if name in {"x", "X"} or name.startswith("x_"):
        return "y" + name[1:]
    return name.replace("images", "labels")


def detect_npz(files: Files, columns: Columns) -> Candidate | None:
    """Return how much a data set looks like an NPZ archive of pictures."""
    del columns
    named = files.ending(".npz")
    if not named:
        return None
    reason = N_("{table} is an archive of arrays.")
    return Candidate(format="npz", score=90, reason=reason, params={"table": named[0]})


def _cifar_blocks(files: Files, layout: Layout) -> Iterator[Block]:
    batches = [path for path in files.paths if _BATCH.search(path)]
    is_hundred = not batches
    if is_hundred:
        batches = [path for path in files.paths if _HUNDRED.search(path)]
    metas = [p for p in files.paths if p.rpartition("/")[2] in {"batches.meta", "meta"}]
    meta = _opened(layout, metas[0], files, read_pickle) if metas else None
    names = _names(meta or {}, "fine_label_names" if is_hundred else "label_names")
    for path in batches:
        held = _opened(layout, path, files, read_pickle)
        block = None if held is None else _batch(path, held, names)
        if held is not None and block is None:
            reason = "it holds no rows of 3072 bytes with labels"
            layout.findings.append(found("ARRAY_UNREADABLE", [path], table=path, reason=reason))
        if block is not None:
            yield block


def _names(meta: Mapping[str, object], key: str) -> list[str]:
    names = meta.get(key)
    listed = names if isinstance(names, list) else []
    return [n.decode("utf-8", "replace") if isinstance(n, bytes) else str(n) for n in listed]


def _batch(path: str, held: Mapping[str, object], names: Sequence[str]) -> Block | None:
    data, labels = held.get("data"), held.get("labels", held.get("fine_labels"))
    if not isinstance(data, Array) or not isinstance(labels, list):
        return None
    if data.code != "B" or len(data.shape) != 2 or data.shape[1] != _CIFAR_VALUES:  # noqa: PLR2004 - rows of bytes
        return None
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in labels):
        return None
    side = _CIFAR_SIDE
    pixels = Pixels(memoryview(data.data), data.shape[0], side, side, 3, is_planar=True)
    split = "test" if path.rpartition("/")[2].startswith("test") else "train"
    classes = [(names[n] if 0 <= n < len(names) else str(n),) for n in labels]
    return Block(path, split, pixels, classes)


def detect_cifar(files: Files, columns: Columns) -> Candidate | None:
    """Return how much a data set looks like CIFAR's batches."""
    del columns
    named = [path for path in files.paths if _BATCH.search(path)]
    metas = {path.rpartition("/")[2] for path in files.paths} & {"meta", "batches.meta"}
    if not named and metas:
        named = [path for path in files.paths if _HUNDRED.search(path)]
    if not named:
        return None
    reason = N_("{table} is named as CIFAR's batches are.")
    return Candidate(format="cifar-batches", score=95, reason=reason, params={"table": named[0]})


IDX = Format("idx", "image", detect_idx, lambda files, _: _read(files, _idx_blocks))
NPZ = Format("npz", "image", detect_npz, lambda files, _: _read(files, _npz_blocks))
CIFAR = Format("cifar-batches", "image", detect_cifar, lambda files, _: _read(files, _cifar_blocks))
