"""Git's patterns for paths: what `*`, `**`, `?` and brackets match, byte by byte, as git does it.

Written without a regular expression: patterns come from users, and backtracking must stay bounded.
Source: the rules in gitignore(5) and the pathname mode of git's own matcher.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

_STAR = -1
_ANY = -2
_SLASH = ord("/")
_CLASSES = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "blank": " \t", "cntrl": "\0-\x1f\x7f",
    "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": "!-/:-@[-`{-~",
    "space": " \t-\r", "upper": "A-Z", "xdigit": "0-9A-Fa-f",
}  # fmt: skip

# A byte that must be there, `_STAR`, `_ANY`, or the set of bytes that a bracket allows.
Token = int | frozenset[int]


@dataclass(frozen=True)
class Part:
    """One name of a path in a pattern; `is_deep` (`**`) stands for any number of them."""

    tokens: tuple[Token, ...]
    is_deep: bool = False


Pattern = tuple[Part, ...]


@lru_cache(maxsize=4096)
def compile_pattern(text: str) -> Pattern | None:
    """Return a pattern ready to be matched; None for one that matches nothing."""
    raw = text.encode("utf-8", "surrogateescape")
    parts: list[Part] = []
    tokens: list[Token] = []
    at, start = 0, 0
    while at < len(raw):
        if raw[at] == _SLASH:
            parts.append(_part(tokens, raw[start:at]))
            tokens, at, start = [], at + 1, at + 1
            continue
        step = _token(raw, at)
        if step is None:
            return None
        token, following = step
        if token == _SLASH:  # written as `\/`
            parts.append(_part(tokens, raw[start:at]))
            tokens, start = [], following
        else:
            tokens.append(token)
        at = following
    return (*parts, _part(tokens, raw[start:]))


def _part(tokens: list[Token], written: bytes) -> Part:
    return Part(tuple(tokens), is_deep=written == b"**")


def _token(raw: bytes, at: int) -> tuple[Token, int] | None:
    char = raw[at : at + 1]
    if char == b"\\":
        return (raw[at + 1], at + 2) if at + 1 < len(raw) else None
    if char == b"*":
        return _STAR, at + 1
    if char == b"?":
        return _ANY, at + 1
    if char == b"[":
        return _bracket(raw, at + 1)
    return raw[at], at + 1


def _bracket(raw: bytes, at: int) -> tuple[Token, int] | None:
    """Return the bytes that a bracket allows, and where the pattern goes on after it."""
    is_negated = raw[at : at + 1] in {b"!", b"^"}
    at += is_negated
    allowed: set[int] = set()
    previous = -1
    first = True
    while at < len(raw) and (first or raw[at] != ord("]")):
        first = False
        if raw[at : at + 2] == b"[:":
            step = _named_class(raw, at)
            if step is None:
                return None
            members, at = step
            allowed |= members
            previous = -1
        elif raw[at] == ord("-") and previous >= 0 and raw[at + 1 : at + 2] not in {b"", b"]"}:
            at += 1 + (raw[at + 1] == ord("\\"))
            if at >= len(raw):
                return None
            allowed |= set(range(previous, raw[at] + 1))
            previous, at = -1, at + 1
        else:
            at += raw[at] == ord("\\")
            if at >= len(raw):
                return None
            previous = raw[at]
            allowed.add(previous)
            at += 1
    if at >= len(raw):
        return None
    chosen = frozenset(range(256)) - allowed if is_negated else frozenset(allowed)
    return chosen - {_SLASH}, at + 1


def _named_class(raw: bytes, at: int) -> tuple[set[int], int] | None:
    end = raw.find(b"]", at + 2)
    if end < 0:
        return None
    if raw[end - 1 : end] != b":" or end - 1 < at + 2:
        return {ord("[")}, at + 1  # not a class after all: a bracket like any other
    name = raw[at + 2 : end - 1].decode("latin-1")
    if name not in _CLASSES:
        return None
    found = re.compile(f"[{re.escape(_CLASSES[name]).replace(chr(92) + '-', '-')}]")
    return {code for code in range(128) if found.match(chr(code))}, end + 1


def matches(pattern: Pattern, path: str) -> bool:
    """Whether a whole path, from its first name to its last, fits the pattern."""
    names = path.encode("utf-8", "surrogateescape").split(b"/")
    at = name_at = 0
    deep_at, deep_name = -1, 0
    while name_at < len(names):
        part = pattern[at] if at < len(pattern) else None
        if part is not None and part.is_deep:
            if at == len(pattern) - 1:
                return True
            deep_at, deep_name = at, name_at
            at += 1
        elif part is not None and _fits(part.tokens, names[name_at]):
            at, name_at = at + 1, name_at + 1
        elif deep_at >= 0:
            deep_name += 1
            at, name_at = deep_at + 1, deep_name
        else:
            return False
    return at == len(pattern)


def _fits(tokens: tuple[Token, ...], name: bytes) -> bool:
    at = char = 0
    star, resume = -1, 0
    while char < len(name):
        token = tokens[at] if at < len(tokens) else None
        if token == _STAR:
            star, resume = at, char
            at += 1
        elif token is not None and _allows(token, name[char]):
            at, char = at + 1, char + 1
        elif star >= 0:
            resume += 1
            at, char = star + 1, resume
        else:
            return False
    return all(token == _STAR for token in tokens[at:])


def _allows(token: Token, byte: int) -> bool:
    if isinstance(token, frozenset):
        return byte in token
    return token in {_ANY, byte}
