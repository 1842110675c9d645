"""How many bytes are on their way to an account: announced, or sent and part of nothing yet."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, select

from app.core.db import AsyncSession
from app.hub.tables import LfsObject, Repository, RepositoryLfs, Upload, XetUse, Xorb, XorbUser


async def announced_bytes(db: AsyncSession, owner_id: int) -> int:
    """Return the bytes of uploads to the account's repositories that are not whole yet."""
    return await _total(
        db,
        select(Upload.size)
        .join(Repository, Repository.id == Upload.repository_id)
        .where(Repository.owner_id == owner_id, Upload.sha256.is_(None)),
    )


async def loose_bytes(db: AsyncSession, user_id: int) -> int:
    """Return the bytes of bundles that somebody has sent, and that are part of no file yet."""
    return await _total(
        db,
        select(Xorb.size)
        .join(XorbUser, XorbUser.hash == Xorb.hash)
        .where(
            XorbUser.user_id == user_id,
            ~select(XetUse.xorb).where(XetUse.xorb == Xorb.hash).exists(),
        ),
    )


async def _total(db: AsyncSession, sizes: Select[Any]) -> int:
    found = sizes.subquery()
    return int(await db.scalar(select(func.coalesce(func.sum(found.c.size), 0))) or 0)


async def largest(db: AsyncSession, owner_id: int, limit: int) -> Sequence[tuple[Repository, int]]:
    """Return the repositories of an account with the most bytes of large files, history too."""
    held = func.sum(LfsObject.size).label("held")
    sums = (
        select(RepositoryLfs.repository_id, held)
        .join(LfsObject, LfsObject.sha256 == RepositoryLfs.sha256)
        .join(Repository, Repository.id == RepositoryLfs.repository_id)
        .where(Repository.owner_id == owner_id)
        .group_by(RepositoryLfs.repository_id)
        .order_by(held.desc(), RepositoryLfs.repository_id)
        .limit(limit)
        .subquery()
    )
    rows = await db.execute(
        select(Repository, sums.c.held)
        .join(sums, sums.c.repository_id == Repository.id)
        .order_by(sums.c.held.desc(), Repository.id)
    )
    return [(repository, int(size)) for repository, size in rows]


async def stored_bytes(db: AsyncSession) -> int:
    """Return the bytes of all large files."""
    return int(await db.scalar(select(func.coalesce(func.sum(LfsObject.size), 0))) or 0)
