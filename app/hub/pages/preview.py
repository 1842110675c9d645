"""What a file page shows of a file: text with colours, a table, a picture, a list of tensors."""

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from markupsafe import Markup

from app.core.highlight import highlighted
from app.core.i18n import _
from app.core.markdown import Links, render_markdown
from app.hub.schemas import FileHandle

# No more than this of a text is read for its page.
TEXT_BYTES = 512 * 1024
_TABLE_ROWS = 200
_TABLE_COLUMNS = 60
_HEADER_BYTES = 8 * 1024 * 1024
_TENSORS = 2000
IMAGES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".avif"})
_TABLES = {".csv": ",", ".tsv": "\t"}
_MARKDOWN = frozenset({".md", ".markdown"})


@dataclass(frozen=True)
class Tensor:
    """One tensor of a weights file."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Preview:
    """`kind` is text, json, markdown, image, table, tensors or none; `why` explains none."""

    kind: str
    markup: Markup = Markup()  # noqa: RUF009  # Markup is an immutable string
    num_lines: int = 0
    rows: Sequence[Sequence[str]] = ()
    tensors: Sequence[Tensor] = field(default=())
    is_cut: bool = False
    why: str = ""


async def preview(file: FileHandle, links: Links, *, source: bool = False) -> Preview:
    """Return what to show of `file`; reads at most `TEXT_BYTES` of it, or a tensor header."""
    suffix = PurePosixPath(file.path).suffix.lower()
    if suffix in IMAGES:
        return Preview("image")
    if suffix == ".safetensors":
        return await _tensors(file)
    content = await file.read_all(0, min(file.size, TEXT_BYTES))
    text = _decoded(content, is_cut=file.size > len(content))
    if text is None:
        return Preview("none", why=_("It is not text. Download it to look inside."))
    return _text(file, text, suffix, links, source=source)


def _text(file: FileHandle, text: str, suffix: str, links: Links, *, source: bool) -> Preview:
    is_cut = file.size > TEXT_BYTES
    if suffix in _MARKDOWN and not source and not is_cut:
        return Preview("markdown", render_markdown(text, links))
    if suffix in _TABLES and not source:
        rows = _rows(text, _TABLES[suffix])
        if rows:
            return Preview("table", rows=rows, is_cut=is_cut or len(rows) > _TABLE_ROWS)
    if suffix == ".json" and not is_cut:
        text = _pretty(text)
    lines = text.count("\n") + (not text.endswith("\n"))
    kind = "json" if suffix == ".json" else "text"
    return Preview(kind, highlighted(text, filename=file.path), lines if text else 0, is_cut=is_cut)


def _decoded(content: bytes, *, is_cut: bool) -> str | None:
    if b"\0" in content:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        # The cut may have gone through a character.
        near_end = error.start >= len(content) - 4
        return content[: error.start].decode() if is_cut and near_end else None


def _pretty(text: str) -> str:
    """Return JSON that stands in one line, as clients write it, with its structure visible."""
    if text.count("\n") > 1:
        return text
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"
    except (ValueError, RecursionError):
        return text


def _rows(text: str, delimiter: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    rows = []
    try:
        for row in reader:
            rows.append([cell[:300] for cell in row[:_TABLE_COLUMNS]])
            if len(rows) > _TABLE_ROWS:
                break
    except csv.Error:
        return []
    return rows


async def _tensors(file: FileHandle) -> Preview:
    broken = Preview("none", why=_("Its header is not that of a safetensors file."))
    length = int.from_bytes(await file.read_all(0, 8), "little")
    if not len("{}") <= length <= min(_HEADER_BYTES, file.size - 8):
        return broken
    try:
        header: Any = json.loads(await file.read_all(8, 8 + length))
        tensors = [
            Tensor(name, str(entry["dtype"]), tuple(int(n) for n in entry["shape"]))
            for name, entry in header.items()
            if name != "__metadata__"
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return broken
    return Preview("tensors", tensors=tensors[:_TENSORS], is_cut=len(tensors) > _TENSORS)
