"""Reading tables: CSV, TSV, JSON, JSON lines and Parquet, with line numbers and typed cells."""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, cast

from pydantic import JsonValue

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
MAX_ROWS = 500_000
MAX_CELL_CHARS = 4_000_000
MAX_UNPACKED_BYTES = 1024**3
_PARQUET_BATCH = 256
_ENCODINGS = ("utf-8-sig", "gb18030")
# A NUL or half a surrogate pair is in no language, and neither a database nor UTF-8 takes them.
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")


class TableUnreadableError(ValueError):
    """The bytes are not a table; the message says why."""


class Row(NamedTuple):
    """One row: its line (or number, from 1) in the file, and its cells by column."""

    line: int
    cells: dict[str, JsonValue]


@dataclass(frozen=True)
class Table:
    """A table. CSV cells are texts, others typed; `bad_lines` were ragged or no objects.

    `binary` are columns of bytes, whose cells are left out; `encoding` is that of the text.
    """

    columns: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)
    bad_lines: list[int] = field(default_factory=list)
    binary: frozenset[str] = frozenset()
    encoding: str = "utf-8"


def read_table(path: str, content: bytes) -> Table:
    """Return a table by the ending of its name.

    Raises:
        TableUnreadableError: wrong encoding, no heading, too many rows, or damaged.
    """
    lower = path.lower()
    if lower.endswith(".parquet"):
        return _read_parquet(content)
    text, encoding = decoded(content)
    if lower.endswith((".jsonl", ".ndjson")):
        return _read_json_lines(text, encoding)
    return _read_delimited(text, encoding)


def decoded(content: bytes) -> tuple[str, str]:
    """Return the text of a file and its encoding, UTF-8 or GB18030.

    Raises:
        TableUnreadableError: neither of them.
    """
    for encoding in _ENCODINGS:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            break
        return text, encoding.removesuffix("-sig")
    raise TableUnreadableError("the text is neither UTF-8 nor GB18030")


def clean(value: JsonValue) -> JsonValue:
    """Return a value without the characters that are in no text."""
    if isinstance(value, str):
        return _NOT_TEXT.sub("\ufffd", value) if _NOT_TEXT.search(value) else value
    if isinstance(value, list):
        return [clean(part) for part in value]
    if isinstance(value, dict):
        return {str(clean(key)): clean(part) for key, part in value.items()}
    return value


def table_of(values: list[JsonValue]) -> Table:
    """Return a table of JSON objects, as they lie in one list.

    Raises:
        TableUnreadableError: none of them is an object.
    """
    return _from_objects(enumerate(values, start=1), "utf-8")


