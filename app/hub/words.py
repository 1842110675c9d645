"""What a search looks into, as one line that trigrams can index in any locale.

Latin text is kept in lower case, once as written and once cut into words, so that a part of a
name is found and a short word is found where a word begins. Every other letter is written as its
code: the index knows letters and digits of ASCII alone, and a run of Chinese letters stays a run.
"""

import re
from collections.abc import Iterable

_MAX_TEXT = 4000
_MAX_WORDS = 8
_WORD = re.compile(r"[^\W_]+")
# Shorter words hold no trigram of their own; with the blank before them they do.
_SHORT = 3


def _coded(text: str) -> str:
    return "".join(c if c.isascii() else f"u{ord(c):x}" for c in text.casefold())


def search_text(address: str, summary: str, tags: Iterable[str]) -> str:
    """Return what a search for a repository looks into; tags such as `license:mit` are left out."""
    free = [tag for tag in tags if ":" not in tag]
    whole = " ".join((address, *free, summary))[:_MAX_TEXT].replace("\0", "")
    words = " ".join(dict.fromkeys(_WORD.findall(_coded(whole))))
    return f" {_coded(whole)} {words}"


def search_patterns(query: str) -> list[str]:
    """Return the patterns that a found text matches, every one of them."""
    patterns = []
    for word in query.replace("\0", "").split()[:_MAX_WORDS]:
        coded = _coded(word)
        escaped = coded.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        blank = " " if len(coded) < _SHORT else ""
        patterns.append(f"%{blank}{escaped}%")
    return patterns
