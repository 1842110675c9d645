"""Fenced blocks of code: what their first line says, and neighbours that are tabs of one thing.

A block says what it is in words after the fence: a language, then `key="value"` pairs.
Neighbouring blocks with a `tab` belong together; without a script each stands under its name.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markdown_it.token import Token
from markupsafe import escape

_LANGUAGE = re.compile(r"[\w+#.-]{1,40}")
_PAIR = re.compile(r"""([a-z]{1,20})=(?:"([^"]*)"|'([^']*)'|(\S+))""")
# Blocks that hold another language under a name of their own.
_SHOWN_AS = {"recipe": "yaml"}


@dataclass(frozen=True)
class Fence:
    """A fenced block; `line` counts from 1 and is that of its first line of content."""

    language: str
    info: str
    content: str
    line: int

    @classmethod
    def of(cls, token: Token) -> "Fence":
        """Return the block a token of the parser stands for."""
        words = token.info.split()
        language = words[0] if words and _LANGUAGE.fullmatch(words[0]) else ""
        first = (token.map[0] if token.map else 0) + 2
        return cls(language, token.info.strip(), token.content, first)

    @property
    def highlighted_as(self) -> str:
        """The language its colours follow."""
        return _SHOWN_AS.get(self.language, self.language)

    def value(self, key: str) -> str:
        """Return what `key="…"` in the first line says; empty without it."""
        for name, *values in _PAIR.findall(self.info):
            if name == key:
                return next((value for value in values if value), "")
        return ""


def tabs_open(tokens: Sequence[Token], index: int) -> str:
    """Return what stands before a block: the box of its tabs, if it is the first, and its name."""
    name = _tab(tokens, index)
    if not name:
        return ""
    before = "" if _tab(tokens, index - 1) else '<div class="code-tabs">'
    return f'{before}<div class="code-tab"><p class="code-tab-name">{escape(name)}</p>'


def tabs_close(tokens: Sequence[Token], index: int) -> str:
    """Return what stands after a block that is a tab."""
    if not _tab(tokens, index):
        return ""
    return "</div>" if _tab(tokens, index + 1) else "</div></div>\n"


def _tab(tokens: Sequence[Token], index: int) -> str:
    if not 0 <= index < len(tokens) or tokens[index].type != "fence":
        return ""
    return Fence.of(tokens[index]).value("tab")
