"""Pictures of tutorials, shown to everybody once the tutorial is."""

import re
from dataclasses import dataclass

from app.core.db import AsyncSession
from app.core.errors import NotFoundError, TooLargeError
from app.core.i18n import _
from app.core.redrawing import SUFFIXES, redraw
from app.core.security import Viewer
from app.core.storage import BlobStore, content_key
from app.quotas import service as quotas
from app.tutorials import queries
from app.tutorials.policy import may_write
from app.tutorials.tables import Picture, Tutorial

MOST = 200
_PREFIX = "tutorial-pictures"
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


async def keep_picture(
    db: AsyncSession, storage: BlobStore, tutorial: Tutorial, content: bytes
) -> KeptPicture:
    """Keep a picture of a tutorial without whatever else its file holds.

    Raises:
        InvalidError: it is no picture of a kind that is taken; SVG is a program, not a picture.
        TooLargeError: too many bytes, pixels or pictures.
    """
    known = await queries.pictures(db, tutorial.id, MOST)
    if len(known) >= MOST:
        raise TooLargeError(_("A tutorial holds at most %(n)d pictures.") % {"n": MOST})
    drawn = await redraw(content)
    digest = drawn.sha256
    if digest not in {one.sha256 for one in known}:
        picture = Picture(
            tutorial_id=tutorial.id,
            sha256=digest,
            media_type=drawn.media_type,
            width=drawn.width,
            height=drawn.height,
            size=len(drawn.content),
        )
        await _add(db, tutorial, picture)
        await storage.put(content_key(_PREFIX, digest), drawn.content)
    address = f"/tutorials/pictures/{digest}.{SUFFIXES[drawn.media_type]}"
    return KeptPicture(address, drawn.width, drawn.height)


async def _add(db: AsyncSession, tutorial: Tutorial, picture: Picture) -> None:
    """Write a picture's row; a tutorial of the site's own is charged to nobody."""
    if tutorial.owner_id is None:
        db.add(picture)
        await db.flush()
        return
    async with quotas.growing(db, tutorial.owner_id):
        db.add(picture)


async def own_pictures(db: AsyncSession, tutorial: Tutorial, limit: int = 24) -> list[KeptPicture]:
    """Return the newest pictures of a tutorial."""
    return [
        KeptPicture(
            f"/tutorials/pictures/{one.sha256}.{SUFFIXES[one.media_type]}", one.width, one.height
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
