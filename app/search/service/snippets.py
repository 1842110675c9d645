"""The part of a text that shows why it was found, with the words marked.

Taken from the text as it was written, never from the index, in which words are cut and spelled
alike.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from markupsafe import Markup

from app.search.words import joined, normalised, parts

SNIPPET_CHARS = 220
_BEFORE = 60
_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"[^\W_]+(?:[-_.'’/][^\W_]+)*[+#]*")
_MARKDOWN = re.compile(
    r"(?m)^\s{0,3}(?:#{1,6}|>|[-*+]|\d+\.)\s+|[*_`~]{1,3}|!?\[|\]\([^)]*\)|^-{3,}$"
)


def marked(text: str, words: Sequence[str]) -> Markup:
    """Return a text as HTML with the words of a query in `<mark>`."""
    shown, last = Markup(""), 0
    for start, end in _places(text, words):
        shown += Markup.escape(text[last:start]) + Markup("<mark>{}</mark>").format(text[start:end])
        last = end
    return shown + Markup.escape(text[last:])


def snippet(body: str, words: Sequence[str]) -> Markup:
    """Return the part of a Markdown text that holds most of the words, as marked HTML."""
    text = _SPACE.sub(" ", _MARKDOWN.sub("", body)).strip()
    start = _best_start(text, words)
    part = text[start : start + SNIPPET_CHARS]
    before = "… " if start else ""
    after = " …" if start + SNIPPET_CHARS < len(text) else ""
    return Markup.escape(before) + marked(part, words) + Markup.escape(after)


def _best_start(text: str, words: Sequence[str]) -> int:
    places = _places(text, words)
    best, found, first, after = 0, 0, 0, 0
    inside: Counter[str] = Counter()
    shown = [text[start:end].casefold() for start, end in places]
    for start, _end in places:
        begin = max(0, start - _BEFORE)
        while after < len(places) and places[after][0] < begin + SNIPPET_CHARS:
            inside[shown[after]] += 1
            after += 1
        while places[first][0] < begin:
            inside[shown[first]] -= 1
            first += 1
        if len(+inside) > found:
            best, found = begin, len(+inside)
    if not best:
        return 0
    # Begin behind a space, where there is one near: half a word says nothing.
    space = text.find(" ", best, best + _BEFORE // 2)
    return best if space < 0 else space + 1


def _places(text: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Return where the words stand in a text, in order and apart."""
    latin = [word for word in words if word.isascii()]
    stems = {stem for word in latin for stem in (joined(word), *parts(word))}
    found = [
        match.span()
        for match in (_WORD.finditer(text) if stems else ())
        if not stems.isdisjoint(_stems(match[0]))
    ]
    others = [word for word in words if not word.isascii()]
    simple = _by_letter(text) if others else ""
    for word in others:
        at = simple.find(word)
        while at >= 0:
            found.append((at, at + len(word)))
            at = simple.find(word, at + len(word))
    return _apart(sorted(found))


@lru_cache(maxsize=20_000)
def _stems(word: str) -> frozenset[str]:
    """Return the lexemes that a word of a text became."""
    run = normalised(word)
    return frozenset((joined(run), *parts(run))) if run.isascii() else frozenset()


def _by_letter(text: str) -> str:
    """Return a text as the index spells it, but of the same length, so that places are the same."""
    simple = normalised(text)
    if len(simple) == len(text):
        # Letters that become two and letters that become none are both rare.
        return simple
    letters = normalised("\n".join(unicodedata.normalize("NFKC", c)[:1] or " " for c in text))
    alike = letters.split("\n")
    if len(alike) != len(text):
        return text.casefold() if len(text.casefold()) == len(text) else text
    return "".join(letter[:1] or " " for letter in alike)


def _apart(places: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    kept: list[tuple[int, int]] = []
    for start, end in places:
        if not kept or start >= kept[-1][1]:
            kept.append((start, end))
    return kept
