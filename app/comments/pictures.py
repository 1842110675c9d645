"""Pictures that people paste into posts.

A picture is kept before the post that shows it is, so it belongs to nobody's post: its address is
the key to it, as long as a password and made by chance. Its owner may take it away.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.comments import queries
from app.comments.tables import PostPicture
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import NotFoundError, RateLimitedError
from app.core.i18n import _
from app.core.redrawing import SUFFIXES, redraw
from app.core.security import Viewer
from app.core.storage import BlobStore, content_key

MOST_A_DAY = 100
_DAY = timedelta(days=1)
_PREFIX = "post-pictures"
_NAME = re.compile(r"([0-9a-f]{32})\.(png|jpg)")


@dataclass(frozen=True)
class PictureView:
    """A picture of somebody's and where pages find it."""

    name: str
    width: int
    height: int

    @property
    def address(self) -> str:
        """Where it is shown."""
        return f"/pictures/{self.name}"

    @property
    def markdown(self) -> str:
        """What stands for it in a text."""
        return f"![]({self.address})"


def _view(row: PostPicture) -> PictureView:
    return PictureView(f"{row.name}.{SUFFIXES[row.media_type]}", row.width, row.height)


async def keep_picture(
    db: AsyncSession, storage: BlobStore, viewer: Viewer, content: bytes
) -> PictureView:
    """Keep a picture without whatever else its file holds.

    Raises:
        UnauthorizedError: nobody is signed in.
        RateLimitedError: the viewer sent a hundred within a day.
        InvalidError: it is no picture of a kind that is taken.
        TooLargeError: too many bytes or pixels.
    """
    owner_id = viewer.require_user()
    if await queries.count_pictures(db, owner_id, now() - _DAY) >= MOST_A_DAY:
        raise RateLimitedError(
            _("You have sent %(n)d pictures today, which is the most.") % {"n": MOST_A_DAY},
            fix=_("Go on tomorrow."),
            headers={"Retry-After": "3600"},
        )
    drawn = await redraw(content)
    await storage.put(content_key(_PREFIX, drawn.sha256), drawn.content)
    row = PostPicture(
        name=secrets.token_hex(16),
        owner_id=owner_id,
        sha256=drawn.sha256,
        media_type=drawn.media_type,
        width=drawn.width,
        height=drawn.height,
        size=len(drawn.content),
    )
    db.add(row)
    await db.flush()
    return _view(row)


async def _access(db: AsyncSession, name: str) -> PostPicture:
    match = _NAME.fullmatch(name)
    row = await queries.picture(db, match[1]) if match else None
    if row is None:
        raise NotFoundError(_("There is no such picture."))
    return row


async def show_picture(db: AsyncSession, storage: BlobStore, name: str) -> tuple[bytes, str]:
    """Return the bytes and the media type of a picture.

    Raises:
        NotFoundError: there is none, or it was taken away.
    """
    row = await _access(db, name)
    return await storage.read_all(content_key(_PREFIX, row.sha256)), row.media_type


async def own_pictures(db: AsyncSession, viewer: Viewer, limit: int = 24) -> Sequence[PictureView]:
    """Return the viewer's newest pictures."""
    return [_view(row) for row in await queries.pictures_of(db, viewer.require_user(), limit)]


async def take_away(db: AsyncSession, storage: BlobStore, viewer: Viewer, name: str) -> None:
    """Show a picture nowhere any more.

    Raises:
        NotFoundError: the viewer sent no such picture; moderators take away anybody's.
    """
    row = await _access(db, name)
    if row.owner_id != viewer.require_user() and not (viewer.is_admin or viewer.is_moderator):
        raise NotFoundError(_("There is no such picture."))
    moment = now()
    await db.delete(row)
    await db.flush()
    if not await queries.has_picture(db, row.sha256):
        # Somebody may send the same picture at this very moment.
        await storage.delete_unless_written(content_key(_PREFIX, row.sha256), moment)
