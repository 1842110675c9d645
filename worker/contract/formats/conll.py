"""Tokens with tags: CoNLL files (a token a line, an empty line between sentences) and CoNLL-U."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pydantic import JsonValue

from worker.contract.base import N_
from worker.contract.formats.base import Files, Format, Problems, asked, path_split
from worker.contract.formats.tags import as_bio, scheme_of
from worker.contract.items import Candidate, Item, Layout
from worker.contract.recipe import Columns

NAME = "conll"
_SUFFIXES = (".conll", ".conllu", ".bio", ".iob", ".bmes", ".bioes", ".conll2003")
_TEXT_SUFFIXES = (".txt", ".train", ".dev", ".test", ".char")
# A comment of CoNLL-U says "# name = value"; a lone hash is a token with its tag.
_COMMENT = re.compile(r"# ?\w+ ?=|# [^\t]* |-DOCSTART-")
_PROBED_CHARS = 20_000
_UNIVERSAL_COLUMNS = 10
_FEWEST_COLUMNS = 2


class Line(NamedTuple):
    """A line of a sentence, cut into its columns."""

    number: int
    cells: list[str]


def detect(files: Files, columns: Columns) -> Candidate | None:
    """Return how much a data set looks like CoNLL."""
    del columns
    named = files.ending(*_SUFFIXES)
    if named:
        reason = N_("{table} is named as CoNLL files are.")
        return Candidate(format=NAME, score=88, reason=reason, params={"table": named[0]})
    for path in files.ending(*_TEXT_SUFFIXES)[:8]:
        text = files.text(path)
        if text is not None and _looks_tagged(text[:_PROBED_CHARS]):
            reason = N_("{table} has a token and a tag a line, and empty lines between sentences.")
            return Candidate(format=NAME, score=66, reason=reason, params={"table": path})
    return None


def _looks_tagged(text: str) -> bool:
    blocks = list(_blocks(text))
    if len(blocks) < _FEWEST_COLUMNS:
        return False
    counts = Counter(len(line.cells) for block in blocks[:-1] for line in block)
    columns, most = counts.most_common(1)[0]
    if columns < _FEWEST_COLUMNS or most < counts.total() * 0.98:
        return False
    tags = [line.cells[-1] for block in blocks for line in block if len(line.cells) == columns]
    return scheme_of(tags) != "none"


def read(files: Files, columns: Columns) -> Layout:
    """Return the sentences; tags of every scheme become B-, I- and O."""
    paths = files.ending(*_SUFFIXES) or [
        path
        for path in files.ending(*_TEXT_SUFFIXES)
        if _looks_tagged((files.text(path) or "")[:_PROBED_CHARS])
    ]
    layout, problems = Layout(), Problems()
    read_files = [
        (path, _sentences(path, files.text(path) or "", columns, problems)) for path in paths
    ]
    scheme = scheme_of(tag for _, found in read_files for _, _, tags in found for tag in tags)
    for path, sentences in read_files:
        for line, tokens, tags in sentences:
            add_sentence(layout, problems, (path, line), tokens, tags, scheme)
    layout.notes["scheme"] = scheme
    layout.findings += [*files.findings.values(), *problems.findings()]
    return layout


def add_sentence(
    layout: Layout,
    problems: Problems,
    place: tuple[str, int],
    tokens: Sequence[str],
    tags: Sequence[str],
    scheme: str,
) -> None:
    """Add one tagged sentence to a layout; `place` is (path, line)."""
    path, line = place
    plain, repaired, unknown = as_bio(tags, scheme)
    for number in repaired:
        problems.add("TAG_WITHOUT_BEGIN", f"{path}:{line + number} {tags[number]}")
    for number in unknown:
        problems.add("TAG_UNKNOWN", f"{path}:{line + number} {tags[number]}")
    kinds = sorted({tag.partition("-")[2] if scheme != "none" else tag for tag in plain} - {""})
    values: dict[str, JsonValue] = {"tokens": [*tokens], "tags": [*plain]}
    item = Item(path, "", path_split(path), row=line, values=values, labels=tuple(kinds))
    layout.items.append(item)


def _sentences(
    path: str, text: str, columns: Columns, problems: Problems
) -> list[tuple[int, list[str], list[str]]]:
    """Return (first line, tokens, tags) of each sentence of a file."""
    blocks = list(_blocks(text))
    counts = Counter(len(line.cells) for block in blocks for line in block)
    usual = counts.most_common(1)[0][0] if counts else 0
    universal = usual == _UNIVERSAL_COLUMNS and path.lower().endswith(".conllu")
    token = _position(columns, "tokens", 1 if universal else 0)
    tag = _position(columns, "tags", 3 if universal else usual - 1)
    sentences = []
    for block in blocks:
        lines = [line for line in block if not (universal and not line.cells[0].isdigit())]
        whole = [line for line in lines if len(line.cells) == usual > 1]
        for line in lines:
            if len(line.cells) != usual or usual < _FEWEST_COLUMNS:
                problems.add("COLUMNS_DIFFER", f"{path}:{line.number}", table=path)
        if whole and len(whole) == len(lines):
            tokens, tags = [x.cells[token] for x in whole], [x.cells[tag] for x in whole]
            sentences.append((whole[0].number, tokens, tags))
    return sentences


def _position(columns: Columns, field: str, usual: int) -> int:
    """Return the number of a column, from 0; a recipe may name another one."""
    wanted = asked(columns, field)
    return int(wanted) if wanted is not None and wanted.isdigit() else usual


def _blocks(text: str) -> Iterator[list[Line]]:
    block: list[Line] = []
    for number, line in enumerate(text.split("\n"), start=1):
        bare = line.rstrip("\r")
        if not bare.strip(" \t"):
            if block:
                yield block
            block = []
        elif not _COMMENT.match(bare):
            block.append(Line(number, bare.split("\t") if "\t" in bare else bare.split()))
    if block:
        yield block


FORMAT = Format(NAME, "text", detect, read)