def _read_delimited(text: str, encoding: str) -> Table:
    csv.field_size_limit(MAX_CELL_CHARS)
    heading = text.split("\n", 1)[0]
    delimiter = max(",\t;", key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = tuple(cell.strip() for cell in next(reader, []))
        table = Table(columns, encoding=encoding)
        for cells in reader:
            _check_count(len(table.rows))
            if len(cells) == len(columns):
                table.rows.append(Row(reader.line_num, dict(zip(columns, cells, strict=True))))
            elif cells:
                table.bad_lines.append(reader.line_num)
    except csv.Error as error:
        raise TableUnreadableError(f"line {reader.line_num}: {error}") from error
    if not columns:
        raise TableUnreadableError("the file is empty")
    return table


def _check_count(count: int) -> None:
    if count >= MAX_ROWS:
        raise TableUnreadableError(f"it has more than {MAX_ROWS} rows")


def _read_json_lines(text: str, encoding: str) -> Table:
    return _from_objects(_json_lines(text), encoding)


def _json_lines(text: str) -> Iterator[tuple[int, JsonValue]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value: JsonValue = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        yield number, value


def _from_objects(values: Iterator[tuple[int, JsonValue]], encoding: str) -> Table:
    rows: list[Row] = []
    bad_lines: list[int] = []
    columns: dict[str, None] = {}
    for number, value in values:
        _check_count(len(rows))
        if isinstance(value, dict):
            cells = cast("dict[str, JsonValue]", clean(value))
            columns.update(dict.fromkeys(cells))
            rows.append(Row(number, cells))
        else:
            bad_lines.append(number)
    if not columns:
        raise TableUnreadableError("no line holds a JSON object")
    return Table(tuple(columns), rows, bad_lines, encoding=encoding)


def _read_parquet(content: bytes) -> Table:
    # Only a Parquet file needs pyarrow, and a worker without one should not pay for the import.
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(io.BytesIO(content))
        _check_count(file.metadata.num_rows)
        names = [str(name) for name in file.schema_arrow.names]
        binary = frozenset(
            str(part.name) for part in file.schema_arrow if _is_binary(pa.types, part.type)
        )
        values = _parquet_rows(file, [name for name in names if name not in binary])
        classes = _class_names(file.schema_arrow.metadata)
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, TableUnreadableError):
            raise
        raise TableUnreadableError("the Parquet file is damaged") from error
    rows = [
        Row(number, {key: _named(_plain(cell), classes.get(key)) for key, cell in row.items()})
        for number, row in enumerate(values, start=1)
    ]
    return Table(tuple(names), rows, binary=binary)


def _parquet_rows(
    file: "ParquetFile", columns: list[str], groups: list[int] | None = None
) -> list[dict[str, JsonValue]]:
    """Return the rows, a few at a time, so that a small file cannot unpack without end."""
    unpacked, rows = 0, list[dict[str, JsonValue]]()
    for batch in file.iter_batches(_PARQUET_BATCH, row_groups=groups, columns=columns):
        unpacked += batch.nbytes
        if unpacked > MAX_UNPACKED_BYTES:
            raise TableUnreadableError("it unpacks to more than 1 GB")
        rows += cast("list[dict[str, JsonValue]]", batch.to_pylist())
    return rows


def open_parquet(content: bytes) -> "ParquetFile":
    """Return a Parquet file.

    Raises:
        TableUnreadableError: it is damaged.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(io.BytesIO(content))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise TableUnreadableError("the Parquet file is damaged") from error


def read_blobs(file: "ParquetFile", column: str, group: int) -> list[bytes]:
    """Return the files in a column of one row group: bytes, or objects with `bytes`.

    Raises:
        TableUnreadableError: damaged, or too much once unpacked.
    """
    import pyarrow as pa

    try:
        cells: list[object] = [row[column] for row in _parquet_rows(file, [column], [group])]
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, TableUnreadableError):
            raise
        raise TableUnreadableError("the Parquet file is damaged") from error
    blobs = [cell.get("bytes") if isinstance(cell, dict) else cell for cell in cells]
    return [blob if isinstance(blob, bytes) else b"" for blob in blobs]


def _class_names(metadata: object) -> dict[str, list[str]]:
    """Return the classes behind the numbers of a column, where the file's author wrote them."""
    held = metadata.get(b"huggingface") if isinstance(metadata, dict) else None
    try:
        features = json.loads(held or b"{}")["info"]["features"]
        kinds = {column: part for column, part in features.items() if isinstance(part, dict)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
    names = {column: part.get("names", part.get("feature")) for column, part in kinds.items()}
    plain = {c: n.get("names") if isinstance(n, dict) else n for c, n in names.items()}
    return {
        column: [str(n) for n in part] for column, part in plain.items() if isinstance(part, list)
    }


def _named(value: JsonValue, names: list[str] | None) -> JsonValue:
    """Return the class a number stands for."""
    if names is None:
        return value
    if isinstance(value, list):
        return [_named(part, names) for part in value]
    known = isinstance(value, int) and 0 <= value < len(names)
    return names[value] if known and isinstance(value, int) else value


def _is_binary(types: object, kind: object) -> bool:
    """Whether a column holds bytes: pictures and sounds kept inside the table."""
    is_bytes = (
        types.is_binary(kind) or types.is_large_binary(kind)  # type: ignore[attr-defined] # pyarrow has no types
    )
    inside = [kind.field(n) for n in range(kind.num_fields)]  # type: ignore[attr-defined] # pyarrow has no types
    return is_bytes or any(_is_binary(types, part.type) for part in inside)


def _plain(cell: object) -> JsonValue:
    if cell is None or isinstance(cell, bool | int | float):
        return cell
    if isinstance(cell, str):
        return clean(cell)
    if isinstance(cell, list | tuple):
        return [_plain(part) for part in cell]
    if isinstance(cell, dict):
        return {str(key): _plain(part) for key, part in cell.items()}
    return str(cell)
