"""`.gitattributes` and `.gitignore` of a repository, read as git reads them.

Each folder may have its own file, which counts for what is below it and goes before those above.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.hub.wildmatch import Pattern, compile_pattern, matches

_ATTRIBUTE_NAME = re.compile(r"(?!builtin_)[A-Za-z0-9_.][A-Za-z0-9_.-]*")
_MAX_RULES = 1000
_MAX_LINE = 2048
_MAX_MACRO_DEPTH = 10
_BLANK = " \t\r\n"
_ESCAPES = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, '"': 34}
# What git knows from the start: a file that is not text.
_BUILT_IN = {"binary": (("diff", "-"), ("merge", "-"), ("text", "-"))}

# An attribute and its state: a value, `+` for set, `-` for unset, `!` for not specified.
Attribute = tuple[str, str]


class PathRules(Protocol):
    """Something that says yes to some paths."""

    def matches(self, path: str) -> bool:
        """Whether the rules say yes to the file at `path`."""
        ...


@dataclass(frozen=True)
class _Rule:
    pattern: Pattern | None
    is_name_only: bool
    is_folder_only: bool
    is_negated: bool = False
    attributes: tuple[Attribute, ...] = ()

    def fits(self, below: str, *, is_folder: bool) -> bool:
        """Whether a path, relative to the folder of the rule, is meant."""
        if self.pattern is None or (self.is_folder_only and not is_folder):
            return False
        return matches(self.pattern, below.rpartition("/")[2] if self.is_name_only else below)


def _rule(text: str, attributes: tuple[Attribute, ...] = ()) -> _Rule:
    is_negated = text.startswith("!")
    text = text[is_negated:]
    is_folder_only = text.endswith("/")
    text = text.removesuffix("/")
    pattern = compile_pattern(text.removeprefix("/")) if text else None
    return _Rule(pattern, "/" not in text, is_folder_only, is_negated, attributes)


def _around(path: str, files: Mapping[str, Sequence[_Rule]]) -> Iterator[tuple[_Rule, str]]:
    """Yield every rule that may speak about `path`, the strongest first, and the path it sees."""
    parts = path.split("/")
    for depth in range(len(parts) - 1, -1, -1):
        rules = files.get("/".join(parts[:depth]))
        if rules:
            below = "/".join(parts[depth:])
            yield from ((rule, below) for rule in reversed(rules))


class _Ignore:
    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = {folder: _ignore_lines(text) for folder, text in files.items()}

    def matches(self, path: str) -> bool:
        """Whether the file at `path` is left out, by itself or with a folder above it."""
        parts = path.split("/")
        above = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
        return any(self._decides(folder, is_folder=True) for folder in above) or self._decides(
            path, is_folder=False
        )

    def _decides(self, path: str, *, is_folder: bool) -> bool:
        for rule, below in _around(path, self._files):
            if rule.fits(below, is_folder=is_folder):
                return not rule.is_negated
        return False


def ignore_rules(files: Mapping[str, str]) -> PathRules:
    """Return which paths the `.gitignore` texts, by folder, leave out."""
    return _Ignore(files)


def _ignore_lines(text: str) -> list[_Rule]:
    rules = []
    for raw in text.removeprefix("\ufeff").split("\n")[:_MAX_RULES]:
        line = _without_trailing_spaces(raw.removesuffix("\r"))
        if line and not line.startswith("#"):
            rules.append(_rule(line))
    return rules


def _without_trailing_spaces(line: str) -> str:
    kept = line.rstrip(" ")
    slashes = len(kept) - len(kept.rstrip("\\"))
    # A backslash keeps the space that it stands before, unless it is itself kept by another.
    return kept + " " if slashes % 2 and len(kept) < len(line) else kept


@dataclass
class _Attributes:
    files: dict[str, list[_Rule]] = field(default_factory=dict)
    macros: dict[str, tuple[Attribute, ...]] = field(default_factory=lambda: dict(_BUILT_IN))

    def matches(self, path: str) -> bool:
        """Whether git hands the file at `path` to Git LFS."""
        states: dict[str, str] = {}
        for rule, below in _around(path, self.files):
            if rule.fits(below, is_folder=False):
                self._fill(states, rule.attributes, 0)
        return states.get("filter") == "lfs"

    def _fill(self, states: dict[str, str], found: Sequence[Attribute], depth: int) -> None:
        for name, state in reversed(found):
            if name in states:
                continue
            states[name] = state
            if state == "+" and name in self.macros and depth < _MAX_MACRO_DEPTH:
                self._fill(states, self.macros[name], depth + 1)


def large_file_rules(files: Mapping[str, str]) -> PathRules:
    """Return which paths the `.gitattributes` texts, by folder, hand to Git LFS."""
    rules = _Attributes()
    for folder, text in files.items():
        found = rules.files.setdefault(folder, [])
        for raw in text.removeprefix("\ufeff").split("\n")[:_MAX_RULES]:
            line = raw.strip(_BLANK)
            if not line or line.startswith("#") or len(raw.encode()) > _MAX_LINE:
                continue
            pattern, rest = _name_of(line)
            attributes = tuple(_attribute(word) for word in re.split(f"[{_BLANK}]+", rest) if word)
            if not all(_ATTRIBUTE_NAME.fullmatch(name) for name, _state in attributes):
                continue  # git drops the whole line for one name that cannot be
            if line.startswith("[attr]"):
                if not folder:  # only the top folder may define macros
                    rules.macros[pattern.removeprefix("[attr]")] = attributes
            elif not pattern.startswith("!"):
                found.append(_rule(pattern, attributes))
    return rules


def _name_of(line: str) -> tuple[str, str]:
    """Return the pattern at the start of a line, unquoted, and what follows it."""
    if line.startswith('"') and (quoted := _unquoted(line)):
        return quoted
    words = re.split(f"[{_BLANK}]", line, maxsplit=1)
    return words[0], words[1] if len(words) > 1 else ""


def _unquoted(line: str) -> tuple[str, str] | None:
    raw = line.encode("utf-8", "surrogateescape")
    name, at = bytearray(), 1
    while at < len(raw) and raw[at] != ord('"'):
        if raw[at] != ord("\\"):
            name.append(raw[at])
            at += 1
            continue
        octal = re.match(rb"[0-3][0-7]{2}", raw[at + 1 : at + 4])
        letter = raw[at + 1 : at + 2].decode("latin-1")
        code = int(octal[0], 8) if octal else _ESCAPES.get(letter)
        if code is None:
            return None
        name.append(code)
        at += 4 if octal else 2
    if at >= len(raw):
        return None
    decode = ("utf-8", "surrogateescape")
    return name.decode(*decode), raw[at + 1 :].decode(*decode)


def _attribute(word: str) -> Attribute:
    if word[0] in "-!":
        return word[1:], word[0]
    name, equals, value = word.partition("=")
    return name, value if equals else "+"
