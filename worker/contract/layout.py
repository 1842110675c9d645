"""Finding out how a data set is laid out: every format looks, the likeliest one reads."""

from worker.contract.findings import Finding, found
from worker.contract.formats import FORMATS
from worker.contract.formats.base import Files, Format, is_junk
from worker.contract.formats.hf_repo import read_config
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
_REFUSED = {
    "EXCEL": (".xlsx", ".xls", ".ods"),
    "ARCHIVE_KIND": (".tar", ".tar.gz", ".tgz", ".rar", ".7z", ".tar.bz2"),
    "PICKLE": (".pkl", ".pickle", ".pt", ".pth"),
}


def detect_layout(source: FileSource, columns: Columns = _DEFAULT) -> Layout:
    """Return the layout of a data set: the likeliest format's items, and all that were possible.

    A format that looked likely, but then finds nothing and has nothing to say, is passed over.
    """
    config = read_config(source, source.paths())
    files = Files(source, config.hides)
    looked = [(format_, format_.detect(files, columns)) for format_ in FORMATS]
    likely = sorted(
        [(format_, candidate) for format_, candidate in looked if candidate is not None],
        key=lambda pair: -pair[1].score,
    )
    candidates = [candidate for _, candidate in likely]
    for format_, _candidate in likely:
        layout = _read(format_, files, columns)
        layout.candidates = candidates
        config.apply(layout)
        if layout.items or layout.findings:
            return layout
    return Layout(
        findings=[*files.findings.values(), *_refused(files), found("NO_DATA")],
        candidates=candidates,
    )


def _refused(files: Files) -> list[Finding]:
    """Return what is said of files that people often bring and that are not read."""
    findings = []
    for code, endings in _REFUSED.items():
        paths = files.ending(*endings)
        if paths:
            findings.append(found(code, paths, first=paths[0]))
    return findings


def _read(format_: Format, files: Files, columns: Columns) -> Layout:
    layout = format_.read(files, columns)
    layout.kind, layout.media = format_.name, format_.media
    return layout
