"""Terms of the field in two languages, for who searches in any: `glossary.txt` holds the pairs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app.search.words import Run, joined, normalised, runs

_FILE = Path(__file__).with_suffix(".txt")
_MOST_WORDS = 4
_MOST_UNITS = 12


@dataclass(frozen=True)
class Unit:
    """A part of a question: the runs that were typed, and what says it in the other language."""

    typed: tuple[Run, ...]
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Glossary:
    """What each term is on the other side: English ones by their stem, Chinese as written."""

    of_english: dict[str, tuple[str, ...]]
    of_chinese: dict[str, tuple[str, ...]]


@cache
def glossary() -> Glossary:
    """Return the pairs of the file; the first line of a term counts."""
    english: dict[str, tuple[str, ...]] = {}
    chinese: dict[str, tuple[str, ...]] = {}
    for left, right in lines(_FILE.read_text(encoding="utf-8")):
        for term in left:
            english.setdefault(_stem(term), right)
        for term in right:
            chinese.setdefault(normalised(term), left)
    return Glossary(english, chinese)


def lines(text: str) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Yield the English and the Chinese terms of each line of such a file."""
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            left, _sign, right = line.partition(" = ")
            yield _terms(left), _terms(right)


def _terms(side: str) -> tuple[str, ...]:
    return tuple(term.strip() for term in side.split(",") if term.strip())


def _stem(term: str) -> str:
    # As the index spells a word of several parts: `fine-tuning` and `fine tuning` alike.
    return joined("".join(run.text for run in runs(term)))


def units(words: Sequence[str]) -> list[Unit]:
    """Return the words of a question in parts, the longest known terms whole."""
    found: list[Unit] = []
    latin: list[Run] = []
    for run in (run for word in words for run in runs(word)):
        if run.is_cjk:
            found += [*_english(latin), *_chinese(run.text)]
            latin = []
        else:
            latin.append(run)
    return [*found, *_english(latin)][:_MOST_UNITS]


def _english(latin: Sequence[Run]) -> Iterator[Unit]:
    known, at = glossary().of_english, 0
    while at < len(latin):
        for length in range(min(_MOST_WORDS, len(latin) - at), 0, -1):
            part = tuple(latin[at : at + length])
            others = known.get(joined("".join(run.text for run in part)))
            if others or length == 1:
                yield Unit(part, others or ())
                at += length
                break


def _chinese(run: str) -> Iterator[Unit]:
    """Cut the known terms out of a run; what is left between them stays as it is."""
    known, rest, at = glossary().of_chinese, "", 0
    longest = max(map(len, known))
    while at < len(run):
        ends = range(min(longest, len(run) - at), 1, -1)
        term = next((run[at : at + n] for n in ends if run[at : at + n] in known), "")
        if term:
            yield from ([Unit((Run(rest, is_cjk=True),))] if rest else [])
            yield Unit((Run(term, is_cjk=True),), known[term])
            rest, at = "", at + len(term)
        else:
            rest, at = rest + run[at], at + 1
    if rest:
        yield Unit((Run(rest, is_cjk=True),))
