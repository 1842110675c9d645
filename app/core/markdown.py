"""Markdown that people wrote, as markup a page may show.

Order matters: Markdown first, the allow-list last, so that nothing a writer types, raw HTML
included, reaches a page unless it stands in `_TAGS` and `_ATTRIBUTES`.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markupsafe import Markup, escape
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.tasklists import tasklists_plugin

from app.core import highlight, markdown_cjk, mentions, references
from app.core.markdown_fences import Fence, tabs_close, tabs_open
from app.core.markdown_quiz import quiz_markup

# Longer texts are shown as they are: parsing takes about 0.6 ms a kilobyte.
LONGEST = 300_000
# An id a writer may choose must not collide with the page's own.
_ID_PREFIX = "text-"
_TAGS = set(
    re.findall(
        r"\w+",
        "a abbr b blockquote br caption code dd del details div dl dt em figcaption figure h1 h2 h3"
        " h4 h5 h6 hr i img input ins kbd li mark ol p pre q rp rt ruby s samp section small span"
        " strong sub summary sup table tbody td tfoot th thead tr u ul var",
    )
)
_ATTRIBUTES = {
    "*": {"id", "class", "lang", "dir", "title"},
    "a": {"href", "aria-label"},
    "img": {"src", "alt", "width", "height"},
    "input": {"type", "checked", "disabled"},
    "ol": {"start"},
    "td": {"align", "colspan", "rowspan"},
    "th": {"align", "colspan", "rowspan"},
    "div": {"align"},
    "p": {"align"},
    "details": {"open"},
    "pre": {"tabindex"},
}
_OUR_CLASSES = frozenset(
    {
        "math",
        "math-block",
        "highlight",
        "anchor",
        "table-scroll",
        "task-list-item",
        "mention",
        "reference",
    }
    | {"footnote-ref", "footnotes", "footnotes-list", "footnote-item", "footnote-backref"}
    | {"code-tabs", "code-tab", "code-tab-name"}
    | {"quiz", "quiz-question", "quiz-right", "quiz-wrong"}
)
_CLASSES = _OUR_CLASSES | highlight.CLASSES
# `$5 to $10` is money: a formula has no space inside its dollars and no digit outside.
_FORMULA = re.compile(r"(?<![\d$])\$(?![\s$])((?:\\.|[^$\\\n]){1,1000}?)(?<!\s)\$(?![\d$])")


@dataclass(frozen=True)
class Links:
    """Where relative addresses lead: pages for links, bytes for pictures. Both end in a slash.

    `people` is where `@name` leads, and where references (`#job-12`) begin; empty, both are plain
    text.
    """

    pages: str = "/"
    files: str = "/"
    people: str = ""


@lru_cache(maxsize=128)
def render_markdown(text: str, links: Links | None = None) -> Markup:
    """Return `text` as safe markup; formulas stay TeX inside `.math` for the browser to draw.

    Pictures on other sites become links: showing them would tell that site who reads the page.
    """
    if len(text) > LONGEST:
        return Markup("<pre>{0}</pre>").format(text)
    links = links or Links()
    markup = _parser().render(text, {mentions.PEOPLE: links.people, references.SITE: links.people})
    return Markup(_clean(markup, links))  # noqa: S704  # the allow-list went over it


def mentioned(text: str) -> list[str]:
    """Return the names that `text` calls out as `@name`, at most ten, each once, in order.

    Quotes, code and links call nobody.
    """
    if len(text) > LONGEST:
        return []
    return mentions.names_in(_parser().parse(text))[: mentions.MOST]


@dataclass(frozen=True)
class Heading:
    """A heading of a text; `name` is the id of its element on the page."""

    level: int
    name: str
    title: str


@dataclass(frozen=True)
class Slotted:
    """A text taken apart at some of its fenced blocks: `pieces` has one more than `fences`."""

    pieces: tuple[Markup, ...]
    fences: tuple[Fence, ...]
    headings: tuple[Heading, ...]


# Nobody who writes a text knows it, so nobody can place a slot by hand.
_SLOT = secrets.token_hex(16)


@lru_cache(maxsize=128)
def render_slotted(text: str, language: str, links: Links | None = None) -> Slotted:
    """Return `text` as safe markup with the fenced blocks of a language left out.

    The pieces and whatever takes the place of the blocks make one page when joined in order.
    """
    if len(text) > LONGEST:
        return Slotted((render_markdown(text, links),), (), ())
    env: dict[str, Any] = {"slots": (language, [])}
    tokens = _parser().parse(text, env)
    markup = _clean(_parser().renderer.render(tokens, _parser().options, env), links or Links())
    # Whoever allowed the pieces one by one would lose the element that encloses a block.
    pieces = tuple(Markup(piece) for piece in markup.split(f"<p>{_SLOT}</p>"))  # noqa: S704  # the allow-list went over it
    return Slotted(pieces, tuple(env["slots"][1]), tuple(_headings(tokens)))


def _headings(tokens: Sequence[Token]) -> list[Heading]:
    return [
        Heading(int(token.tag[1]), _ID_PREFIX + str(token.attrGet("id")), _plain(inline))
        for token, inline in pairwise(tokens)
        if token.type == "heading_open"
    ]


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    md = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    markdown_cjk.install(md)
    dollarmath_plugin(md, allow_labels=False)
    md.inline.ruler.at("math_inline", _read_formula)
    mentions.install(md)
    references.install(md)
    footnote_plugin(md)
    tasklists_plugin(md)
    md.core.ruler.push("headings", _number_headings)
    md.core.ruler.push("cells", _align_cells)
    for name, rule in (
        ("fence", _fence),
        ("image", _image),
        ("math_inline", _math_inline),
        ("math_block", _math_block),
        ("table_open", _table_open),
        ("table_close", _table_close),
    ):
        md.add_render_rule(name, rule)
    return md


def _read_formula(state: StateInline, silent: bool) -> bool:  # noqa: FBT001  # markdown-it's call
    """Tell a formula from money, which the plugin's own rule gets wrong at the end of a text."""
    match = _FORMULA.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    source = match.group(1)
    if "\\text" not in source and any(map(markdown_cjk.is_wide, source)):
        return False
    if not silent:
        state.push("math_inline", "math", 0).content = source
    state.pos = match.end()
    return True


