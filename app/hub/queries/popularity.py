"""Counting downloads and likes, and adding them up without waiting for one another."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from app.core.clock import now
from app.core.db import AsyncSession
from app.core.security import Viewer
from app.hub.queries.repositories import visible_to
from app.hub.tables import Download, DownloadDay, DownloadDelta, Like, Repository

WINDOW_DAYS = 30
_BATCH = 20_000


async def count_download(
    db: AsyncSession, repository_id: int, day: date, who: str, commit: str
) -> None:
    """Note one download; it counts if it is the first of `who`, `commit` and `day`."""
    seen = insert(Download).values(repository_id=repository_id, day=day, who=who, commit=commit)
    first = seen.on_conflict_do_nothing().returning(Download.who)
    count = 0 if await db.scalar(first) is None else 1
    await db.execute(
        insert(DownloadDelta).values(repository_id=repository_id, day=day, count=count)
    )


async def pending_downloads(db: AsyncSession, repository_id: int) -> tuple[int, int]:
    """Return the downloads (once a person; every one) that the sums do not hold yet."""
    row = (
        await db.execute(
            select(func.coalesce(func.sum(DownloadDelta.count), 0), func.count()).where(
                DownloadDelta.repository_id == repository_id
            )
        )
    ).one()
    return int(row[0]), int(row[1])


# One statement takes the deltas and adds them: what another transaction holds is left to it.
_ADD_UP = text("""
WITH found AS (
    SELECT id FROM hub_download_delta ORDER BY id LIMIT :batch FOR UPDATE SKIP LOCKED
), taken AS (
    DELETE FROM hub_download_delta WHERE id IN (SELECT id FROM found)
    RETURNING repository_id, day, count
), sums AS (
    SELECT repository_id, day, sum(count)::int AS count, count(*) AS raw
    FROM taken GROUP BY repository_id, day ORDER BY repository_id, day
), days AS (
    INSERT INTO hub_download_day AS d (repository_id, day, count, raw)
    SELECT repository_id, day, count, raw FROM sums
    ON CONFLICT (repository_id, day)
    DO UPDATE SET count = d.count + excluded.count, raw = d.raw + excluded.raw
), totals AS (
    SELECT repository_id, sum(count) AS count, sum(raw) AS raw FROM sums GROUP BY repository_id
)
UPDATE hub_repository AS r SET
    downloads = r.downloads + t.count,
    downloads_all_time = r.downloads_all_time + t.count,
    downloads_raw = r.downloads_raw + t.raw
FROM totals AS t WHERE r.id = t.repository_id
RETURNING r.id
""")


async def add_up_downloads(db: AsyncSession) -> list[int]:
    """Add what was noted to the sums; return the repositories whose sums changed."""
    return [int(row[0]) for row in await db.execute(_ADD_UP, {"batch": _BATCH})]


# The score of the guide, as a base-2 logarithm counted from a fixed day: time alone changes no
# order, so a score is only computed again when something is downloaded or liked.
_SCORES = text("""
WITH happened AS (
    SELECT repository_id, day, count::float8 AS weight FROM hub_download_day
    WHERE repository_id = ANY(:ids) AND day > :today - :window
  UNION ALL
    SELECT repository_id, (created_at AT TIME ZONE 'UTC')::date, :like_weight
    FROM hub_like WHERE repository_id = ANY(:ids) AND created_at > :today - :window
), scores AS (
    SELECT repository_id, sum(weight * power(2.0, (day - :today)::float8 / :half_life)) AS score
    FROM happened GROUP BY repository_id
)
UPDATE hub_repository AS r SET trending = coalesce(
    (SELECT log(2, s.score::numeric)::float8 + (:today - :epoch)::float8 / :half_life
     FROM scores AS s WHERE s.repository_id = r.id AND s.score > 1e-9), 0)
WHERE r.id = ANY(:ids)
""")


async def score(  # the figures of the published formula
    db: AsyncSession, ids: Collection[int], today: date, epoch: date, figures: dict[str, float]
) -> None:
    """Compute the trending score of these repositories anew."""
    given = {"ids": sorted(ids), "today": today, "epoch": epoch, **figures}
    await db.execute(_SCORES, given)


async def like(db: AsyncSession, repository_id: int, user_id: int) -> bool:
    """Remember a like; False if there was one."""
    made = insert(Like).values(repository_id=repository_id, user_id=user_id, created_at=now())
    row = await db.scalar(made.on_conflict_do_nothing().returning(Like.user_id))
    return row is not None


async def unlike(db: AsyncSession, repository_id: int, user_id: int) -> bool:
    """Forget a like; False if there was none."""
    gone = delete(Like).where(Like.repository_id == repository_id, Like.user_id == user_id)
    return await db.scalar(gone.returning(Like.user_id)) is not None


async def add_likes(db: AsyncSession, repository_id: int, number: int) -> None:
    """Change the count of likes."""
    await db.execute(
        update(Repository)
        .where(Repository.id == repository_id)
        .values(likes=func.greatest(Repository.likes + number, 0))
    )


async def is_liked(db: AsyncSession, repository_id: int, user_id: int) -> bool:
    """Whether this person likes this repository."""
    return await db.get(Like, (repository_id, user_id)) is not None


async def likers(db: AsyncSession, repository_id: int, after: int, limit: int) -> Sequence[int]:
    """Return the account ids of who likes a repository, behind the id `after`."""
    return (
        await db.scalars(
            select(Like.user_id)
            .where(Like.repository_id == repository_id, Like.user_id > after)
            .order_by(Like.user_id)
            .limit(limit)
        )
    ).all()


async def liked_by(
    db: AsyncSession, viewer: Viewer, user_id: int, before: datetime | None, limit: int
) -> Sequence[tuple[Repository, datetime]]:
    """Return what a person likes and `viewer` may see, the newest like first."""
    statement = (
        select(Repository, Like.created_at)
        .join(Like, Like.repository_id == Repository.id)
        .where(Like.user_id == user_id, visible_to(viewer))
        .order_by(Like.created_at.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(Like.created_at < before)
    return [(row[0], row[1]) for row in await db.execute(statement)]


async def count_likes_of(db: AsyncSession, user_id: int) -> int:
    """Return how many repositories a person likes."""
    return int(await db.scalar(select(func.count()).where(Like.user_id == user_id)) or 0)


async def downloads_since(db: AsyncSession, repository_id: int, day: datetime) -> int:
    """Return how often a repository was downloaded since `day`, once a person and snapshot."""
    statement = select(func.coalesce(func.sum(DownloadDay.count), 0)).where(
        DownloadDay.repository_id == repository_id, DownloadDay.day >= day.date()
    )
    return int(await db.scalar(statement) or 0)


_LEAVE_WINDOW = text("""
UPDATE hub_repository AS r SET downloads = coalesce(
    (SELECT sum(count) FROM hub_download_day AS d
     WHERE d.repository_id = r.id AND d.day > :today - :window), 0)
WHERE r.id IN (
    SELECT repository_id FROM hub_download_day
    WHERE day <= :today - :window AND day > :today - :window - 3
)
""")


async def leave_window(db: AsyncSession, today: date) -> None:
    """Take the downloads that are older than the window out of the recent sums."""
    await db.execute(_LEAVE_WINDOW, {"today": today, "window": WINDOW_DAYS})


async def forget_downloaders(db: AsyncSession, today: date) -> None:
    """Remove who downloaded before yesterday: their days are closed, only the sums stay."""
    await db.execute(delete(Download).where(Download.day < today - timedelta(days=1)))
