"""A patch as numbered lines, as pages of commits and of pull requests show it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


@dataclass(frozen=True)
class Line:
    """A line of a change: `sign` is +, -, @ or a space; numbers count from 1, 0 where it is not."""

    sign: str
    old: int
    new: int
    text: str


def patch_lines(patch: str) -> Iterator[Line]:
    """Return the lines of one file's patch with their numbers on both sides."""
    old = new = 0
    # Only line feeds end a line here: a text may hold other separators.
    for text in patch.split("\n") if patch else []:
        if hunk := _HUNK.match(text):
            old, new = int(hunk[1]), int(hunk[2])
            yield Line("@", 0, 0, text)
        elif old + new == 0:
            continue  # the two lines that name the files
        elif text.startswith("+"):
            yield Line("+", 0, new, text[1:])
            new += 1
        elif text.startswith("-"):
            yield Line("-", old, 0, text[1:])
            old += 1
        else:
            yield Line(" ", old, new, text[1:])
            old, new = old + 1, new + 1
