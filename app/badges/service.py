"""Give badges, and say who has which."""

from collections.abc import Collection
from datetime import datetime

from app.accounts import service as accounts
from app.accounts.service import Gone
from app.badges import words
from app.badges.events import BadgeGiven
from app.badges.queries import awards
from app.badges.schemas import AwardView, Badge, BadgeView, HolderView
from app.badges.tables import Award
from app.core.clock import now
from app.core.db import AsyncSession, Database
from app.core.errors import NotFoundError
from app.core.events import emit
from app.core.i18n import _
from app.core.pagination import Page
from app.reputation import service as reputation

PAGE = 50
_AT_ONCE = 500


async def run_tonight(database: Database) -> int | None:
    """Give what was earned if this day's run was not begun yet; return how many, None else."""
    async with database.transaction() as db:
        if not await awards.begin_night(db, now().date()):
            return None
    return await give_all(database)


async def give_all(database: Database) -> int:
    """Give every badge to everybody who earned it; what somebody has is never given again."""
    given = 0
    for badge in Badge:
        count = _AT_ONCE
        while count == _AT_ONCE:
            async with database.transaction() as db:
                count = await give(db, badge)
            given += count
    return given


async def give(db: AsyncSession, badge: Badge) -> int:
    """Give one badge to some of those who earned it; return to how many."""
    given = await awards.give(db, badge, _AT_ONCE)
    for award_id, person_id in given:
        await reputation.count_badge(db, person_id, badge.metal.value)
        emit(db, BadgeGiven(award_id, person_id))
    return len(given)


async def list_badges(db: AsyncSession) -> list[BadgeView]:
    """Return every badge with how many people have it, gold first."""
    counts = await awards.counts(db)
    return [words.view(badge, counts.get(badge, 0)) for badge in Badge]


def find_badge(name: str) -> Badge:
    """Return the badge of this name.

    Raises:
        NotFoundError: there is none.
    """
    if name not in set(Badge):
        raise NotFoundError(_("There is no such badge."), fix=_("/badges lists all of them."))
    return Badge(name)


async def holders(
    db: AsyncSession, badge: Badge, before: int | None = None, limit: int = PAGE
) -> Page[HolderView]:
    """Return who has a badge, the newest first."""
    rows = await awards.holders(db, badge, before, limit + 1)
    shown = rows[:limit]
    names = await accounts.account_refs(db, {row.person_id for row in shown})
    items = [HolderView(row.id, names[row.person_id].name, row.given_at) for row in shown]
    return Page(items, str(shown[-1].id) if len(rows) > limit else None)


async def badges_of(db: AsyncSession, name: str) -> list[AwardView]:
    """Return the badges of a person, the newest first.

    Raises:
        NotFoundError: there is nobody of this name.
    """
    person = await accounts.find_account(db, name)
    if person is None:
        raise NotFoundError(_("There is nobody of this name."))
    return _views(await awards.of_person(db, person.id))


async def awards_by_id(db: AsyncSession, ids: Collection[int]) -> dict[int, AwardView]:
    """Return what was given, by number."""
    return {one.id: one for one in _views(await awards.by_ids(db, ids))} if ids else {}


async def happened_between(
    db: AsyncSession, start: datetime, end: datetime, limit: int
) -> list[BadgeGiven]:
    """Return news of what was given in a span of time, for who may have missed it."""
    rows = await awards.given_between(db, start, end, limit)
    return [BadgeGiven(row.id, row.person_id) for row in rows]


def _views(rows: Collection[Award]) -> list[AwardView]:
    return [AwardView(one.id, words.view(one.badge), one.person_id, one.given_at) for one in rows]


async def erase_person(db: AsyncSession, gone: Gone) -> None:
    """Forget what somebody earned: a badge tells of a person."""
    await awards.forget(db, gone.user_id)
    await reputation.forget_badges(db, gone.user_id)
