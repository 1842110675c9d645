"""Merging two changes of one text, line by line.

Each side is read as a list of replacements in the common ancestor; where the lists touch the same
or neighbouring lines in different ways, there is no answer, and none is made up.
"""

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

# Comparing costs what equal lines cost; above this a person must decide.
_MAX_EFFORT = 4_000_000


class TooAlikeError(Exception):
    """The text repeats the same lines so often that comparing it would take too long."""


@dataclass(frozen=True)
class _Edit:
    """Replace the lines [start, end) of the ancestor by `lines`."""

    start: int
    end: int
    lines: tuple[bytes, ...]


def merge_text(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """Return a text with both changes; None if they touch the same lines.

    Raises:
        TooAlikeError: comparing them would take too long.
    """
    lines = base.splitlines(keepends=True)
    edits = _combined(_edits(lines, ours), _edits(lines, theirs))
    if edits is None:
        return None
    merged: list[bytes] = []
    at = 0
    for edit in edits:
        merged += [*lines[at : edit.start], *edit.lines]
        at = edit.end
    return b"".join([*merged, *lines[at:]])


def _edits(base: Sequence[bytes], changed: bytes) -> list[_Edit]:
    lines = changed.splitlines(keepends=True)
    start = _common(base, lines)
    end = _common(base[start:][::-1], lines[start:][::-1])
    left, right = base[start : len(base) - end], lines[start : len(lines) - end]
    there = Counter(right)
    if sum(there[line] for line in left) > _MAX_EFFORT:
        raise TooAlikeError
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    return [
        _Edit(start + i1, start + i2, tuple(right[j1:j2]))
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
        if tag != "equal"
    ]


def _common(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    """Return how many lines both begin with."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _combined(ours: list[_Edit], theirs: list[_Edit]) -> list[_Edit] | None:
    found: list[_Edit] = []
    mine, others = list(reversed(ours)), list(reversed(theirs))
    while mine and others:
        if mine[-1] == others[-1]:
            found.append(mine.pop())
            others.pop()
        elif mine[-1].end < others[-1].start:
            found.append(mine.pop())
        elif others[-1].end < mine[-1].start:
            found.append(others.pop())
        else:
            return None
    return [*found, *reversed(mine), *reversed(others)]
