"""Asking of a part of the site whether it is switched on for a person."""

from app.accounts import queries
from app.core.db import AsyncSession
from app.core.runtime import Flag, switches_of


async def require_switch(db: AsyncSession, flag: Flag, account_id: int | None) -> None:
    """Pass only if a part of the site is on for this person; usually it is on for everybody.

    Raises:
        ForbiddenError: it is not; in the reader's language.
    """
    switches = switches_of(db)
    if switches.is_open_to_all(flag):
        return
    found = await queries.person_by_id(db, account_id) if account_id is not None else None
    switches.require(flag, found.account.name if found else "")
