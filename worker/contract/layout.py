"""Finding out how a data set is laid out: every format looks, the likeliest one reads."""

from worker.contract.findings import found
from worker.contract.formats import FORMATS
from worker.contract.formats.base import Files, Format, is_junk
from worker.contract.items import Candidate, Item, Layout, Media, canonical_split
from worker.contract.recipe import Columns
from worker.contract.sources import FileSource

__all__ = [
    "Candidate",
    "Item",
    "Layout",
    "Media",
    "canonical_split",
    "detect_layout",
    "is_junk",
]
_DEFAULT = Columns()


def detect_layout(source: FileSource, columns: Columns = _DEFAULT) -> Layout:
    """Return the layout of a data set: the likeliest format's items, and all that were possible.

    A format that looked likely, but then finds nothing and has nothing to say, is passed over.
    """
    files = Files(source)
    looked = [(format_, format_.detect(files, columns)) for format_ in FORMATS]
    likely = sorted(
        [(format_, candidate) for format_, candidate in looked if candidate is not None],
        key=lambda pair: -pair[1].score,
    )
    candidates = [candidate for _, candidate in likely]
    for format_, _candidate in likely:
        layout = _read(format_, files, columns)
        layout.candidates = candidates
        if layout.items or layout.findings:
            return layout
    return Layout(findings=[*files.findings.values(), found("NO_DATA")], candidates=candidates)


def _read(format_: Format, files: Files, columns: Columns) -> Layout:
    layout = format_.read(files, columns)
    layout.kind, layout.media = format_.name, format_.media
    return layout
