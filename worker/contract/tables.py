"""Reading tables that name images: CSV, TSV, JSON lines and Parquet, with line numbers."""

import csv
import io
import json
from dataclasses import dataclass, field
from typing import cast

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
_ENCODINGS = ("utf-8-sig", "gb18030")


class TableUnreadableError(ValueError):
    """The bytes are not a table; the message says why."""


@dataclass(frozen=True)
class Table:
    """A table as texts. `rows` pairs the line number with the cells; `bad_lines` were ragged."""

    columns: tuple[str, ...]
    rows: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    bad_lines: list[int] = field(default_factory=list)


def read_table(path: str, content: bytes) -> Table:
    """Return a table by the ending of its name.

    Raises:
        TableUnreadableError: wrong encoding, no heading, or damaged.
    """
    lower = path.lower()
    if lower.endswith(".parquet"):
        return _read_parquet(content)
    text = _decoded(content)
    return _read_json_lines(text) if lower.endswith(".jsonl") else _read_delimited(text)


def _decoded(content: bytes) -> str:
    for encoding in _ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise TableUnreadableError("the text is neither UTF-8 nor GB18030")


def _read_delimited(text: str) -> Table:
    heading = text.split("\n", 1)[0]
    delimiter = max(",\t;", key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = tuple(cell.strip() for cell in next(reader, []))
        table = Table(columns)
        for cells in reader:
            if len(cells) == len(columns):
                table.rows.append((reader.line_num, dict(zip(columns, cells, strict=True))))
            elif cells:
                table.bad_lines.append(reader.line_num)
    except csv.Error as error:
        raise TableUnreadableError(f"line {reader.line_num}: {error}") from error
    if not columns:
        raise TableUnreadableError("the file is empty")
    return table


def _read_json_lines(text: str) -> Table:
    rows: list[tuple[int, dict[str, str]]] = []
    bad_lines: list[int] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if isinstance(value, dict):
            rows.append((number, {str(key): _text(cell) for key, cell in value.items()}))
        else:
            bad_lines.append(number)
    columns = tuple(dict.fromkeys(key for _, row in rows for key in row))
    if not columns:
        raise TableUnreadableError("no line holds a JSON object")
    return Table(columns, rows, bad_lines)


def _read_parquet(content: bytes) -> Table:
    # Only a Parquet file needs pyarrow, and a worker without one should not pay for the import.
    import pyarrow as pa
    from pyarrow import parquet

    try:
        read = parquet.read_table(io.BytesIO(content))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise TableUnreadableError("the Parquet file is damaged") from error
    if read.num_rows > 2_000_000:  # noqa: PLR2004 - more rows than images that fit a run
        raise TableUnreadableError("the Parquet file has more than two million rows")
    columns = tuple(str(name) for name in read.column_names)
    values = cast("list[dict[str, object]]", read.to_pylist())
    rows = [
        (number, {key: _text(cell) for key, cell in row.items()})
        for number, row in enumerate(values, start=1)
    ]
    return Table(columns, rows)


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, dict) and isinstance(cell.get("path"), str):
        return str(cell["path"])
    return str(cell)
