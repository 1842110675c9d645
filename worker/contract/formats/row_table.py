"""What the formats that live in tables share: finding their columns, reading their rows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pydantic import JsonValue

from worker.contract.findings import found
from worker.contract.formats.base import Files, asked, column_of, missing_column, split_reader
from worker.contract.items import Layout, text_of
from worker.contract.recipe import Columns
from worker.contract.tables import Row, Table

LABELS = (
    *("class", "category", "label_name", "class_name", "sentiment", "topic", "intent", "emotion"),
    *("标签", "类别", "分类"),
)
_LONGEST_NAME = 80


class Wanted(NamedTuple):
    """A value of the canonical row: the usual names of its column, and whether rows need it."""

    aliases: Sequence[str] = ()
    is_needed: bool = True


class Found(NamedTuple):
    """A table that has the wanted columns; `names` are the columns by value."""

    path: str
    table: Table
    names: dict[str, str]


class Cells(NamedTuple):
    """One row of such a table: where it is, its split and group, its cells by value."""

    path: str
    row: Row
    split: str | None
    group: str | None
    values: dict[str, JsonValue]

    @property
    def place(self) -> str:
        """The row as a person looks for it."""
        return f"{self.path}:{self.row.line}"

    def text(self, name: str) -> str:
        """Return a value as text; nothing when the table has no such column."""
        return text_of(self.values.get(name))


def tables_with(files: Files, columns: Columns, wanted: Mapping[str, Wanted]) -> list[Found]:
    """Return the tables that have every needed column."""
    matching = []
    for path, table in files.tables():
        names = {
            name: column_of(_texts(table), columns, name, one.aliases)
            for name, one in wanted.items()
        }
        if all(names[name] for name, one in wanted.items() if one.is_needed):
            given = {name: column for name, column in names.items() if column is not None}
            matching.append(Found(path, table, given))
    return matching


def _texts(table: Table) -> list[str]:
    return [name for name in table.columns if name not in table.binary]


def start_layout(files: Files, matching: Sequence[Found]) -> Layout:
    """Return a layout that knows the columns, and which tables and rows could not be read."""
    layout = Layout(findings=list(files.findings.values()))
    for path, table, names in matching:
        layout.columns = table.columns
        layout.mapping.update(names)
        layout.notes["encoding"] = table.encoding
        if table.bad_lines:
            lines = [f"{path}:{line}" for line in table.bad_lines]
            layout.findings.append(
                found("ROW_UNREADABLE", lines, table=path, line=table.bad_lines[0])
            )
    return layout


def rows_of(matching: Sequence[Found], columns: Columns) -> Iterator[Cells]:
    """Yield every row of the tables."""
    group = asked(columns, "group")
    for path, table, names in matching:
        split_of = split_reader(path, columns, table.columns)
        for row in table.rows:
            values = {name: row.cells.get(column) for name, column in names.items()}
            together = text_of(row.cells.get(group)) or None if group is not None else None
            yield Cells(path, row, split_of(row), together, values)


def without_columns(files: Files, columns: Columns, field: str) -> Layout:
    """Return the layout that says why no table could be used: the column of a value lacks."""
    layout = Layout(findings=list(files.findings.values()))
    for path, table in files.tables():
        layout.columns = layout.columns or table.columns
        if looks_like_data(table.columns):
            layout.findings.append(found("HEADING_MISSING", [f"{path}:1"], table=path))
        else:
            layout.findings.append(missing_column(path, table, field, columns))
    return layout


def looks_like_data(columns: Sequence[str]) -> bool:
    """Whether a heading is rather a first row: a number, a long text or nothing as a name."""
    return any(
        not name or len(name) > _LONGEST_NAME or name.replace(".", "", 1).isdigit()
        for name in columns
    )


def classes_of(cell: JsonValue, column: str) -> tuple[str, tuple[str, ...]]:
    """Return (class, classes) of a cell: one, or several where it is a list of them."""
    if isinstance(cell, list):
        return "", tuple(dict.fromkeys(text_of(part).strip() for part in cell if text_of(part)))
    text = text_of(cell)
    if column.lower() in {"labels", "tags"} and isinstance(cell, str):
        parts = text.replace("|", ";").split(";")
        return "", tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))
    return text, ()
