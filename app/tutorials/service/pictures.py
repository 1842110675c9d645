"""Pictures of tutorials: written anew before they are kept, so only pixels of a file stay."""

import hashlib
import io
import re
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps

from app.core.db import AsyncSession
from app.core.errors import InvalidError, NotFoundError, TooLargeError
from app.core.i18n import _
from app.core.security import Viewer
from app.core.storage import BlobStore, content_key
from app.core.threads import FewThreads
from app.quotas import service as quotas
from app.tutorials import queries
from app.tutorials.policy import may_write
from app.tutorials.tables import Picture, Tutorial

MAX_BYTES = 10_000_000
MAX_PIXELS = 24_000_000
MOST = 200
_SIDE = 2000
# A picture unpacked takes up to 100 MB: only two of them at once.
_drawing = FewThreads(2, "pictures")
_SHRINKS_WELL = frozenset({"L", "RGB", "RGBA", "CMYK", "YCbCr"})
_PREFIX = "tutorial-pictures"
_READ = ("PNG", "JPEG", "WEBP", "GIF")
_KINDS = {"PNG": ("image/png", "png"), "JPEG": ("image/jpeg", "jpg")}
_SUFFIXES = dict(_KINDS.values())
_NAME = re.compile(r"([0-9a-f]{64})\.(png|jpg)")


@dataclass(frozen=True)
class KeptPicture:
    """A picture of a tutorial and where pages find it."""

    address: str
    width: int
    height: int

    @property
    def markdown(self) -> str:
        """What stands for it in a text."""
        return f"![]({self.address})"


@dataclass(frozen=True)
class ShownPicture:
    """A picture's bytes. `is_public`: everybody may keep a copy of it."""

    content: bytes
    media_type: str
    is_public: bool


@dataclass(frozen=True)
class _Redrawn:
    content: bytes
    kind: str
    width: int
    height: int


async def keep_picture(
    db: AsyncSession, storage: BlobStore, tutorial: Tutorial, content: bytes
) -> KeptPicture:
    """Keep a picture of a tutorial without whatever else its file holds.

    Raises:
        InvalidError: it is no picture of a kind that is taken; SVG is a program, not a picture.
        TooLargeError: too many bytes, pixels or pictures.
    """
    if len(content) > MAX_BYTES:
        raise TooLargeError(_("A picture may have at most 10 MB."), fix=_("Make it smaller."))
    known = await queries.pictures(db, tutorial.id, MOST)
    if len(known) >= MOST:
        raise TooLargeError(_("A tutorial holds at most %(n)d pictures.") % {"n": MOST})
    drawn = await _drawing.run(_redraw, content)
    digest = hashlib.sha256(drawn.content).hexdigest()
    media_type, suffix = _KINDS[drawn.kind]
    if digest not in {one.sha256 for one in known}:
        picture = Picture(
            tutorial_id=tutorial.id,
            sha256=digest,
            media_type=media_type,
            width=drawn.width,
            height=drawn.height,
            size=len(drawn.content),
        )
        await _add(db, tutorial, picture)
        await storage.put(content_key(_PREFIX, digest), drawn.content)
    return KeptPicture(f"/tutorials/pictures/{digest}.{suffix}", drawn.width, drawn.height)


async def _add(db: AsyncSession, tutorial: Tutorial, picture: Picture) -> None:
    """Write a picture's row; a tutorial of the site's own is charged to nobody."""
    if tutorial.owner_id is None:
        db.add(picture)
        await db.flush()
        return
    async with quotas.growing(db, tutorial.owner_id):
        db.add(picture)


def _redraw(content: bytes) -> _Redrawn:
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


def _written(picture: Image.Image, *, as_jpeg: bool) -> _Redrawn:
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
    kind = "JPEG" if as_jpeg else "PNG"
    return _Redrawn(out.getvalue(), kind, clean.width, clean.height)


async def own_pictures(db: AsyncSession, tutorial: Tutorial, limit: int = 24) -> list[KeptPicture]:
    """Return the newest pictures of a tutorial."""
    return [
        KeptPicture(
            f"/tutorials/pictures/{one.sha256}.{_SUFFIXES[one.media_type]}", one.width, one.height
        )
        for one in await queries.pictures(db, tutorial.id, limit)
    ]


async def show_picture(
    db: AsyncSession, storage: BlobStore, viewer: Viewer, name: str
) -> ShownPicture:
    """Return a picture of a published tutorial, or of one the viewer is writing.

    Raises:
        NotFoundError: there is none, or only in somebody's draft.
    """
    match = _NAME.fullmatch(name)
    uses = await queries.picture_uses(db, match[1]) if match else ()
    is_public = any(public for _picture, _tutorial, public in uses)
    if not is_public and not any(may_write(viewer, tutorial) for _p, tutorial, _public in uses):
        raise NotFoundError(_("There is no such picture."))
    picture = uses[0][0]
    content = await storage.read_all(content_key(_PREFIX, picture.sha256))
    return ShownPicture(content, picture.media_type, is_public)
