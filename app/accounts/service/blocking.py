"""Blocking: to hear nothing more from somebody, and to keep them out of what is one's own.

Who is blocked writes nothing under what belongs to the blocker (models, data sets, tutorials,
comparisons) and does not like it; where everybody may write, they still do, and the blocker is
told nothing of it and finds it folded. What an organisation owns is nobody's alone: there a block
keeps nobody out. Who runs the site is kept out nowhere.
"""

from collections.abc import Collection, Sequence

import structlog

from app.accounts import queries
from app.accounts.queries import blocks
from app.accounts.schemas import AccountKind, BlockView
from app.core.db import AsyncSession
from app.core.errors import ConflictError, Detail, ForbiddenError, InvalidError, NotFoundError
from app.core.i18n import _
from app.core.security import Viewer

log = structlog.get_logger(__name__)

MOST_BLOCKED = 1000


async def block(db: AsyncSession, user_id: int, name: str) -> None:
    """Hear nothing more from somebody; twice is once.

    Raises:
        NotFoundError: there is no such person.
        InvalidError: it is oneself, or an organisation.
        ConflictError: too many are blocked already.
    """
    other_id = await _person_id(db, name)
    if other_id == user_id:
        raise _bad(_("Nobody can block themselves."))
    if await blocks.num_blocked_by(db, user_id) >= MOST_BLOCKED:
        raise ConflictError(
            _("You block %(n)d people already.") % {"n": MOST_BLOCKED},
            fix=_("Unblock somebody first."),
            code="too_many_blocks",
        )
    await blocks.add(db, user_id, other_id)
    log.info("person_blocked", user_id=user_id, blocked_id=other_id)


async def unblock(db: AsyncSession, user_id: int, name: str) -> None:
    """Take a block back; nothing happens without one.

    Raises:
        NotFoundError: there is no such person.
        InvalidError: it is an organisation.
    """
    await blocks.remove(db, user_id, await _person_id(db, name))


async def _person_id(db: AsyncSession, name: str) -> int:
    found = await queries.account_by_name(db, name.strip())
    if found is None:
        problem = _("There is no such person.")
        raise NotFoundError(problem, details=[Detail("name", problem)])
    if found.kind is not AccountKind.USER:
        raise _bad(_("Only people can be blocked."))
    return found.id


def _bad(problem: str) -> InvalidError:
    return InvalidError(problem, code="bad_block", details=[Detail("name", problem)])


async def blocked_by(db: AsyncSession, user_id: int) -> Sequence[BlockView]:
    """Return whom somebody blocks, the last first."""
    rows = await blocks.blocked_by(db, user_id, MOST_BLOCKED)
    return [BlockView(name=row[1], label=row[2] or row[1], since=row[0].created_at) for row in rows]


async def blocked_among(db: AsyncSession, viewer: Viewer, ids: Collection[int | None]) -> set[int]:
    """Return whom of these people the viewer blocks: what they wrote is shown folded."""
    known = {one for one in ids if one is not None} - {viewer.user_id}
    if viewer.user_id is None or not known:
        return set()
    return await blocks.blocked_among(db, viewer.user_id, known)


async def blockers_among(db: AsyncSession, ids: Collection[int], actor_id: int | None) -> set[int]:
    """Return who of these people wants to hear nothing from somebody."""
    if actor_id is None or not ids:
        return set()
    return await blocks.blockers_among(db, ids, actor_id)


async def check_not_blocked(db: AsyncSession, viewer: Viewer, owner_id: int | None) -> None:
    """Pass unless the person whose place it is has blocked the viewer.

    Raises:
        ForbiddenError: they have.
    """
    if viewer.user_id is None or owner_id in {None, viewer.user_id}:
        return
    if viewer.is_admin or viewer.is_moderator:
        return
    if await blockers_among(db, [owner_id or 0], viewer.user_id):
        raise ForbiddenError(
            _("You cannot do this here: whose page this is has blocked you."),
            fix=_("You can still read it."),
            code="blocked",
        )
