"""Pictures in one folder per class, with folders of splits above them if there are any."""

from worker.contract.base import N_
from worker.contract.findings import found
from worker.contract.formats.base import IMAGE_SUFFIXES, Files, Format
from worker.contract.formats.folders import read_folders
from worker.contract.items import Candidate, Layout, listed
from worker.contract.recipe import Columns

NAME = "image-folder"


def detect(files: Files, columns: Columns) -> Candidate | None:
    """Return how much a data set looks like class folders of pictures."""
    del columns
    images = files.ending(*IMAGE_SUFFIXES)
    if not images:
        return None
    labels = read_folders(images, ()).labels
    if len(labels) > 1:
        reason = N_("Pictures lie in {count} folders, one per class: {classes}.")
        params: dict[str, str | int] = {"count": len(labels), "classes": listed(labels, 5)}
        return Candidate(format=NAME, score=60, reason=reason, params=params)
    reason = N_("There are {count} pictures, but not in several class folders.")
    score = 20 if labels else 5
    return Candidate(format=NAME, score=score, reason=reason, params={"count": len(images)})


def read(files: Files, columns: Columns) -> Layout:
    """Return the pictures with their classes."""
    del columns
    folders = read_folders(files.ending(*IMAGE_SUFFIXES), files.everything)
    layout = Layout(items=folders.items, empty_classes=folders.empty_classes)
    if folders.outside:
        layout.findings.append(found("FILES_OUTSIDE", folders.outside))
    return layout


FORMAT = Format(NAME, "image", detect, read)
