"""What operators mean: facts that the index itself knows, and which values they may have."""

from app.search.query import Filter
from app.search.schemas import Kind
from app.search.words import label, quoted

IS = frozenset(["open", "closed", "answered", "bounty", *Kind])
HAS = frozenset(["accepted", "code", "recipe", "card"])
_LANGUAGE_LETTERS = 2
_PLAIN = frozenset(["tag", "task", "library", "license", "user"])


def lexeme_of(item: Filter) -> str:
    """Return the part of a `tsquery` that an operator is; empty if it is none, or means nothing."""
    found = _label(item.name, item.value.strip())
    if not found:
        return ""
    return f"!{quoted(found)}" if item.excludes else quoted(found)


def _label(name: str, value: str) -> str:
    if not value:
        return ""
    if name in _PLAIN:
        return label(name, value)
    if name == "lang":
        return label(name, value[:_LANGUAGE_LETTERS])
    if name == "is" and value in IS:
        return label("kind" if value in set(Kind) else "is", value)
    if (name == "has" and value in HAS) or (name == "job" and value.removeprefix("#").isdecimal()):
        return label(name, value.removeprefix("#"))
    return ""
