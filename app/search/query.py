"""What somebody typed into the search, understood: words, phrases, exclusions and operators.

Nothing that is typed reaches PostgreSQL's own parsers of queries: a `tsquery` is built here, lexeme
by lexeme, so no sign in it can be an error.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from app.search.glossary import Unit, units
from app.search.words import (
    Run,
    is_stop_word,
    joined,
    normalised,
    pairs,
    parts,
    quoted,
    runs,
)

MAX_QUERY_CHARS = 300
_MAX_TERMS = 24
_OPERATORS = """
tag task library license user lang is has job model dataset score before after error
"""
OPERATORS = frozenset(_OPERATORS.split())
# Of `lang:`: texts in every language, and terms in the other one too.
ANY = "any"
# Of an error somebody pasted, only so many words need be found again.
_MOST_ERROR_WORDS = 12
_ITEM = re.compile(
    r"""(?P<not>-)?(?:(?P<operator>[a-z]+):(?:"(?P<quoted>[^"]*)"|(?P<value>[^\s"]+))"""
    r"""|"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))""",
    re.IGNORECASE,
)
# A longer run of Chinese letters is a sentence, not a word.
_LONGEST_WORD = 4
_QUESTION = """
怎么办 怎么 怎样 如何 为什么 为何 什么 哪个 哪些 哪里 多少 请问 是否 能否 可以 可否
有没有 的 了 和 与 或 在 是 吗 呢 吧 啊 把 被 对 让 用 会 能 要
这个 那个 一个 没有 时候 时 后 前 中 上 下 我 我们 你
"""
_QUESTION_WORDS = frozenset(_QUESTION.split())


@dataclass(frozen=True)
class Filter:
    """An operator, such as `tag:cv`, or `-tag:cv` when `excludes`."""

    name: str
    value: str
    excludes: bool = False


@dataclass
class Query:
    """A question to the index.

    Attributes:
        terms: what must be found, each a part of a `tsquery`; all of them.
        pieces: the same, Chinese words cut into their pairs of letters.
        excluded: what must not be found, written alike.
        filters: its operators.
        unknown: what looked like an operator and was taken as words.
        words: the words as typed, normalised, for marking them in texts.
    """

    terms: list[str] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    # Whether texts in the other language are wanted as well, and whether words stand by themselves.
    in_any_language: bool = False
    is_plain: bool = True

    @property
    def strict(self) -> str:
        """The `tsquery` that finds what holds every term; empty if nothing is asked of texts."""
        return _joined(self.terms, " & ")

    @property
    def loose(self) -> str:
        """The `tsquery` that finds what holds any term; empty if there are not several."""
        return _joined(self.terms, " | ") if len(self.terms) > 1 else ""

    @property
    def translations(self) -> dict[str, tuple[str, ...]]:
        """What is looked for besides the words, by the words; empty if nothing is."""
        return {
            " ".join(run.text for run in unit.typed): unit.others
            for unit in self._units()
            if unit.others
        }

    @property
    def wide(self) -> str:
        """The `tsquery` that finds every word or the same in the other language.

        Empty if that is not asked for, or no word is known. An exact phrase and `OR` mean what they
        say: nothing is put in their places.
        """
        units = self._units()
        if not any(unit.others for unit in units):
            return ""
        return _joined([_either(unit) for unit in units], " & ")

    def _units(self) -> list[Unit]:
        return units(self.words) if self.in_any_language and self.is_plain else []

    @property
    def loosest(self) -> str:
        """The `tsquery` that finds what holds any two letters of a Chinese word, or any term."""
        return _joined(self.pieces, " | ") if len(self.pieces) > 1 else ""


def parse(text: str) -> Query:
    """Return what a line means; anything may be typed.

    An operator that is not known is taken as words. `OR` stands between two words of which one is
    enough, a `-` before what must not be found, and quotes around an exact phrase.
    """
    query, latin, either = Query(), list[str](), False
    for item in _ITEM.finditer(text[:MAX_QUERY_CHARS].replace("\0", " ")):
        operator = (item["operator"] or "").lower()
        if operator in OPERATORS:
            value = item["quoted"] if item["quoted"] is not None else item["value"]
            if operator == "error":
                query.is_plain = False
                _flush(query, latin)
                _add_error(query, value, excludes=item["not"] is not None)
                continue
            if operator == "lang" and normalised(value) == ANY and not item["not"]:
                query.in_any_language = True
                continue
            query.filters.append(Filter(operator, normalised(value), item["not"] is not None))
            continue
        if operator:
            query.unknown.append(operator)
        typed = item["phrase"] or item["word"] or f"{operator} {item['quoted'] or item['value']}"
        if item["word"] == "OR" and not item["not"]:
            query.is_plain = False
            _flush(query, latin)
            either = bool(query.terms)
            continue
        found = list(runs(typed))
        if item["phrase"] is not None and not item["not"]:
            query.is_plain = False
        if item["not"] or item["phrase"] is not None or either or any(r.is_cjk for r in found):
            _flush(query, latin)
            _add(query, found, item, either=either)
            either = False
        else:
            query.words += [run.text for run in found]
            latin += [run.text for run in found]
    _flush(query, latin)
    del query.terms[_MAX_TERMS:], query.excluded[_MAX_TERMS:], query.pieces[_MAX_TERMS:]
    return query


