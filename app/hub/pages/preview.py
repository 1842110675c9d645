"""What a file page shows of a file: text with colours, a table, a picture, a list of tensors."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from markupsafe import Markup

from app.core.highlight import highlighted
from app.core.i18n import _
from app.core.markdown import Links, render_markdown
from app.hub.card import split_card
from app.hub.safetensors import Tensor
from app.hub.schemas import FileHandle
from app.hub.service.weights import Weights

# No more than this of a text is read for its page.
TEXT_BYTES = 512 * 1024
_TABLE_ROWS = 200
_TABLE_COLUMNS = 60
_TENSORS = 2000
IMAGES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".avif"})
_TABLES = {".csv": ",", ".tsv": "\t"}
_MARKDOWN = frozenset({".md", ".markdown"})


@dataclass(frozen=True)
class TensorTable:
    """The tensors of weights that a page shows, and what they add up to."""

    tensors: Sequence[Tensor]
    num_found: int
    num_all: int
    total: int
    parameters: Mapping[str, int]
    metadata: Mapping[str, str]
    is_sharded: bool


@dataclass(frozen=True)
class Preview:
    """`kind` is text, json, markdown, image, table, tensors or none; `why` explains none."""

    kind: str
    markup: Markup = Markup()  # noqa: RUF009  # Markup is an immutable string
    num_lines: int = 0
    rows: Sequence[Sequence[str]] = ()
    weights: TensorTable | None = None
    is_cut: bool = False
    why: str = ""
    head: Markup = Markup()  # noqa: RUF009  # Markup is an immutable string


async def preview(file: FileHandle, links: Links, *, source: bool = False) -> Preview:
    """Return what to show of `file`; reads at most `TEXT_BYTES` of it."""
    suffix = PurePosixPath(file.path).suffix.lower()
    if suffix in IMAGES:
        return Preview("image")
    content = await file.read_all(0, min(file.size, TEXT_BYTES))
    text = _decoded(content, is_cut=file.size > len(content))
    if text is None:
        return Preview("none", why=_("It is not text. Download it to look inside."))
    return _text(file, text, suffix, links, source=source)


def _text(file: FileHandle, text: str, suffix: str, links: Links, *, source: bool) -> Preview:
    is_cut = file.size > TEXT_BYTES
    if suffix in _MARKDOWN and not source and not is_cut:
        head, body = split_card(text)
        return Preview(
            "markdown",
            render_markdown(body, links),
            head=highlighted(head, filename="head.yaml") if head else Markup(),
        )
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


def tensor_preview(found: Weights, words: str) -> Preview:
    """Return the tensors whose names hold every one of `words`, and what all of them add up to."""
    wanted = words.lower().split()
    every = [tensor for header in found.headers.values() for tensor in header.tensors]
    chosen = [one for one in every if all(word in one.name.lower() for word in wanted)]
    counted = found.summary
    is_sharded = bool(found.index)
    metadata = found.index.get("metadata") if is_sharded else None
    if not isinstance(metadata, dict):
        metadata = next(iter(found.headers.values())).metadata
    table = TensorTable(
        tensors=chosen[:_TENSORS],
        num_found=len(chosen),
        num_all=len(every),
        total=counted["total"],
        parameters=counted["parameters"],
        metadata={key[:100]: str(value)[:300] for key, value in [*metadata.items()][:20]},
        is_sharded=is_sharded,
    )
    return Preview("tensors", weights=table, is_cut=len(chosen) > _TENSORS)


def is_weights(path: str) -> bool:
    """Whether a file is shown by its tensors: weights, or the index of their parts."""
    return path.endswith((".safetensors", ".safetensors.index.json"))
