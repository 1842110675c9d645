"""Every read of the outbox, and the single statements that must be atomic."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.core.db import AsyncSession
from app.core.sql import taken
from app.mail.schemas import Letter, LetterState
from app.mail.tables import QueuedLetter, SuppressedAddress

# The database's own clock: which process took a letter does not matter then.
_NOW = func.clock_timestamp()


async def insert_letter(db: AsyncSession, letter: Letter, at: datetime) -> int | None:
    """Store a letter; None if there is one of the same key already."""
    statement = (
        insert(QueuedLetter)
        .values(
            recipient=letter.recipient,
            kind=letter.kind,
            subject=letter.subject,
            text=letter.text,
            html=letter.html,
            headers=dict(letter.headers),
            dedupe_key=letter.dedupe_key,
            is_last=letter.is_last,
            state=LetterState.QUEUED,
            attempts=0,
            next_try_at=at,
            last_error="",
            created_at=at,
        )
        .on_conflict_do_nothing(index_elements=[QueuedLetter.dedupe_key])
        .returning(QueuedLetter.id)
    )
    return await db.scalar(statement)


async def take_due(db: AsyncSession, limit: int, lease: timedelta) -> Sequence[QueuedLetter]:
    """Take letters that are due; nobody else takes them until the lease is over.

    A process that dies in the middle loses none: its letters are due again afterwards.
    """
    due = (
        select(QueuedLetter.id)
        .where(QueuedLetter.state == LetterState.QUEUED, QueuedLetter.next_try_at <= _NOW)
        .order_by(QueuedLetter.next_try_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(QueuedLetter)
        .where(QueuedLetter.id.in_(taken(due)))
        .values(attempts=QueuedLetter.attempts + 1, next_try_at=_NOW + lease)
        .returning(QueuedLetter)
    )
    return (await db.scalars(statement)).all()


async def settle(db: AsyncSession, letter: QueuedLetter, state: LetterState, error: str) -> None:
    """End a letter that this process took; what it said is forgotten when it was sent."""
    if letter.is_last:
        await db.execute(delete(QueuedLetter).where(*_mine(letter)))
        return
    values: dict[str, Any] = {"state": state, "last_error": error}
    if state is LetterState.SENT:
        values |= {"text": "", "html": "", "sent_at": _NOW}
    await db.execute(update(QueuedLetter).where(*_mine(letter)).values(values))


async def postpone(db: AsyncSession, letter: QueuedLetter, wait: timedelta, error: str) -> None:
    """Try a letter again after `wait`."""
    statement = update(QueuedLetter).where(*_mine(letter))
    await db.execute(statement.values(next_try_at=_NOW + wait, last_error=error))


def _mine(letter: QueuedLetter) -> tuple[Any, ...]:
    # Another process that took the letter since has counted its own attempt.
    return (
        QueuedLetter.id == letter.id,
        QueuedLetter.attempts == letter.attempts,
        QueuedLetter.state == LetterState.QUEUED,
    )


async def requeue(db: AsyncSession, letter_id: int) -> bool:
    """Let a letter be tried at once, from the beginning; False if it was sent or is gone."""
    statement = (
        update(QueuedLetter)
        .where(QueuedLetter.id == letter_id, QueuedLetter.state != LetterState.SENT)
        .values(state=LetterState.QUEUED, attempts=0, next_try_at=_NOW, created_at=_NOW)
    )
    return await db.scalar(statement.returning(QueuedLetter.id)) is not None


async def letters(
    db: AsyncSession, state: LetterState | None, before: int | None, limit: int
) -> Sequence[QueuedLetter]:
    """Return letters, the newest first."""
    statement = select(QueuedLetter)
    if state is not None:
        statement = statement.where(QueuedLetter.state == state)
    if before is not None:
        statement = statement.where(QueuedLetter.id < before)
    return (await db.scalars(statement.order_by(QueuedLetter.id.desc()).limit(limit))).all()


async def count_queued(db: AsyncSession) -> int:
    """Return how many letters wait."""
    statement = select(func.count()).where(QueuedLetter.state == LetterState.QUEUED)
    return int(await db.scalar(statement) or 0)


async def oldest_queued_s(db: AsyncSession) -> float:
    """Return for how many seconds the oldest letter waits; 0 without any."""
    age = func.extract("epoch", _NOW - func.min(QueuedLetter.created_at))
    statement = select(age).where(QueuedLetter.state == LetterState.QUEUED)
    return max(0.0, float(await db.scalar(statement) or 0))


async def give_up_stale(db: AsyncSession, age: timedelta, error: str) -> None:
    """End letters that have waited for longer than `age`."""
    statement = update(QueuedLetter).where(
        QueuedLetter.state == LetterState.QUEUED, QueuedLetter.created_at < _NOW - age
    )
    await db.execute(statement.values(state=LetterState.FAILED, last_error=error))


async def forget_ended(db: AsyncSession, age: timedelta) -> None:
    """Forget letters that ended long ago."""
    statement = delete(QueuedLetter).where(
        QueuedLetter.state != LetterState.QUEUED, QueuedLetter.created_at < _NOW - age
    )
    await db.execute(statement)


async def suppress(db: AsyncSession, address: str, reason: str, at: datetime) -> None:
    """Note that an address takes no letters."""
    statement = insert(SuppressedAddress).values(address=address, reason=reason, created_at=at)
    await db.execute(statement.on_conflict_do_nothing())


async def is_suppressed(db: AsyncSession, address: str) -> bool:
    """Whether letters to this address are not even tried."""
    return await db.get(SuppressedAddress, address) is not None


async def lift_suppression(db: AsyncSession, address: str) -> bool:
    """Let letters go to this address again; False if they did already."""
    statement = delete(SuppressedAddress).where(SuppressedAddress.address == address)
    return await db.scalar(statement.returning(SuppressedAddress.address)) is not None


async def suppressed(
    db: AsyncSession, after: str | None, limit: int
) -> Sequence[SuppressedAddress]:
    """Return suppressed addresses in the order of the alphabet."""
    statement = select(SuppressedAddress).order_by(SuppressedAddress.address).limit(limit)
    if after is not None:
        statement = statement.where(SuppressedAddress.address > after)
    return (await db.scalars(statement)).all()


async def letters_to(db: AsyncSession, address: str, limit: int) -> Sequence[QueuedLetter]:
    """Return the letters to this address, in any case, the newest first."""
    statement = select(QueuedLetter).where(func.lower(QueuedLetter.recipient) == address)
    return (await db.scalars(statement.order_by(QueuedLetter.id.desc()).limit(limit))).all()


async def forget_address(db: AsyncSession, address: str) -> None:
    """Forget every letter to this address, in any case, and whether it took any."""
    await db.execute(delete(QueuedLetter).where(func.lower(QueuedLetter.recipient) == address))
    await db.execute(delete(SuppressedAddress).where(SuppressedAddress.address == address))
