"""Pictures and recordings kept inside Parquet files, as data sets on hubs often are."""

from itertools import accumulate

from worker.contract.base import N_
from worker.contract.findings import found
from worker.contract.formats.also import also_missing, also_of, read_also
from worker.contract.formats.base import Files, Format, Problems, column_of, split_reader
from worker.contract.formats.row_table import LABELS
from worker.contract.items import Candidate, Item, Layout, Media, text_of
from worker.contract.packed import Blobs, PackedSource, Place, Shelf
from worker.contract.recipe import Columns
from worker.contract.tables import Table, TableUnreadableError, open_parquet, read_blobs

_COLUMNS: dict[Media, tuple[str, ...]] = {
    "image": ("image", "img", "picture"),
    "audio": ("audio", "sound", "speech"),
}
_TEXTS = ("text", "sentence", "transcription", "transcript", "normalized_text")


def _column(table: Table, columns: Columns, media: Media) -> str | None:
    column = column_of(table.columns, columns, media, _COLUMNS[media])
    return column if column in table.binary else None


def _detect(files: Files, columns: Columns, media: Media) -> Candidate | None:
    for path in files.ending(".parquet"):
        table = files.table(path)
        column = _column(table, columns, media) if table is not None else None
        if column is not None:
            reason = N_("{table} holds files in the column {column}.")
            params: dict[str, str | int] = {"table": path, "column": column}
            return Candidate(format=f"parquet-{media}", score=89, reason=reason, params=params)
    return None


def _read(files: Files, columns: Columns, media: Media) -> Layout:
    layout, places, shelf = Layout(), dict[str, Place](), Shelf()
    for path in files.ending(".parquet"):
        table = files.table(path)
        column = _column(table, columns, media) if table is not None else None
        if table is None or column is None:
            continue
        try:
            blobs = _blobs(files, path, column, shelf)
        except TableUnreadableError as error:
            reason = str(error)
            layout.findings.append(found("TABLE_UNREADABLE", [path], table=path, reason=reason))
            continue
        _add(layout, places, (path, table, column), blobs, columns)
    layout.findings += files.findings.values()
    layout.files = PackedSource(files.source, places)
    return layout


def _blobs(files: Files, path: str, column: str, shelf: Shelf) -> Blobs:
    """Return the files in a column; of a table only what was asked for last is in memory."""
    rows = open_parquet(files.read(path)).metadata
    counts = [rows.row_group(group).num_rows for group in range(rows.num_row_groups)]
    starts = [0, *accumulate(counts)][:-1]

    def unpack(group: int) -> list[bytes]:
        try:
            return read_blobs(open_parquet(files.source.read(path)), column, group)
        except TableUnreadableError:
            # Each of them is then told to be empty, by its name.
            return [b""] * counts[group]

    return Blobs(starts, unpack, shelf)


def _add(
    layout: Layout,
    places: dict[str, Place],
    of: tuple[str, Table, str],
    blobs: Blobs,
    columns: Columns,
) -> None:
    path, table, column = of
    label = column_of(table.columns, columns, "label", ("labels", "target", *LABELS))
    text = column_of(table.columns, columns, "text", _TEXTS)
    layout.columns = table.columns
    named = {"label": label, "text": text}
    layout.mapping |= {"media": column, **{k: v for k, v in named.items() if v is not None}}
    layout.mapping.update(also_of(columns))
    layout.findings += also_missing(path, table.columns, columns)
    split_of, bad = split_reader(path, columns, table.columns), Problems()
    for number, row in enumerate(table.rows):
        inside = f"{path}/{column}/{number:06}"
        places[inside] = Place(blobs, number)
        values = {"text": text_of(row.cells.get(text))} if text is not None else {}
        name = text_of(row.cells.get(label)) if label is not None else ""
        split = split_of(row)
        also = read_also(row.cells, columns, f"{path}:{row.line}", split, bad)
        layout.items.append(Item(inside, name, split, values={**values, **also}))
    layout.findings += bad.findings()


IMAGES = Format(
    "parquet-image",
    "image",
    lambda files, columns: _detect(files, columns, "image"),
    lambda files, columns: _read(files, columns, "image"),
)
SOUNDS = Format(
    "parquet-audio",
    "audio",
    lambda files, columns: _detect(files, columns, "audio"),
    lambda files, columns: _read(files, columns, "audio"),
)
