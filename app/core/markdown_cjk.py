"""What CommonMark gets wrong in Chinese, as rules for markdown-it.

Emphasis: CommonMark lets `**` close only between a punctuation mark and a space or another mark,
which Chinese text, having no spaces, never offers: `**注意：**这里` stays literal. Wide characters
count here as a place where emphasis may begin and end, as the "CJK friendly" amendment proposes.
Line breaks: a newline between two wide characters is an artefact of the editor, not a space.
"""

import re
import unicodedata

from markdown_it import MarkdownIt
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline.state_inline import Scanned, StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType

# An address ends at the first character that no address holds unescaped: `。` is not part of it.
_ADDRESS = re.compile(r"https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
# Chinese says in one character what English says in several, and cards hold code and links.
_MOSTLY_CHINESE = 0.1
_TRAILING = ".,;:!?'*_~"


def install(md: MarkdownIt) -> None:
    """Make `md` read Chinese as its writers mean it, and link bare addresses."""
    parser = _CjkInline()
    parser.ruler, parser.ruler2 = md.inline.ruler, md.inline.ruler2
    parser.terminator_re = md.inline.terminator_re
    md.inline = parser
    md.core.ruler.after("inline", "cjk_breaks", _join_wide_lines)
    md.core.ruler.after("cjk_breaks", "addresses", _link_addresses)


def is_wide(char: str) -> bool:
    """Whether `char` takes the width of a Chinese character."""
    return unicodedata.east_asian_width(char) in "WF"


def language_of(text: str) -> str:
    """Return `zh-CN` or `en`, whichever most of `text` is written in; empty for an empty one."""
    if not text:
        return ""
    head = text[:5000]
    num_wide = sum(map(is_wide, head))
    return "zh-CN" if num_wide > len(head) * _MOSTLY_CHINESE else "en"


def _is_narrow_punctuation(char: str) -> bool:
    return not is_wide(char) and (isMdAsciiPunct(ord(char)) or isPunctChar(char))


class _CjkInline(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> list[Token]:
        state = _CjkState(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


class _CjkState(StateInline):
    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: N802, N803, FBT001  # the parent's names
        end = start
        while end < self.posMax and self.src[end] == self.src[start]:
            end += 1
        before = self.src[start - 1] if start > 0 else " "
        after = self.src[end] if end < self.posMax else " "
        opens = _flanks(outside=before, inside=after)
        closes = _flanks(outside=after, inside=before)
        return Scanned(
            opens and (canSplitWord or not closes or _is_narrow_punctuation(before)),
            closes and (canSplitWord or not opens or _is_narrow_punctuation(after)),
            end - start,
        )


def _flanks(*, outside: str, inside: str) -> bool:
    """Whether a run of delimiters between the two characters belongs to what is inside."""
    if isWhiteSpace(ord(inside)):
        return False
    if not _is_narrow_punctuation(inside):
        return True
    return isWhiteSpace(ord(outside)) or _is_narrow_punctuation(outside) or is_wide(outside)


def _join_wide_lines(state: StateCore) -> None:
    for block in state.tokens:
        children = block.children or []
        for before, token, after in zip(children, children[1:], children[2:], strict=False):
            if token.type != "softbreak" or not (before.content and after.content):
                continue
            if is_wide(before.content[-1]) and is_wide(after.content[0]):
                token.type, token.content = "text", ""


def _link_addresses(state: StateCore) -> None:
    for block in state.tokens:
        if block.type != "inline" or not block.children:
            continue
        inside_link = 0
        children: list[Token] = []
        for token in block.children:
            inside_link += (token.type == "link_open") - (token.type == "link_close")
            linked = token.type == "text" and not inside_link
            children += _linked(token) if linked else [token]
        block.children = children


def _linked(token: Token) -> list[Token]:
    parts: list[Token] = []
    end = 0
    for match in _ADDRESS.finditer(token.content):
        address = _trimmed(match.group())
        parts += [_text(token.content[end : match.start()]), *_link(address)]
        end = match.start() + len(address)
    return [*parts, _text(token.content[end:])] if parts else [token]


def _trimmed(address: str) -> str:
    """Leave out what ends the sentence, and a closing bracket that was opened before."""
    while address[-1] in _TRAILING or (
        address[-1] == ")" and address.count(")") > address.count("(")
    ):
        address = address[:-1]
    return address


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _link(address: str) -> list[Token]:
    opening = Token("link_open", "a", 1, attrs={"href": address})
    return [opening, _text(address), Token("link_close", "a", -1)]
