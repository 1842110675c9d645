"""What every format is made of: the files of a data set, opened once, and the format's two acts."""

import json
import posixpath
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from pydantic import JsonValue

from worker.contract.findings import Finding, found
from worker.contract.images import MAX_IMAGE_BYTES, ImageUnreadableError, picture_size
from worker.contract.items import Candidate, Layout, Media, canonical_split, is_split, text_of
from worker.contract.recipe import Columns
from worker.contract.sources import FileSource
from worker.contract.tables import (
    SUFFIXES,
    Row,
    Table,
    TableUnreadableError,
    decoded,
    read_table,
    table_of,
)

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
AUDIO_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".m4a")
# How large a table, a list of annotations or a packed array may be: it is read in one piece.
MAX_FILE_BYTES = 128 * 1024 * 1024
_JUNK = {"__macosx", "thumbs.db", "desktop.ini"}
_DEFAULT = Columns()


def is_junk(path: str) -> bool:
    """Whether a path is something a file manager left behind, or hidden."""
    return any(part.startswith(".") or part.lower() in _JUNK for part in path.split("/") if part)


class Files:
    """The files of a data set without junk; what has been read once is kept while formats look."""

    def __init__(
        self, source: FileSource, hides: Callable[[str], bool] = lambda _path: False
    ) -> None:
        self.source = source
        self.everything = list(source.paths())
        self.paths = [path for path in self.everything if not (is_junk(path) or hides(path))]
        self.path_set = frozenset(self.paths)
        self.findings: dict[str, Finding] = {}
        self._tables: dict[str, Table | None] = {}
        self._json: dict[str, JsonValue] = {}
        self._lower = [(path, path.lower()) for path in self.paths]

    def ending(self, *suffixes: str) -> list[str]:
        """Return the paths with one of these endings, in order."""
        return [path for path, lower in self._lower if lower.endswith(suffixes)]

    def read(self, path: str) -> bytes:
        """Return the bytes of a file that is read in one piece.

        Raises:
            TableUnreadableError: it is larger than `MAX_FILE_BYTES`.
        """
        if self.source.size(path) > MAX_FILE_BYTES:
            raise TableUnreadableError(f"it is larger than {MAX_FILE_BYTES // 1024**2} MB")
        return self.source.read(path)

    def text(self, path: str) -> str | None:
        """Return the text of a file; None, with a finding, when it has none."""
        try:
            return decoded(self.read(path))[0]
        except TableUnreadableError as error:
            self._unreadable(path, error)
            return None

    def picture_size(self, path: str) -> tuple[int, int] | None:
        """Return width and height of a picture, upright, in pixels; None when it is damaged."""
        if self.source.size(path) > MAX_IMAGE_BYTES:
            return None
        try:
            return picture_size(self.source.read(path))
        except ImageUnreadableError:
            return None

    def table(self, path: str) -> Table | None:
        """Return a table; None, with a finding, when it cannot be read."""
        if path not in self._tables:
            self._tables[path] = self._open_table(path)
        return self._tables[path]

    def json(self, path: str) -> JsonValue:
        """Return what a JSON file holds; None, with a finding, when it cannot be read."""
        if path not in self._json:
            text = self.text(path)
            try:
                self._json[path] = None if text is None else json.loads(text)
            except (ValueError, RecursionError) as error:
                self._unreadable(path, error)
                self._json[path] = None
        return self._json[path]

    def tables(self) -> list[tuple[str, Table]]:
        """Return every table that can be read, JSON files that are lists of objects included."""
        opened = [(path, self.table(path)) for path in self.ending(*SUFFIXES, ".json")]
        return [(path, table) for path, table in opened if table is not None]

    def _open_table(self, path: str) -> Table | None:
        try:
            if path.lower().endswith(".json"):
                value = self.json(path)
                is_list = isinstance(value, list) and value and isinstance(value[0], dict)
                return table_of(value) if is_list and isinstance(value, list) else None
            return read_table(path, self.read(path))
        except TableUnreadableError as error:
            self._unreadable(path, error)
            return None

    def _unreadable(self, path: str, error: Exception) -> None:
        reason = str(error)[:200]
        self.findings[path] = found("TABLE_UNREADABLE", [path], table=path, reason=reason)


class Format(NamedTuple):
    """A format: does a data set look like it, and what is in it then."""

    name: str
    media: Media
    detect: Callable[[Files, Columns], Candidate | None]
    read: Callable[[Files, Columns], Layout]


class Problems:
    """Findings in the making: places (path:line …) gathered under their rule and its params."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, tuple[tuple[str, str | int | float], ...]], list[str]] = {}

    def add(self, code: str, place: str, **params: str | float) -> None:
        """Note one place that breaks a rule; places of the same rule and params are one finding."""
        self._places.setdefault((code, tuple(sorted(params.items()))), []).append(place)

    def findings(self) -> list[Finding]:
        """Return one finding for each rule; each names the first place."""
        return [
            found(code, places, **{"first": places[0], **dict(params)})
            for (code, params), places in self._places.items()
        ]


def asked(columns: Columns, field: str) -> str | None:
    """Return the column a recipe names for a value; None when it is to be found."""
    name: str | None = getattr(columns, field, None)
    return None if name == getattr(_DEFAULT, field, None) else name


def is_asked(columns: Columns, *fields: str) -> bool:
    """Whether a recipe names a column for one of these values."""
    return any(asked(columns, field) is not None for field in fields)


def column_of(
    table_columns: Iterable[str], columns: Columns, field: str, aliases: Sequence[str]
) -> str | None:
    """Return the column that holds a value: the one asked for, else by its usual names."""
    names = list(table_columns)
    wanted = asked(columns, field)
    if wanted is not None:
        return wanted if wanted in names else None
    lower = {name.lower(): name for name in reversed(names)}
    return next((lower[alias] for alias in (field, *aliases) if alias in lower), None)


def missing_column(path: str, table: Table, field: str, columns: Columns) -> Finding:
    """Return the finding that a table lacks the column of a value."""
    wanted = asked(columns, field) or field
    names = ", ".join(table.columns)
    return found("COLUMN_MISSING", [path], table=path, column=wanted, columns=names)


def resolve(table_path: str, name: str, among: frozenset[str]) -> str | None:
    """Return the file a cell names, counted from the table's folder, then from the top."""
    name = name.strip().replace("\\", "/").removeprefix("./")
    for base in (posixpath.dirname(table_path), ""):
        path = posixpath.normpath(posixpath.join(base, name))
        if path in among:
            return path
    return None


def split_reader(path: str, columns: Columns, names: Sequence[str]) -> Callable[[Row], str | None]:
    """Return what tells the split of a table's row: its column, else the table's name or folder."""
    column = columns.split
    if column is None and "split" in names:
        column = "split"
    if column is not None:
        return lambda row: canonical_split(text_of(row.cells.get(column)).strip()) or None
    whole = path_split(path)
    return lambda _row: whole


def word_split(word: str) -> str | None:
    """Return the split a word of a name stands for; `train2017` and `train` alike."""
    bare = word.rstrip("0123456789")
    return canonical_split(bare) if is_split(bare) else None


def path_split(table_path: str) -> str | None:
    """Return the split that a file's name or one of its folders names; the nearest wins."""
    stem = posixpath.splitext(posixpath.basename(table_path))[0]
    words = stem.replace("_", "-").split("-")
    folders = reversed(posixpath.dirname(table_path).split("/"))
    for part in (stem, words[0], words[-1], *folders):
        split = word_split(part)
        if split is not None:
            return split
    return None
