"""What those who run the site did: written once, never changed, by any feature.

PostgreSQL itself refuses to change or remove an entry, so that not even a mistake of ours can. Who
rules the database can make it: therefore each entry carries a hash over itself and the entry
before it, and `verify` finds the first that was changed, put in between or taken out.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import (
    DDL,
    BigInteger,
    Identity,
    Index,
    LargeBinary,
    Select,
    Text,
    event,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import AsyncSession, Base
from app.core.sql import next_id

PAGE = 50
_AT_ONCE = 1000


class AuditEntry(Base):
    """An act: who, what (`scope.action`), to what, and what of it was so before and after.

    No foreign key: an entry outlives whom and what it is about. `hash` covers the entry and
    `prev_hash`, which is that of the entry before; entries from before there were hashes have none.
    """

    __tablename__ = "core_audit"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    action: Mapped[str] = mapped_column(Text)
    target: Mapped[str] = mapped_column(Text)
    before: Mapped[dict[str, Any]] = mapped_column(JSONB)
    after: Mapped[dict[str, Any]] = mapped_column(JSONB)
    request_id: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    prev_hash: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    hash: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)

    __table_args__ = (
        Index("ix_core_audit_actor", "actor_id", "id"),
        Index("ix_core_audit_action", "action", "id"),
        Index("ix_core_audit_target", "target", "id"),
    )


# The migration runs the same statements.
FUNCTION = """
CREATE OR REPLACE FUNCTION core_audit_stays() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN RAISE EXCEPTION ''an entry of the audit log stays as it is''; END'
"""
TRIGGER = """
CREATE TRIGGER core_audit_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON core_audit
FOR EACH STATEMENT EXECUTE FUNCTION core_audit_stays()
"""
for _statement in (FUNCTION, TRIGGER):
    event.listen(AuditEntry.__table__, "after_create", DDL(_statement))  # type: ignore[no-untyped-call]  # as the library leaves it


async def record(
    db: AsyncSession,
    actor_id: int | None,
    action: str,
    target: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Write down an act within the transaction that does it. No secrets, and no words of posts."""
    bound = structlog.contextvars.get_contextvars()
    made = AuditEntry(
        actor_id=actor_id,
        action=action,
        target=target,
        before=_plain(before),
        after=_plain(after),
        request_id=str(bound.get("request_id", "")),
    )
    # One act at a time from here to its commit, so that the chain has no forks.
    await db.execute(select(func.pg_advisory_xact_lock(func.hashtext("core.audit"))))
    made.id = await next_id(db, AuditEntry)
    made.prev_hash = await _newest_hash(db)
    made.hash = hash_of(made)
    db.add(made)
    await db.flush()


def _plain(value: dict[str, Any] | None) -> dict[str, Any]:
    """Return what JSON makes of a value, which is what will be read back."""
    plain: dict[str, Any] = json.loads(json.dumps(value or {}, default=str))
    return plain


def hash_of(entry: AuditEntry) -> bytes:
    """Return the hash that an entry has if nobody changed it or the one before."""
    told = [
        entry.id,
        entry.actor_id,
        entry.action,
        entry.target,
        entry.before,
        entry.after,
        entry.request_id,
        entry.created_at.astimezone(UTC).isoformat(timespec="microseconds"),
    ]
    text = json.dumps(told, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256((entry.prev_hash or b"") + text.encode()).digest()


async def _newest_hash(db: AsyncSession) -> bytes | None:
    newest = select(AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1)
    return await db.scalar(newest)


@dataclass(frozen=True)
class Verdict:
    """Whether the chain holds: how many entries, from `first_id` on, and the last one's hash.

    `broken_at` is the first entry that is not as it was written, or follows one that is gone.
    Whoever keeps `head` elsewhere sees also whether the newest entries were taken away.
    """

    num_entries: int
    first_id: int | None
    broken_at: int | None
    head: str


async def verify(db: AsyncSession) -> Verdict:
    """Read the whole log and check the chain, a thousand entries at a time."""
    number, first_id, before_id, head = 0, None, 0, None
    while rows := await _after(db, before_id):
        for row in rows:
            if row.hash is None and first_id is None:
                continue  # from before there was a chain
            if row.hash != hash_of(row) or (first_id is not None and row.prev_hash != head):
                return Verdict(number, first_id or row.id, row.id, (head or b"").hex())
            first_id, head, number = first_id or row.id, row.hash, number + 1
        before_id = rows[-1].id
    return Verdict(number, first_id, None, (head or b"").hex())


async def _after(db: AsyncSession, number: int) -> Sequence[AuditEntry]:
    statement = select(AuditEntry).where(AuditEntry.id > number).order_by(AuditEntry.id)
    rows = (await db.scalars(statement.limit(_AT_ONCE))).all()
    for row in rows:
        db.expunge(row)
    return rows


async def entries(
    db: AsyncSession,
    *,
    before_id: int | None = None,
    actor_id: int | None = None,
    action: str = "",
    target: str = "",
    limit: int = PAGE,
) -> list[AuditEntry]:
    """Return entries, the newest first; `action` may be a scope, as `moderation`."""
    statement: Select[Any] = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if before_id is not None:
        statement = statement.where(AuditEntry.id < before_id)
    if actor_id is not None:
        statement = statement.where(AuditEntry.actor_id == actor_id)
    if action:
        statement = statement.where(
            (AuditEntry.action == action) | AuditEntry.action.startswith(f"{action}.")
        )
    if target:
        statement = statement.where(AuditEntry.target == target)
    return list(await db.scalars(statement))
