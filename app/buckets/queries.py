"""Every read of the buckets' tables, and the single statements that must be atomic."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, false, func, or_, select, true, tuple_
from sqlalchemy.dialects.postgresql import insert

from app.buckets.tables import Bucket, BucketArrival, BucketFile
from app.core.db import AsyncSession
from app.core.security import Viewer

# Sorts after every path with the same beginning: no valid path holds it.
_LAST = "\U0010ffff"


def _storable(text: str) -> str:
    """Return `text` without what PostgreSQL cannot hold, and so no stored path contains."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


async def bucket_by_name(db: AsyncSession, owner_id: int, name_key: str) -> Bucket | None:
    """Return the owner's bucket of this name."""
    statement = select(Bucket).where(
        Bucket.owner_id == owner_id, Bucket.name_key == _storable(name_key)
    )
    return await db.scalar(statement)


async def bucket_by_id(db: AsyncSession, bucket_id: int) -> Bucket | None:
    """Return a bucket."""
    return await db.get(Bucket, bucket_id)


async def buckets_of(
    db: AsyncSession,
    viewer: Viewer,
    owner_id: int,
    search: str,
    after: tuple[datetime, int] | None,
    limit: int,
) -> Sequence[Bucket]:
    """Return the owner's buckets that the viewer may see, those changed last first."""
    mine = viewer.user_id is not None and viewer.only_repos is None
    visible = Bucket.private == false()
    if mine and (viewer.is_admin or owner_id in {viewer.user_id, *viewer.organization_ids}):
        visible = true()
    statement = select(Bucket).where(Bucket.owner_id == owner_id, visible)
    if search:
        statement = statement.where(Bucket.name.icontains(_storable(search), autoescape=True))
    if after is not None:
        statement = statement.where(tuple_(Bucket.updated_at, Bucket.id) < tuple_(*after))
    statement = statement.order_by(Bucket.updated_at.desc(), Bucket.id.desc()).limit(limit)
    return (await db.scalars(statement)).all()


async def contents(db: AsyncSession, ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """Return the bytes and the number of files of each bucket."""
    statement = (
        select(BucketFile.bucket_id, func.sum(BucketFile.size), func.count())
        .where(BucketFile.bucket_id.in_(ids))
        .group_by(BucketFile.bucket_id)
    )
    return {row[0]: (int(row[1]), int(row[2])) for row in await db.execute(statement)}


async def files_from(
    db: AsyncSession, bucket_id: int, prefix: str, after: str, limit: int
) -> Sequence[BucketFile]:
    """Return files whose paths begin with `prefix`, from behind `after` on, in their order."""
    prefix, after = _storable(prefix), _storable(after)
    statement = select(BucketFile).where(BucketFile.bucket_id == bucket_id)
    if prefix:
        statement = statement.where(BucketFile.path >= prefix, BucketFile.path < prefix + _LAST)
    if after:
        statement = statement.where(BucketFile.path > after)
    return (await db.scalars(statement.order_by(BucketFile.path).limit(limit))).all()


async def files_at(
    db: AsyncSession, bucket_id: int, paths: Collection[str]
) -> dict[str, BucketFile]:
    """Return what is at these paths; those that are not there are left out."""
    statement = select(BucketFile).where(
        BucketFile.bucket_id == bucket_id, BucketFile.path.in_({_storable(path) for path in paths})
    )
    return {row.path: row for row in await db.scalars(statement)}


async def file_with_hash(db: AsyncSession, bucket_id: int, xet_hash: str) -> BucketFile | None:
    """Return a file of the bucket with this content."""
    statement = select(BucketFile).where(
        BucketFile.bucket_id == bucket_id, BucketFile.xet_hash == xet_hash
    )
    return await db.scalar(statement.limit(1))


async def arrival(db: AsyncSession, bucket_id: int, xet_hash: str) -> BucketArrival | None:
    """Return a file that was sent to the bucket."""
    return await db.get(BucketArrival, (bucket_id, xet_hash))


async def add_arrival(db: AsyncSession, values: dict[str, Any]) -> None:
    """Note that a file was sent; sent again, it waits anew."""
    statement = insert(BucketArrival).values(values)
    await db.execute(
        statement.on_conflict_do_update(
            index_elements=["bucket_id", "xet_hash"],
            set_={"arrived_at": statement.excluded.arrived_at},
        )
    )


async def forget_arrivals(db: AsyncSession, bucket_id: int, before: datetime) -> None:
    """Forget files that were given no path in time."""
    await db.execute(
        delete(BucketArrival).where(
            BucketArrival.bucket_id == bucket_id, BucketArrival.arrived_at < before
        )
    )


async def put_file(db: AsyncSession, values: dict[str, Any]) -> None:
    """Place a file; what was at its path is replaced."""
    statement = insert(BucketFile).values(values)
    changed = {
        name: statement.excluded[name] for name in values if name not in {"bucket_id", "path"}
    }
    await db.execute(
        statement.on_conflict_do_update(index_elements=["bucket_id", "path"], set_=changed)
    )


async def drop_file(db: AsyncSession, bucket_id: int, path: str) -> bool:
    """Remove what is at a path; False if there is nothing."""
    statement = delete(BucketFile).where(
        BucketFile.bucket_id == bucket_id, BucketFile.path == _storable(path)
    )
    return await db.scalar(statement.returning(BucketFile.path)) is not None


async def is_in_the_way(db: AsyncSession, bucket_id: int, path: str) -> bool:
    """Whether a file stands where a folder of `path` would be, or `path` is a folder itself."""
    parts = path.split("/")[:-1]
    above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    statement = select(BucketFile.path).where(
        BucketFile.bucket_id == bucket_id,
        or_(
            BucketFile.path.in_(above),
            (BucketFile.path >= f"{path}/") & (BucketFile.path < f"{path}/{_LAST}"),
        ),
    )
    return await db.scalar(statement.limit(1)) is not None
