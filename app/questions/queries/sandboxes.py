"""Reads of sandboxes and of what was run in them."""

from collections.abc import Sequence

from sqlalchemy import func, select

from app.core.db import AsyncSession
from app.questions.tables import Sandbox, SandboxRun


async def sandbox(db: AsyncSession, question_id: int, *, lock: bool = False) -> Sandbox | None:
    """Return a question's sandbox; `lock` holds it until the transaction ends."""
    statement = select(Sandbox).where(Sandbox.question_id == question_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return await db.scalar(statement)


async def num_runs(db: AsyncSession, question_id: int) -> int:
    """Return how many runs were begun in a sandbox, however they ended."""
    statement = select(func.count()).where(SandboxRun.question_id == question_id)
    return await db.scalar(statement) or 0


async def runs(db: AsyncSession, question_id: int, limit: int) -> Sequence[SandboxRun]:
    """Return what was run in a sandbox, the newest first."""
    statement = (
        select(SandboxRun)
        .where(SandboxRun.question_id == question_id)
        .order_by(SandboxRun.num.desc())
        .limit(limit)
    )
    return (await db.scalars(statement)).all()


async def run(db: AsyncSession, question_id: int, num: int) -> SandboxRun | None:
    """Return one run of a sandbox by its number there."""
    statement = select(SandboxRun).where(
        SandboxRun.question_id == question_id, SandboxRun.num == num
    )
    return await db.scalar(statement)
