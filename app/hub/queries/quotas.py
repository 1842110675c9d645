"""How many bytes an account holds, whoever of the packages above keeps them."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Select, func, select, union

from app.core.db import AsyncSession
from app.hub.tables import LfsObject, Repository, RepositoryLfs, Upload, XetUse, Xorb, XorbUser

# Selects the hashes of large files that the account with this id holds.
Holding = Callable[[int], Select[str]]


def _in_repositories(owner_id: int) -> Select[str]:
    return (
        select(RepositoryLfs.sha256)
        .join(Repository, Repository.id == RepositoryLfs.repository_id)
        .where(Repository.owner_id == owner_id)
    )


_HOLDINGS: list[Holding] = [_in_repositories]


def count_too(holding: Holding) -> None:
    """Count what another package keeps for an account as well."""
    _HOLDINGS.append(holding)


async def held_bytes(db: AsyncSession, owner_id: int) -> int:
    """Return the bytes of an account's large files, history included, and each of them once."""
    held = union(*(holding(owner_id) for holding in _HOLDINGS)).subquery()
    return await _total(db, select(LfsObject.size).join(held, held.c.sha256 == LfsObject.sha256))


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


async def lock_holdings(db: AsyncSession, owner_id: int) -> None:
    """Let no other transaction count what the account holds before this one ends."""
    name = f"holdings {owner_id}"
    await db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


async def _total(db: AsyncSession, sizes: Select[Any]) -> int:
    found = sizes.subquery()
    return int(await db.scalar(select(func.coalesce(func.sum(found.c.size), 0))) or 0)


async def stored_bytes(db: AsyncSession) -> int:
    """Return the bytes of all large files."""
    return int(await db.scalar(select(func.coalesce(func.sum(LfsObject.size), 0))) or 0)
