"""Texts as lexemes, the same way for what is stored and for what is asked.

A run of Chinese, Japanese or Korean letters becomes its pairs of neighbours and its last letter, so
that a word of any length is a phrase of pairs and a single letter is the beginning of one. A run of
Latin letters becomes the stems of its parts and of all of it in one: `fine-tuning` is found as
`finetune`, and `ResNet 50` finds `resnet50`. No list of words decides where a Chinese word ends:
such lists cut a sentence and a query in two ways.
"""

import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import NamedTuple

import opencc
import snowballstemmer

# Raised when a text is cut into other lexemes: everything is then indexed anew.
VERSION = 2
MAX_LEXEME_BYTES = 80
# PostgreSQL keeps no more: positions beyond the last are one, and so many of each lexeme.
_LAST_POSITION = 16_383
_MOST_POSITIONS = 255
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f"
_RUN = re.compile(
    rf"(?P<cjk>[{_CJK}]+)|(?P<latin>(?:(?![{_CJK}])[^\W_])+(?:[-_.'’/](?:(?![{_CJK}])[^\W_])+)*[+#]*)"
)
_SURFACE = re.compile(r"[^\W\d_]+")
_SHORTEST, _LONGEST = 4, 30
_QUERY_PIECE = re.compile(r"'(?:[^'\\]|''|\\.)*'|<(?:-|\d+)>")
_PHRASE_START = re.compile(r"'(?:[^'\\]|''|\\.)*' <(?:-|\d+)> ")
_PART = re.compile(r"\d+|[^\W\d_]+[+#]*")
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
_COMMON = """
a an and are as at be but by can do does for from has have how i if in is it its my not of on or so
than that the then there these this to was we what when which why will with you
"""
_STOP_WORDS = frozenset(_COMMON.split())
_stemmer = snowballstemmer.stemmer("english")
_stemming = threading.Lock()


class Token(NamedTuple):
    """A lexeme at a position; several may stand at one."""

    lexeme: str
    position: int


class Run(NamedTuple):
    """A run of one kind of letters in a text, normalised."""

    text: str
    is_cjk: bool


@cache
def _simplifier() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


def normalised(text: str) -> str:
    """Return a text in one spelling: half-width, lower case, simplified characters."""
    plain = unicodedata.normalize("NFKC", text).translate(_INVISIBLE).casefold()
    return plain if plain.isascii() else str(_simplifier().convert(plain))


def runs(text: str) -> Iterator[Run]:
    """Yield the runs of letters of a text."""
    for found in _RUN.finditer(normalised(text)):
        yield Run(found[0], found["cjk"] is not None)


def is_chinese(text: str) -> bool:
    """Whether a text is written in Chinese characters more than in Latin letters."""
    found = list(runs(text))
    letters = sum(len(run.text) for run in found if run.is_cjk)
    return letters > sum(not run.is_cjk for run in found)


def pairs(run: str) -> list[str]:
    """Return the pairs of neighbours of a run of CJK letters, and its last letter."""
    return [run[at : at + 2] for at in range(len(run))]


def parts(run: str) -> list[str]:
    """Return the stems of the parts of a Latin run, such as `resnet` and `50` of `resnet-50`."""
    return [_stem(part) for part in _PART.findall(run)]


def joined(run: str) -> str:
    """Return the stem of a Latin run with all its parts in one."""
    return _stem("".join(_PART.findall(run)))


def is_stop_word(word: str) -> bool:
    """Whether a word of English says nothing about a text."""
    return word in _STOP_WORDS


def tokens(text: str, start: int = 1) -> Iterator[Token]:
    """Yield the lexemes of a text with their positions, which count from `start`."""
    position = start
    for run in runs(text):
        if run.is_cjk:
            for pair in pairs(run.text):
                yield Token(pair, position)
                position += 1
            continue
        found = parts(run.text)
        if len(found) > 1:
            yield Token(joined(run.text), position)
        for part in found:
            if not is_stop_word(part):
                yield Token(part, position)
            position += 1


def label(name: str, value: str) -> str:
    """Return a fact about a text as a lexeme: no word of a text has a colon in it."""
    return f"{name}:{normalised(value)}".encode()[:MAX_LEXEME_BYTES].decode(errors="ignore")


def vector(sections: Iterable[tuple[str, str]], labels: Iterable[str] = ()) -> str:
    """Return a `tsvector` literal of sections, each a weight (A to D) and a text, and of labels."""
    places: dict[str, list[str]] = {}
    start = 1
    for weight, text in sections:
        last = start
        for lexeme, position in tokens(text, start):
            last = max(last, position)
            held = places.setdefault(lexeme, [])
            if len(held) < _MOST_POSITIONS:
                held.append(f"{min(position, _LAST_POSITION)}{weight}")
        # A phrase never reaches from one section into the next.
        start = last + 2
    lexemes = [f"{quoted(lexeme)}:{','.join(at)}" for lexeme, at in places.items()]
    return " ".join([*lexemes, *(quoted(one) for one in dict.fromkeys(labels))])


def surface_words(text: str) -> set[str]:
    """Return the Latin words of a text as they are written, for finding typing errors."""
    return {
        found[0]
        for run in runs(text)
        if not run.is_cjk
        for found in _SURFACE.finditer(run.text)
        if _SHORTEST <= len(found[0]) <= _LONGEST
    }


def last_of_phrases(query: str) -> str:
    """Return a `tsquery` with the last word of each phrase in its place."""
    return _PHRASE_START.sub("", query)


def without_places(query: str) -> str:
    """Return a `tsquery` in which the words of phrases need not stand side by side.

    It finds all that the query finds, and little more; the index alone can answer it.
    """
    return _QUERY_PIECE.sub(lambda found: "&" if found[0][0] == "<" else found[0], query)


def quoted(lexeme: str) -> str:
    """Return a lexeme as `tsvector` and `tsquery` read it, whatever is in it."""
    escaped = lexeme.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    # The stemmer keeps what it works on in itself.
    with _stemming:
        stem = str(_stemmer.stemWord(word))
    return stem.encode()[:MAX_LEXEME_BYTES].decode(errors="ignore")
