"""`#job-12`, `#question-7` and `#owner/name` in Markdown: links to what they name.

The link is drawn for everybody alike; what it tells beside the name, a script asks for with the
reader's own rights (`static/js/lib/references.js`).
"""

import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

# Where addresses of the site begin, in markdown-it's `env`; without it references stay text.
SITE = "site"
_PLACES = {"job": "jobs/", "run": "jobs/", "question": "questions/", "q": "questions/"}
_NUMBERED = re.compile(r"#(job|run|question|q)-([1-9]\d{0,17})(?![\w/-])")
_NAMED = re.compile(
    r"#((?:datasets/)?[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}[A-Za-z0-9_])(?![\w/])"
)
_GLUED = re.compile(r"[\w&/#.]")
_KIND = "reference"


def install(md: MarkdownIt) -> None:
    """Make `md` read references."""
    md.inline.ruler.after("link", _KIND, _read)
    md.add_render_rule(_KIND, _render)


def _read(state: StateInline, silent: bool) -> bool:  # noqa: FBT001  # markdown-it's call
    if state.src[state.pos] != "#" or state.linkLevel > 0:
        return False
    if (
        state.pos > 0
        and _GLUED.match(state.src[state.pos - 1])
        and state.src[state.pos - 1].isascii()
    ):
        return False
    match = _NUMBERED.match(state.src, state.pos, state.posMax)
    match = match or _NAMED.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        state.push(_KIND, "", 0).content = match.group(0)[1:]
    state.pos = match.end()
    return True


def _render(
    _self: RendererHTML, tokens: Sequence[Token], index: int, _options: Any, env: Any
) -> str:
    name = tokens[index].content
    base = env.get(SITE, "")
    return f'<a class="reference" href="{base}{place(name)}">#{name}</a>' if base else f"#{name}"


def place(name: str) -> str:
    """Return where a reference leads, without the slash it begins with."""
    kind, _dash, number = name.partition("-")
    return f"{_PLACES[kind]}{number}" if "/" not in name else name