def _add(query: Query, found: Sequence[Run], item: "re.Match[str]", *, either: bool) -> None:
    """Add what an item asks for; `either` it or the term before it is enough."""
    terms = [_phrase(found)] if item["phrase"] is not None else list(_terms(found))
    terms = [term for term in terms if term]
    if item["not"]:
        query.excluded += terms
        return
    query.words += [run.text for run in found]
    query.pieces += terms if item["phrase"] is not None else _pairs(found)
    if either and terms:
        query.terms[-1] = f"({query.terms[-1]} | {_joined(terms, ' & ')})"
    else:
        query.terms += terms


def _add_error(query: Query, message: str, *, excludes: bool) -> None:
    """Add the words of an error without its numbers, which are others each time."""
    found = [run for run in runs(message) if not any(letter.isdigit() for letter in run.text)]
    terms = list(dict.fromkeys(_terms(found)))[:_MOST_ERROR_WORDS]
    if excludes:
        query.excluded += [f"({_joined(terms, ' & ')})"] if terms else []
        return
    query.words += [run.text for run in found]
    query.terms += terms
    query.pieces += _pairs(found)


def _pairs(found: Sequence[Run]) -> list[str]:
    pieces: list[str] = []
    for run in found:
        if run.is_cjk and len(run.text) > 1:
            pieces += [quoted(pair) for pair in pairs(run.text)[:-1]]
        else:
            pieces += _terms([run])
    return pieces


def _flush(query: Query, latin: list[str]) -> None:
    """Add Latin words that stand beside each other: two of them may be written as one."""
    words = [word for word in latin if not is_stop_word(word)]
    latin.clear()
    whole = _joined([_latin(word) for word in words], " & ")
    if not whole:
        return
    if not 1 < len(words) <= _LONGEST_WORD:
        query.terms += [_latin(word) for word in words]
        query.pieces += [_latin(word) for word in words]
        return
    query.pieces += [_latin(word) for word in words]
    ways = [whole]
    for at, (one, other) in enumerate(pairwise(words)):
        rest = [_latin(word) for word in (*words[:at], *words[at + 2 :])]
        ways.append(_joined([quoted(joined(one + other)), *rest], " & "))
    query.terms.append("(" + " | ".join(f"({way})" for way in ways) + ")")


def _terms(found: Sequence[Run]) -> Iterator[str]:
    for run in found:
        if run.is_cjk:
            yield from (_word(piece) for piece in _pieces(run.text))
        elif not is_stop_word(run.text):
            yield _latin(run.text)


def _phrase(found: Sequence[Run]) -> str:
    """Return the `tsquery` of runs that stand side by side."""
    steps: list[tuple[int, str]] = []
    place = 0
    for run in found:
        for lexeme in pairs(run.text) if run.is_cjk else parts(run.text):
            if run.is_cjk or not is_stop_word(lexeme):
                steps.append((place, quoted(lexeme)))
            place += 1
    if found and found[-1].is_cjk:
        # Its last letter alone is only there where the run of the text ends as well.
        last, lexeme = steps.pop()
        steps += [(last, f"{lexeme}:*")] if len(found[-1].text) == 1 else []
    if not steps:
        return ""
    far = (f" <{after - before}> {lexeme}" for (before, _), (after, lexeme) in pairwise(steps))
    return f"({steps[0][1]}{''.join(far)})"


def _either(unit: Unit) -> str:
    """Return the `tsquery` of a part of a question, or of the same in the other language."""
    asked = [run for run in unit.typed if run.text not in _QUESTION_WORDS]
    typed = _joined(list(_terms(asked)), " & ")
    ways = [typed] if typed else []
    for other in unit.others:
        found = list(runs(other))
        ways.append(
            _word(found[0].text) if found[0].is_cjk else _latin("-".join(r.text for r in found))
        )
    return "(" + " | ".join(f"({way})" for way in ways) + ")" if ways else ""


def _word(piece: str) -> str:
    return _phrase([Run(piece, is_cjk=True)])


def _latin(run: str) -> str:
    found = parts(run)
    if len(found) == 1:
        return quoted(found[0])
    return f"({quoted(joined(run))} | ({' <-> '.join(quoted(part) for part in found)}))"


def _pieces(run: str) -> list[str]:
    """Cut a sentence into words, without those that only make it a question.

    A piece of one letter joins the next one: a wrong cut only finds more.
    """
    if len(run) <= _LONGEST_WORD:
        return [run]
    import rjieba  # its dictionary takes 32 MB: only for who asks in whole Chinese sentences

    found, left = [], ""
    for piece in rjieba.cut(run):
        if piece in _QUESTION_WORDS:
            found += [left] if left else []
            left = ""
        elif len(piece) == 1:
            left += piece
        else:
            found.append(left + piece)
            left = ""
    return [*found, *([left] if left else [])] or [run]


def _joined(terms: Sequence[str], sign: str) -> str:
    return sign.join(term for term in terms if term)
