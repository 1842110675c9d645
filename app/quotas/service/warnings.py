"""Saying once that a limit is near: at 80 %, and again only after it was well below."""

from collections.abc import Collection

from app.accounts import service as accounts
from app.core.db import AsyncSession
from app.core.events import emit
from app.quotas import queries
from app.quotas.events import LimitNeared
from app.quotas.schemas import SOFT, Kind, NearLimit

# Who frees a little and fills it again is not told each time.
_WELL_BELOW = 0.7


def has_crossed(before: float, after: float, most: int) -> bool:
    """Whether a change leads over one of the marks, so that the tables need be asked."""
    marks = (SOFT * most, _WELL_BELOW * most)
    return any((before < mark) != (after < mark) for mark in marks) if most else False


async def watch(db: AsyncSession, account_id: int, kind: Kind, used: float, most: int) -> None:
    """Note that an account has come near a limit, or is well below it again."""
    share = used / most if most else 0.0
    if share >= SOFT:
        crossing_id = await queries.add_crossing(db, account_id, kind)
        if crossing_id is not None:
            emit(db, LimitNeared(account_id, kind, crossing_id))
    elif share < _WELL_BELOW:
        await queries.drop_crossing(db, account_id, kind)


async def crossings(db: AsyncSession, ids: Collection[int]) -> dict[int, NearLimit]:
    """Return the limits that accounts are near to now, by the number of the crossing."""
    rows = await queries.crossings_by_id(db, ids) if ids else {}
    found = await accounts.account_refs(db, {row.account_id for row in rows.values()})
    stewards = {one.id: await accounts.stewards_of(db, one) for one in found.values()}
    return {
        number: NearLimit(found[row.account_id], row.kind, frozenset(stewards[row.account_id]))
        for number, row in rows.items()
        if row.account_id in found
    }