def _number_headings(state: StateCore) -> None:
    """Give each heading an id from its words, and a link to itself."""
    seen: dict[str, int] = {}
    for token, inline in zip(state.tokens, state.tokens[1:], strict=False):
        if token.type != "heading_open":
            continue
        slug = re.sub(r"[^\w-]+", "-", _plain(inline).lower()).strip("-") or "section"
        seen[slug] = seen.get(slug, 0) + 1
        name = slug if seen[slug] == 1 else f"{slug}-{seen[slug]}"
        token.attrSet("id", name)
        anchor = f'<a class="anchor" href="#{escape(name)}" aria-label="#">#</a>'
        inline.children = [*(inline.children or []), Token("html_inline", "", 0, content=anchor)]


def _align_cells(state: StateCore) -> None:
    """Say a column's side by attribute: the page allows no inline style."""
    for token in state.tokens:
        if token.type in {"th_open", "td_open"} and (style := token.attrs.pop("style", None)):
            token.attrSet("align", str(style).removeprefix("text-align:"))


def _plain(inline: Token) -> str:
    kinds = {"text", "code_inline", "math_inline"}
    return "".join(token.content for token in inline.children or [] if token.type in kinds)


def _fence(
    _self: RendererHTML, tokens: Sequence[Token], index: int, _options: Any, env: Any
) -> str:
    token = tokens[index]
    wanted, found = env.get("slots", ("", []))
    fence = Fence.of(token)
    if wanted and fence.language == wanted:
        found.append(fence)
        return f"<p>{_SLOT}</p>"
    if fence.language == "math":
        return _math("div", token.content)
    if fence.language == "quiz" and (quiz := quiz_markup(token.content, _parser().renderInline)):
        return quiz
    # A recipe is YAML wherever nothing runs it.
    code = highlight.highlighted(token.content, language=fence.highlighted_as)
    block = f'<pre class="highlight" tabindex="0"><code>{code}</code></pre>\n'
    return tabs_open(tokens, index) + block + tabs_close(tokens, index)


def _image(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    source = str(token.attrGet("src") or "")
    text = self.renderInlineAsText(token.children or [], options, env)
    if urlsplit(source).netloc:
        return f'<a href="{escape(source)}">{escape(text or source)} ↗</a>'
    return f'<img src="{escape(source)}" alt="{escape(text)}">'


def _math_inline(
    _self: RendererHTML, tokens: Sequence[Token], index: int, _options: Any, _env: Any
) -> str:
    return _math("span", tokens[index].content)


def _math_block(
    _self: RendererHTML, tokens: Sequence[Token], index: int, _options: Any, _env: Any
) -> str:
    return _math("div", tokens[index].content)


def _math(tag: str, source: str) -> str:
    kind = "math math-block" if tag == "div" else "math"
    return f'<{tag} class="{kind}">{escape(source.strip())}</{tag}>'


def _table_open(*_arguments: Any) -> str:
    return '<div class="table-scroll"><table>\n'


def _table_close(*_arguments: Any) -> str:
    return "</table></div>\n"


def _clean(markup: str, links: Links) -> str:
    def decide(tag: str, name: str, value: str) -> str | None:
        if name == "class":
            kept = [word for word in value.split() if word in _CLASSES]
            return " ".join(kept) or None
        if name == "id":
            return _ID_PREFIX + value
        if name == "href":
            return _address(value, links.pages)
        if name == "src":
            return None if urlsplit(value).netloc else _address(value, links.files)
        if (tag, name) == ("input", "type"):
            return value if value == "checkbox" else None
        return value

    return nh3.clean(
        markup,
        tags=_TAGS,
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        attribute_filter=decide,
        set_tag_attribute_values={"input": {"disabled": "", "type": "checkbox"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener noreferrer",
    )


def _address(value: str, base: str) -> str:
    if value.startswith("#"):
        return "#" + _ID_PREFIX + value[1:]
    parts = urlsplit(value)
    if parts.scheme or parts.netloc or value.startswith("/"):
        return value
    return base + value.removeprefix("./")
