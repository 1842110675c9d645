"""What administrators do with people's accounts."""

from collections.abc import Sequence
from datetime import datetime

import structlog

from app.accounts import queries
from app.accounts.events import SignedOut
from app.accounts.queries import Person, managing, personal
from app.accounts.service.erasing import check_replaceable
from app.accounts.service.people import person
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ConflictError, NotFoundError
from app.core.events import emit
from app.core.i18n import _

log = structlog.get_logger(__name__)

PAGE = 50


async def num_joined_since(db: AsyncSession, moment: datetime, most: int) -> int:
    """Return how many people joined since a moment, counted among the newest `most` accounts."""
    return await managing.num_joined(db, moment, most)


async def find_people(
    db: AsyncSession, words: str = "", role: str = "", before: int | None = None
) -> Sequence[Person]:
    """Return a page of people, and one more if there are more; the newest first."""
    return await managing.people(db, words.strip(), role, before, PAGE + 1)


async def set_admin(db: AsyncSession, user_id: int, *, is_admin: bool) -> bool:
    """Let somebody administer the site, or no more; return whether they did.

    Raises:
        NotFoundError: there is no such person.
        ConflictError: nobody would be left to administer it.
    """
    user = await queries.person_to_change(db, user_id)
    if user is None:
        raise NotFoundError(_("There is no such person."))
    was = user.is_admin
    if was and not is_admin and not await personal.another_admin_exists(db, user_id):
        raise ConflictError(
            _("This is the only administrator of the site."),
            fix=_("Make somebody else administrator first."),
            code="last_admin",
        )
    user.is_admin = is_admin
    await db.flush()
    log.info("admin_set", user_id=user_id, is_admin=is_admin)
    return was


async def revoke_tokens(db: AsyncSession, user_id: int) -> int:
    """End every token of a person at once; return how many there were."""
    tokens = await queries.access_tokens_of(db, user_id)
    for token in tokens:
        await queries.delete_access_token(db, user_id, token.id)
    return len(tokens)


async def erase_soon(db: AsyncSession, user_id: int) -> None:
    """Let a person be forgotten without the week to change their mind.

    Raises:
        ConflictError: an organisation, or the site, would be left without an administrator.
    """
    found = await person(db, user_id)
    await check_replaceable(db, found)
    found.user.erased_from = now()
    await queries.delete_login_sessions(db, user_id, None)
    emit(db, SignedOut(user_id))
    await db.flush()
    log.info("erasure_ordered", user_id=user_id)
