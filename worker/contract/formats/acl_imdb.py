"""Texts in files, one folder per class: as aclImdb comes (`train/pos/0_9.txt`)."""

from worker.contract.base import N_
from worker.contract.findings import found
from worker.contract.formats.base import Files, Format, Problems
from worker.contract.formats.folders import read_folders
from worker.contract.items import Candidate, Item, Layout, listed
from worker.contract.recipe import Columns

NAME = "text-folder"
# Reviews without a class; they belong to no task that is fine-tuned here.
_UNLABELLED = "unsup"
_FEWEST = 4


def detect(files: Files, columns: Columns) -> Candidate | None:
    """Return how much a data set looks like class folders of texts."""
    del columns
    texts = files.ending(".txt")
    folders = read_folders(texts, ())
    labels = [label for label in folders.labels if label != _UNLABELLED]
    if len(labels) < 2 or len(folders.items) < _FEWEST:  # noqa: PLR2004 - classes to tell apart
        return None
    reason = N_("Text files lie in {count} folders, one per class: {classes}.")
    params: dict[str, str | int] = {"count": len(labels), "classes": listed(labels, 5)}
    return Candidate(format=NAME, score=58, reason=reason, params=params)


def read(files: Files, columns: Columns) -> Layout:
    """Return the texts with their classes."""
    del columns
    folders = read_folders(files.ending(".txt"), files.everything)
    layout, problems = Layout(), Problems()
    layout.empty_classes = [name for name in folders.empty_classes if _UNLABELLED not in name]
    for item in folders.items:
        if item.label == _UNLABELLED:
            continue
        text = files.text(item.path)
        if text is None or not text.strip():
            problems.add("TEXT_EMPTY", item.path, table=item.label)
            continue
        layout.items.append(Item(item.path, item.label, item.split, values={"text": text}))
    layout.findings += [*files.findings.values(), *problems.findings()]
    outside = [path for path in folders.outside if "/" in path]
    if outside:
        layout.findings.append(found("FILES_OUTSIDE", outside))
    return layout


FORMAT = Format(NAME, "text", detect, read)
