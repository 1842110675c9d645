"""What is in a data set: one fact per labelled image, enough to plan, check and pin it."""

import hashlib
from collections.abc import Callable
from typing import Literal

from worker.contract.base import Wire, digest
from worker.contract.findings import Finding, found
from worker.contract.images import ImageProbe, probe_image
from worker.contract.layout import Item, canonical_split, detect_layout
from worker.contract.recipe import Columns
from worker.contract.sources import ArchiveError, FileSource, unpacked

_DEFAULT = Columns()


class FileFact(Wire):
    """One labelled image. Sizes are in pixels, upright; `error` is None when it can be used."""

    path: str
    size: int
    sha256: str
    label: str
    split: str | None = None
    width: int = 0
    height: int = 0
    mode: str = ""
    frames: int = 1
    error: str | None = None


class DataInventory(Wire):
    """Everything the doctor and the plan need to know about a data set revision."""

    schema_version: int = 1
    kind: Literal["image-folder", "table", "none"] = "none"
    facts: tuple[FileFact, ...] = ()
    findings: tuple[Finding, ...] = ()
    empty_classes: tuple[str, ...] = ()

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that the data set itself names, sorted."""
        return tuple(sorted({fact.split for fact in self.facts if fact.split is not None}))

    @property
    def tree_sha256(self) -> str:
        """The identity of the labelled images: paths, classes, splits and contents."""
        rows = sorted([f.path, f.label, f.split or "", f.sha256] for f in self.facts)
        return digest([list(row) for row in rows])

    def of_split(self, split: str | None) -> tuple[FileFact, ...]:
        """Return the images of a split by any of its usual names; all for None."""
        if split is None:
            return self.facts
        wanted = canonical_split(split)
        return tuple(fact for fact in self.facts if fact.split == wanted)


def take_inventory(
    source: FileSource,
    columns: Columns = _DEFAULT,
    progress: Callable[[int, int], None] | None = None,
    *,
    probe: bool = True,
) -> DataInventory:
    """Open every labelled image once and return the facts; damage is told, never raised.

    Args:
        source: the files of one data set revision, a single zip file included.
        columns: names of the columns when the data set is a table.
        progress: called with (images done, images in all).
        probe: False only hashes the files, for a worker that decodes them anyway.
    """
    try:
        files = unpacked(source)
        layout = detect_layout(files, columns)
        facts = []
        for done, item in enumerate(layout.items, start=1):
            facts.append(_fact(files, item, probe=probe))
            if progress is not None:
                progress(done, len(layout.items))
    except ArchiveError as error:
        return DataInventory(findings=(found("ARCHIVE_INVALID", reason=str(error)),))
    return DataInventory(
        kind=layout.kind,
        facts=tuple(facts),
        findings=tuple(layout.findings),
        empty_classes=tuple(layout.empty_classes),
    )


def _fact(files: FileSource, item: Item, *, probe: bool) -> FileFact:
    content = files.read(item.path)
    looks = probe_image(content) if probe else ImageProbe()
    return FileFact(
        path=item.path,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        label=item.label,
        split=item.split,
        width=looks.width,
        height=looks.height,
        mode=looks.mode,
        frames=looks.frames,
        error=looks.error,
    )
