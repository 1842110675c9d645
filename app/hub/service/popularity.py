"""Likes, downloads, and the trending score that both make; `docs/guide/trending.md` is the rule."""

import math
from datetime import date, datetime

from app.accounts import service as accounts
from app.accounts.schemas import AccountRef
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import BadRequestError
from app.core.i18n import _
from app.core.pagination import Page, decode_cursor, encode_cursor
from app.core.security import Viewer
from app.hub.queries import popularity as queries
from app.hub.tables import Repository

HALF_LIFE_DAYS = 7.0
LIKE_WEIGHT = 3.0
WINDOW_DAYS = 90
# The day that stored scores are counted from.
EPOCH = date(2026, 1, 1)
_PAGE = 100


async def count_download(
    db: AsyncSession, repository: Repository, who: str, commit: str = ""
) -> None:
    """Note that `who` downloads a snapshot: it counts once a day, whatever the number of files."""
    await queries.count_download(db, repository.id, now().date(), who, commit)


async def downloads_now(db: AsyncSession, repository: Repository) -> tuple[int, int, int]:
    """Return the downloads of 30 days, of all time (once a person each), and every single one.

    What the background task has not added up yet is included.
    """
    count, raw = await queries.pending_downloads(db, repository.id)
    return (
        repository.downloads + count,
        repository.downloads_all_time + count,
        repository.downloads_raw + raw,
    )


async def add_up(db: AsyncSession) -> int:
    """Add noted downloads to the sums and scores; return how many repositories changed."""
    ids = await queries.add_up_downloads(db)
    if ids:
        await _score(db, ids)
    return len(ids)


async def close_days(db: AsyncSession) -> None:
    """Let old days leave the recent sums, and forget who downloaded on closed days."""
    today = now().date()
    await queries.leave_window(db, today)
    await queries.forget_downloaders(db, today)


async def _score(db: AsyncSession, ids: list[int]) -> None:
    figures = {"half_life": HALF_LIFE_DAYS, "like_weight": LIKE_WEIGHT, "window": WINDOW_DAYS}
    await queries.score(db, ids, now().date(), EPOCH, figures)


def trending_score(stored: float) -> int:
    """Return a stored score as the guide defines it: what happened, halved every week."""
    if stored <= 0:
        return 0
    age = (now().date() - EPOCH).days / HALF_LIFE_DAYS
    return round(math.exp2(min(stored - age, 60.0)))


async def like(db: AsyncSession, viewer: Viewer, repository: Repository) -> bool:
    """Like a repository; False if the viewer does so already.

    Raises:
        ForbiddenError: its owner has blocked the viewer.
    """
    await accounts.check_not_blocked(db, viewer, repository.owner_id)
    if not await queries.like(db, repository.id, viewer.require_user()):
        return False
    await _liked(db, repository, 1)
    return True


async def unlike(db: AsyncSession, viewer: Viewer, repository: Repository) -> bool:
    """Take a like back; False if there was none."""
    if not await queries.unlike(db, repository.id, viewer.require_user()):
        return False
    await _liked(db, repository, -1)
    return True


async def _liked(db: AsyncSession, repository: Repository, change: int) -> None:
    await queries.add_likes(db, repository.id, change)
    await _score(db, [repository.id])
    await db.refresh(repository, ["likes", "trending"])


async def is_liked(db: AsyncSession, viewer: Viewer, repository: Repository) -> bool:
    """Whether the viewer likes a repository."""
    return viewer.user_id is not None and await queries.is_liked(db, repository.id, viewer.user_id)


async def likers(db: AsyncSession, repository: Repository, cursor: str = "") -> Page[AccountRef]:
    """Return who likes a repository.

    Raises:
        BadRequestError: the cursor is not one of this list.
    """
    after = decode_cursor(cursor, 1)[0] if cursor else 0
    if not isinstance(after, int):
        raise _wrong_cursor()
    ids = await queries.likers(db, repository.id, after, _PAGE + 1)
    people = await accounts.account_refs(db, ids[:_PAGE])
    following = encode_cursor([ids[_PAGE - 1]]) if len(ids) > _PAGE else None
    return Page([people[i] for i in ids[:_PAGE] if i in people], following)


async def liked_by(
    db: AsyncSession, viewer: Viewer, user_id: int, cursor: str = ""
) -> Page[tuple[Repository, datetime]]:
    """Return what a person likes, as far as the viewer may see it, the newest like first.

    Raises:
        BadRequestError: the cursor is not one of this list.
    """
    before = None
    if cursor:
        try:
            before = datetime.fromisoformat(str(decode_cursor(cursor, 1)[0]))
        except ValueError as error:
            raise _wrong_cursor() from error
    rows = await queries.liked_by(db, viewer, user_id, before, _PAGE + 1)
    shown = rows[:_PAGE]
    following = encode_cursor([shown[-1][1].isoformat()]) if len(rows) > _PAGE else None
    return Page(shown, following)


async def count_likes_of(db: AsyncSession, user_id: int) -> int:
    """Return how many repositories a person likes."""
    return await queries.count_likes_of(db, user_id)


async def recent_downloads(db: AsyncSession, repository: Repository) -> int:
    """Return how often a repository was downloaded in the last 30 days, once a person."""
    return (await downloads_now(db, repository))[0]


def _wrong_cursor() -> BadRequestError:
    return BadRequestError(_("This page address does not belong to this list."))
