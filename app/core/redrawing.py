"""Pictures that people send: written anew before they are kept, so only pixels of a file stay."""

import hashlib
import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps

from app.core.errors import InvalidError, TooLargeError
from app.core.i18n import _
from app.core.threads import FewThreads

MAX_BYTES = 10_000_000
MAX_PIXELS = 24_000_000
_SIDE = 2000
# A picture unpacked takes up to 100 MB: only two of them at once.
_drawing = FewThreads(2, "pictures")
_SHRINKS_WELL = frozenset({"L", "RGB", "RGBA", "CMYK", "YCbCr"})
_READ = ("PNG", "JPEG", "WEBP", "GIF")
_MEDIA = {"PNG": "image/png", "JPEG": "image/jpeg"}
SUFFIXES = {"image/png": "png", "image/jpeg": "jpg"}


@dataclass(frozen=True)
class Redrawn:
    """A picture as it was written anew, at most 2000 pixels wide and high."""

    content: bytes
    media_type: str
    width: int
    height: int

    @property
    def sha256(self) -> str:
        """The digest of its bytes, in hex."""
        return hashlib.sha256(self.content).hexdigest()


async def redraw(content: bytes) -> Redrawn:
    """Return a picture without whatever else its file holds.

    Raises:
        InvalidError: it is no picture of a kind that is taken; SVG is a program, not a picture.
        TooLargeError: too many bytes or pixels.
    """
    if len(content) > MAX_BYTES:
        raise TooLargeError(_("A picture may have at most 10 MB."), fix=_("Make it smaller."))
    return await _drawing.run(_redraw, content)


def _redraw(content: bytes) -> Redrawn:
    try:
        with warnings.catch_warnings():
            # A file that says it is huge is refused below, before its pixels are unpacked.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(content), formats=_READ)
            if picture.width * picture.height > MAX_PIXELS:
                raise TooLargeError(
                    _("A picture may have at most 24 million pixels."), fix=_("Make it smaller.")
                )
            is_jpeg = picture.format == "JPEG"
            # Made small as early as can be: a JPEG then unpacks to a part of its pixels. A palette
            # would be made small without mixing its colours, so that one is converted first.
            if picture.mode in _SHRINKS_WELL and "transparency" not in picture.info:
                picture.thumbnail((_SIDE, _SIDE))
            # A camera says in EXIF which side is up; what else it says stays behind.
            upright = ImageOps.exif_transpose(picture)
            return _written(upright, as_jpeg=is_jpeg)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidError(
            _("This is no picture that can be shown here."),
            fix=_("Take PNG, JPEG, WebP or GIF. An SVG can hold programs, so none is taken."),
            code="bad_picture",
        ) from error


def _written(picture: Image.Image, *, as_jpeg: bool) -> Redrawn:
    has_alpha = "transparency" in picture.info or picture.mode in {"LA", "PA", "RGBA"}
    plain = picture.convert("RGBA" if has_alpha else "RGB")
    plain.thumbnail((_SIDE, _SIDE))
    clean = Image.new(plain.mode, plain.size)
    clean.paste(plain)
    out = io.BytesIO()
    if as_jpeg:
        clean.save(out, "JPEG", quality=88)
    else:
        clean.save(out, "PNG", optimize=True)
    media_type = _MEDIA["JPEG" if as_jpeg else "PNG"]
    return Redrawn(out.getvalue(), media_type, clean.width, clean.height)
