"""Every row of one person, whatever table it lies in: found by the keys that point to them.

A feature says nothing for its rows to be found. It says `info={"export": False}` on a table, or on
a column, that holds what the person may not read. Keys that name who judged (`…_by_id`), or who
was told of (`actor_id`), or whom somebody blocked (`blocked_id`), make no row theirs.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import Column, LargeBinary, Table, delete, or_, select
from sqlalchemy.dialects.postgresql import TSVECTOR

from app.accounts.schemas import Role
from app.accounts.tables import (
    AccessToken,
    Block,
    Ceremony,
    DeviceLogin,
    ExternalIdentity,
    LoginSession,
    Membership,
    OneTimeLink,
    Passkey,
    RecoveryCode,
    Totp,
    User,
)
from app.core.clock import now
from app.core.db import AsyncSession, Base

_PEOPLE = {"accounts_account.id", "accounts_user.account_id"}
_NOT_THEIRS = ("_by_id", "handled_by", "actor_id", "_blocked_id")
# What only the site needs, to know somebody again.
_SECRET = ("_hash", "secret", "search_text")
_AT_ONCE = 500
_CREDENTIALS = (
    LoginSession, AccessToken, OneTimeLink, Totp, RecoveryCode, Passkey, ExternalIdentity,
    Ceremony, DeviceLogin, Membership,
)  # fmt: skip


def personal_tables() -> list[tuple[Table, list[Column[Any]]]]:
    """Return the tables with rows of people, and the columns that say whose each row is."""
    found: list[tuple[Table, list[Column[Any]]]] = [
        (Base.metadata.tables["accounts_account"], [Base.metadata.tables["accounts_account"].c.id])
    ]
    for table in sorted(Base.metadata.tables.values(), key=lambda one: one.name):
        whose = [column for column in table.columns if _is_whose(column)]
        if whose and table.info.get("export", True):
            found.append((table, whose))
    return found


def _is_whose(column: Column[Any]) -> bool:
    points = any(key.target_fullname in _PEOPLE for key in column.foreign_keys)
    return points and not f"_{column.name}".endswith(_NOT_THEIRS)


def shown_columns(table: Table) -> list[Column[Any]]:
    """Return what a person may read of their row: everything but hashes, keys and indexes."""
    return [
        column
        for column in table.columns
        if column.info.get("export", True)
        and not isinstance(column.type, LargeBinary | TSVECTOR)
        and not column.name.endswith(_SECRET)
    ]


async def rows_of(
    db: AsyncSession, table: Table, whose: Sequence[Column[Any]], user_id: int
) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield the person's rows of a table, some hundred at once."""
    statement = (
        select(*shown_columns(table))
        .where(or_(*(column == user_id for column in whose)))
        .order_by(*table.primary_key.columns)
        .execution_options(yield_per=_AT_ONCE)
    )
    result = await db.stream(statement)
    try:
        async for part in result.mappings().partitions():
            yield [dict(row) for row in part]
    finally:
        await result.close()


async def due_for_erasure(db: AsyncSession, limit: int) -> Sequence[int]:
    """Return people whose week to change their mind is over."""
    statement = (
        select(User.account_id)
        .where(User.erased_from <= now(), User.erased_at.is_(None))
        .order_by(User.erased_from)
        .limit(limit)
    )
    return (await db.scalars(statement)).all()


async def lock_person(db: AsyncSession, user_id: int) -> User | None:
    """Return a person, held so that two processes do not forget them twice."""
    statement = select(User).where(User.account_id == user_id)
    return await db.scalar(
        statement.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    )


async def delete_credentials(db: AsyncSession, user_id: int) -> None:
    """Forget what could sign the person in, their memberships, and blocks by them and of them."""
    for kind in _CREDENTIALS:
        await db.execute(delete(kind).where(kind.user_id == user_id))
    mine = (Block.blocker_id == user_id) | (Block.blocked_id == user_id)
    await db.execute(delete(Block).where(mine))


async def only_admin_of(db: AsyncSession, user_id: int) -> Sequence[int]:
    """Return organisations of several people that only this one administers."""
    others = (
        select(Membership.organization_id)
        .where(Membership.user_id != user_id)
        .group_by(Membership.organization_id)
    )
    other_admins = select(Membership.organization_id).where(
        Membership.user_id != user_id, Membership.role == Role.ADMIN
    )
    statement = select(Membership.organization_id).where(
        Membership.user_id == user_id,
        Membership.role == Role.ADMIN,
        Membership.organization_id.in_(others),
        Membership.organization_id.not_in(other_admins),
    )
    return (await db.scalars(statement.limit(20))).all()


async def another_admin_exists(db: AsyncSession, user_id: int) -> bool:
    """Whether somebody else administers the site."""
    statement = select(User.account_id).where(User.is_admin, User.account_id != user_id).limit(1)
    return await db.scalar(statement) is not None


async def first_admin(db: AsyncSession) -> int | None:
    """Return the administrator who has been here the longest."""
    statement = select(User.account_id).where(
        User.is_admin, User.erased_at.is_(None), User.suspended_at.is_(None)
    )
    return await db.scalar(statement.order_by(User.account_id).limit(1))
