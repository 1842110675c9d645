"""Proving that the counters are what is stored, and writing them anew where they are not."""

from collections.abc import Sequence
from datetime import timedelta

import structlog

from app.core.clock import now
from app.core.db import AsyncSession
from app.quotas import queries
from app.quotas.schemas import Drift

log = structlog.get_logger(__name__)


async def drift(db: AsyncSession) -> Sequence[Drift]:
    """Return every counter that is not the sum of what is stored. Nobody has to wait for it."""
    found = await queries.drift(db)
    for one in found:
        log.warning(
            "quota_drifted",
            account_id=one.account_id,
            kind=one.kind.value,
            counted=one.counted,
            stored=one.stored,
        )
    return found


async def mend(db: AsyncSession) -> Sequence[Drift]:
    """Write every counter anew; return what was wrong. Writers wait meanwhile."""
    found = await queries.drift(db)
    await queries.rebuild(db)
    return found


async def close_day(db: AsyncSession) -> bool:
    """Note what every account holds at the end of yesterday; False if that was done."""
    return await queries.close_day(db, (now() - timedelta(days=1)).date())
