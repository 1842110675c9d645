"""What those who run the site did: written once, never changed, by any feature.

PostgreSQL itself refuses to change or remove an entry, so that not even a mistake of ours can.
"""

from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import DDL, BigInteger, Identity, Index, Select, Text, event, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import AsyncSession, Base

PAGE = 50


class AuditEntry(Base):
    """An act: who, what (`scope.action`), to what, and what of it was so before and after.

    No foreign key: an entry outlives whom and what it is about.
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
    db.add(
        AuditEntry(
            actor_id=actor_id,
            action=action,
            target=target,
            before=before or {},
            after=after or {},
            request_id=str(bound.get("request_id", "")),
        )
    )
    await db.flush()


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
