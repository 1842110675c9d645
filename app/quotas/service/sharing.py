"""Who used the machines lately: what an attempt costs, and the share that decides whose turn it is.

An attempt is charged when it ends, for the time it was held by a worker; what runs is added by the
jobs. A GPU-second weighs as ten of a processor core. Half of a share is forgotten every twelve
hours, so who waits comes to the front of those who do not.
"""

from datetime import UTC, datetime, timedelta

from app.core.db import AsyncSession
from app.quotas import queries
from app.quotas.schemas import PERIOD_DAYS, SOFT, Kind
from app.quotas.service import limits, warnings
from app.quotas.service.checking import full
from app.quotas.service.usage import used

GPU_WEIGHT = 10
HALF_LIFE_S = 12 * 3600

# For the statement that picks a job: what an account used lately, and its own running limit.
STANDING = f"""
SELECT account_id, l.amount AS running_limit, u.share_s * power(0.5, least(200, greatest(0,
  extract(epoch FROM clock_timestamp() - u.share_at)) / {HALF_LIFE_S})) AS used
FROM quotas_usage u
FULL JOIN (SELECT * FROM quotas_limit WHERE kind = 'running_jobs') l USING (account_id)
"""  # noqa: S608  # our own words


async def charge(
    db: AsyncSession, account_id: int, began: datetime, ended: datetime, *, gpus: int, cores: int
) -> None:
    """Charge an attempt that ended to the days it ran in, and to its owner's share."""
    for day, seconds in _by_day(began.astimezone(UTC), ended.astimezone(UTC)):
        await queries.add_to_day(db, account_id, day.date(), seconds * gpus, seconds * cores)
    seconds = (ended - began).total_seconds()
    await queries.add_share(db, account_id, seconds * (gpus * GPU_WEIGHT + cores), HALF_LIFE_S)
    if gpus:
        await _watch(db, account_id)


def _by_day(began: datetime, ended: datetime) -> list[tuple[datetime, float]]:
    parts = []
    while began < ended:
        midnight = began.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        until = min(ended, midnight)
        parts.append((began, (until - began).total_seconds()))
        began = until
    return parts


async def _watch(db: AsyncSession, account_id: int) -> None:
    most = await limits.limit_for(db, account_id, Kind.GPU_SECONDS)
    if most:
        spent = await queries.gpu_seconds(db, account_id, PERIOD_DAYS)
        await warnings.watch(db, account_id, Kind.GPU_SECONDS, spent, most)


async def require_gpu_time(db: AsyncSession, account_id: int) -> None:
    """Pass only while a person has GPU time left; what runs already counts as it runs.

    Raises:
        ConflictError: it is used up.
    """
    most = await limits.limit_for(db, account_id, Kind.GPU_SECONDS)
    if not most:
        return
    spent = await used(db, account_id, Kind.GPU_SECONDS)
    if spent >= most:
        raise full(Kind.GPU_SECONDS, spent, most, 0)
    if spent >= SOFT * most:
        await warnings.watch(db, account_id, Kind.GPU_SECONDS, spent, most)
