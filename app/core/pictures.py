"""The picture that goes with an address of this site where other sites show it: its title."""

import hmac
import io
from collections.abc import Iterator
from functools import lru_cache
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

from fastapi import Request
from PIL import Image, ImageDraw, ImageFont

from app.core.http import site_address, site_settings
from app.core.security import sign

WIDTH, HEIGHT = 1200, 630
MOST_CHARS = 120
_MARGIN, _SIZE, _LINES = 80, 68, 5
_PAPER, _INK, _QUIET, _MARK = "#f7f6f3", "#1d2024", "#636a73", "#a94c08"
# Where systems keep a font with Chinese letters; without one only Latin titles are drawn.
_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/System/Library/Fonts",
    "C:/Windows/Fonts",
)
_FONTS = (
    "NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "NotoSansSC-Regular.otf",
    "SourceHanSansSC-Regular.otf", "wqy-microhei.ttc", "wqy-zenhei.ttc", "PingFang.ttc",
    "msyh.ttc", "DroidSansFallbackFull.ttf",
)  # fmt: skip
_PURPOSE, _SIGNED = "picture", 32


def picture_address(request: Request, title: str) -> str:
    """Return where the picture of a title is; signed, so that nobody else writes pictures here."""
    words = " ".join(unescape(title).split())[:MOST_CHARS]  # it comes as HTML
    signature = sign(_key(request), _PURPOSE, words)[:_SIGNED]
    return f"{site_address(request)}/picture.png?{urlencode({'t': words, 's': signature})}"


def is_ours(request: Request, title: str, signature: str) -> bool:
    """Whether a page of this site asked for the picture of this title."""
    expected = sign(_key(request), _PURPOSE, title)[:_SIGNED]
    return hmac.compare_digest(expected.encode(), signature.encode())


def _key(request: Request) -> str:
    return site_settings(request).secret_key.get_secret_value()


@lru_cache(maxsize=64)
def draw(title: str) -> bytes:
    """Return a PNG with a title on it; takes some tens of milliseconds."""
    image = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    pen, font = ImageDraw.Draw(image), _font(_SIZE)
    pen.rectangle((0, 0, 24, HEIGHT), fill=_MARK)
    shown = title if _has_chinese() else title.encode("ascii", "ignore").decode()
    for number, line in enumerate(list(_lines(shown, font))[:_LINES]):
        pen.text((_MARGIN, _MARGIN + number * round(_SIZE * 1.4)), line, fill=_INK, font=font)
    pen.text((_MARGIN, HEIGHT - _MARGIN - 40), "Tuningfork", fill=_QUIET, font=_font(40))
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _lines(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> Iterator[str]:
    line = ""
    for piece in _pieces(text):
        if line and font.getlength(line + piece) > WIDTH - 2 * _MARGIN:
            yield line.strip()
            line = ""
        line += piece
    if line.strip():
        yield line.strip()


def _pieces(text: str) -> Iterator[str]:
    """Yield Latin words with the space behind them, and every other letter by itself."""
    word = ""
    for letter in text:
        if not letter.isascii():
            yield from (word, letter) if word else (letter,)
            word = ""
            continue
        word += letter
        if letter in " -_/":
            yield word
            word = ""
    if word:
        yield word


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    path = _font_path()
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)


def _has_chinese() -> bool:
    return bool(_font_path())


@lru_cache
def _font_path() -> str:
    found = {
        path.name: str(path)
        for folder in _FOLDERS
        if Path(folder).is_dir()
        for path in Path(folder).rglob("*")
        if path.name in _FONTS
    }
    return next((found[name] for name in _FONTS if name in found), "")
