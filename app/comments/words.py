"""What changed between two wordings, word by word; a Chinese character counts as a word."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

# A run of Latin letters and digits, one character of any other script, or what stands between.
_TOKEN = re.compile(r"[A-Za-z0-9_À-ɏ]+|\s+|.", re.DOTALL)
_MAX_TOKENS = 5000
# From so many on, what stands everywhere (blanks, empty lines) is no place to begin a comparison.
_MANY = 1000
_STEPS = 3_000_000


@dataclass(frozen=True)
class Piece:
    """A stretch of text: `kept`, `added` or `removed`."""

    kind: str
    text: str


@dataclass
class Steps:
    """How much work comparing may still be; without any left the rest is one piece."""

    left: int = _STEPS


class BoundedMatcher(difflib.SequenceMatcher[str]):
    """Finds what two sequences have in common in so many steps, however alike their parts are."""

    a: Sequence[str]
    b2j: dict[str, list[int]]

    def __init__(self, before: Sequence[str], after: Sequence[str], steps: Steps) -> None:
        is_long = max(len(before), len(after)) > _MANY
        super().__init__(None, before, after, autojunk=is_long)
        self._steps = steps
        places = self.b2j
        self._costs = [0, *accumulate(1 + len(places.get(word, ())) for word in before)]

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> difflib.Match:
        """Return the longest stretch both have; an empty one if looking would be too much."""
        cost = self._costs[len(self.a) if ahi is None else ahi] - self._costs[alo]
        if cost > self._steps.left:
            return difflib.Match(alo, blo, 0)
        self._steps.left -= cost
        return super().find_longest_match(alo, ahi, blo, bhi)


def word_diff(old: str, new: str, steps: Steps | None = None) -> list[Piece]:
    """Return the pieces from which both wordings can be read, in order.

    Texts of more than 5,000 words are compared line by line. Several comparisons may share `steps`.
    """
    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    if max(len(before), len(after)) > _MAX_TOKENS:
        before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    pieces = []
    matcher = BoundedMatcher(before, after, steps or Steps())
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            pieces.append(Piece("kept", "".join(before[i1:i2])))
            continue
        pieces += [Piece("removed", "".join(before[i1:i2]))] if i2 > i1 else []
        pieces += [Piece("added", "".join(after[j1:j2]))] if j2 > j1 else []
    return pieces
