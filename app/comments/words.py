"""What changed between two wordings, word by word; a Chinese character counts as a word."""

import difflib
import re
from dataclasses import dataclass

# A run of Latin letters and digits, one character of any other script, or what stands between.
_TOKEN = re.compile(r"[A-Za-z0-9_À-ɏ]+|\s+|.", re.DOTALL)
_MAX_TOKENS = 5000


@dataclass(frozen=True)
class Piece:
    """A stretch of text: `kept`, `added` or `removed`."""

    kind: str
    text: str


def word_diff(old: str, new: str) -> list[Piece]:
    """Return the pieces from which both wordings can be read, in order.

    Texts of more than 5,000 words are compared line by line.
    """
    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    if max(len(before), len(after)) > _MAX_TOKENS:
        before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    pieces = []
    matcher = difflib.SequenceMatcher(None, before, after)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            pieces.append(Piece("kept", "".join(before[i1:i2])))
            continue
        pieces += [Piece("removed", "".join(before[i1:i2]))] if i2 > i1 else []
        pieces += [Piece("added", "".join(after[j1:j2]))] if j2 > j1 else []
    return pieces
