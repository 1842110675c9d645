"""What an account may have: the site's limits, its own, and what others add to them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from app.core import audit
from app.core.db import AsyncSession, limits_of
from app.core.errors import InvalidError
from app.core.i18n import _
from app.quotas import queries
from app.quotas.schemas import Kind
from app.quotas.tables import LimitChange

# Returns what is added to a limit of an account, in the limit's own unit; may be below 0.
Adjustment = Callable[[AsyncSession, int], Awaitable[int]]

_ADJUSTMENTS: dict[Kind, list[Adjustment]] = {}


def adjust(kind: Kind, adjustment: Adjustment) -> None:
    """Let a feature above add to a limit, as GPU-seconds that somebody has earned.

    A limit that is not set stays without limit, and none falls below one.
    """
    known = _ADJUSTMENTS.setdefault(kind, [])
    if adjustment not in known:
        known.append(adjustment)


def of_site(db: AsyncSession) -> dict[Kind, int]:
    """Return what every account may have that has no limit of its own."""
    site = limits_of(db).quotas
    return {
        Kind.BYTES: site.bytes,
        Kind.FILES: site.files,
        Kind.REPOSITORIES: site.repositories,
        Kind.QUEUED_JOBS: site.queued_jobs,
        Kind.RUNNING_JOBS: site.running_jobs,
        Kind.GPU_SECONDS: site.gpu_seconds,
        Kind.STREAMS: site.streams,
    }


async def adjusted(db: AsyncSession, account_id: int, kind: Kind, amount: int) -> int:
    """Return a limit with what other features add to it."""
    if not amount:
        return 0
    for adjustment in _ADJUSTMENTS.get(kind, ()):
        amount += await adjustment(db, account_id)
    return max(1, amount)


async def limit_for(db: AsyncSession, account_id: int, kind: Kind) -> int:
    """Return how much of something an account may have; 0 is without limit."""
    own = await queries.limit_of(db, account_id, kind)
    return await adjusted(db, account_id, kind, of_site(db)[kind] if own is None else own)


async def limits_for(db: AsyncSession, account_id: int, own: Mapping[Kind, int]) -> dict[Kind, int]:
    """Return all that an account may have, given the limits of its own."""
    together = {**of_site(db), **own}
    return {kind: await adjusted(db, account_id, kind, n) for kind, n in together.items()}


async def set_limit(
    db: AsyncSession,
    actor_id: int | None,
    account_id: int,
    kind: Kind,
    amount: int | None,
    reason: str = "",
) -> None:
    """Give an account a limit of its own; None: the site's own holds again. The act is kept.

    Raises:
        InvalidError: less than nothing.
    """
    if amount is not None and not 0 <= amount <= _MOST:
        raise InvalidError(
            _("A limit is a whole number from 0 on; 0 is without limit."), code="bad_limit"
        )
    before = await queries.limit_of(db, account_id, kind)
    if before == amount:
        return
    await queries.set_limit(db, account_id, kind, amount)
    db.add(
        LimitChange(
            account_id=account_id,
            kind=kind,
            before=before,
            after=amount,
            reason=reason[:500],
            by_id=actor_id,
        )
    )
    await audit.record(
        db,
        actor_id,
        "quotas.limit_set",
        f"account:{account_id}",
        before={kind.value: before},
        after={kind.value: amount},
    )


_MOST = 2**62


async def history(db: AsyncSession, account_id: int, limit: int = 50) -> Sequence[LimitChange]:
    """Return how an account's limits were changed, the latest first."""
    return await queries.changes_of(db, account_id, limit)
