"""Code with colours: the classes of Pygments, coloured by static/css/parts/code.css."""

from functools import lru_cache

from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.token import STANDARD_TYPES
from pygments.util import ClassNotFound

# Every class Pygments may write; the sanitiser lets exactly these through.
CLASSES = frozenset(STANDARD_TYPES.values()) - {""}
# Lexers are regular expressions; beyond this the page shows plain text.
LONGEST = 200_000

_formatter = HtmlFormatter(nowrap=True)


@lru_cache(maxsize=128)
def _lexer(language: str, filename: str) -> Lexer | None:
    try:
        if language:
            return get_lexer_by_name(language, stripnl=False)
        return get_lexer_for_filename(filename, stripnl=False) if filename else None
    except ClassNotFound:
        return None


def highlighted(text: str, *, language: str = "", filename: str = "") -> Markup:
    """Return `text` as escaped markup with a `<span>` a token; plain when nothing fits.

    The caller puts it inside an element of class `highlight`.
    """
    lexer = _lexer(language.lower()[:40], filename)
    if lexer is None or len(text) > LONGEST:
        return escape(text)
    return Markup(highlight(text, lexer, _formatter))  # noqa: S704  # Pygments escapes the text
