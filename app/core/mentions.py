"""`@name` in Markdown: a link to a person, and the list of those whom a text names.

What is quoted, stands in code or belongs to a link names nobody.
"""

import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

# As many as a post may name; more is a mailing list.
MOST = 10
# Where the address of a person begins, in markdown-it's `env`; without it names stay text.
PEOPLE = "people"
_NAME = re.compile(r"@([A-Za-z0-9_](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_])?)(?![A-Za-z0-9_/@])")
# `ada@example.org`, `user/@name` and `@@name` are something else.
_GLUED = re.compile(r"[A-Za-z0-9_@/.+=&#-]")
_KIND = "mention"


def install(md: MarkdownIt) -> None:
    """Make `md` read `@name`."""
    md.inline.ruler.after("link", _KIND, _read)
    md.add_render_rule(_KIND, _render)


def names_in(tokens: Sequence[Token]) -> list[str]:
    """Return whom these tokens name, each once, in order; quotes do not count."""
    found: dict[str, str] = {}
    depth = 0
    for token in tokens:
        if token.type in {"blockquote_open", "blockquote_close"}:
            depth += token.nesting
        elif token.type == "inline" and depth == 0:
            for child in token.children or []:
                if child.type == _KIND:
                    found.setdefault(child.content.casefold(), child.content)
    return list(found.values())


def _read(state: StateInline, silent: bool) -> bool:  # noqa: FBT001  # markdown-it's call
    if state.src[state.pos] != "@" or state.linkLevel > 0:
        return False
    if state.pos > 0 and _GLUED.match(state.src[state.pos - 1]):
        return False
    match = _NAME.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        state.push(_KIND, "", 0).content = match.group(1)
    state.pos = match.end()
    return True


def _render(
    _self: RendererHTML, tokens: Sequence[Token], index: int, _options: Any, env: Any
) -> str:
    name = tokens[index].content
    base = env.get(PEOPLE, "")
    return f'<a class="mention" href="{base}{name}">@{name}</a>' if base else f"@{name}"
