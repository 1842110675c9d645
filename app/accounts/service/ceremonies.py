"""Sign-ins that take more than one step: what is remembered in between, and by whom it is taken.

The key lies in a cookie of the browser that began, so nobody else can go on from there.
"""

from datetime import timedelta
from typing import Any

from app.accounts.queries import factors as queries
from app.accounts.schemas import Step
from app.accounts.tables import Ceremony
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import GoneError
from app.core.i18n import _
from app.core.security import new_token, token_hash

CEREMONY_LIFETIME = timedelta(minutes=10)


async def begin(db: AsyncSession, step: Step, user_id: int | None = None, **data: Any) -> str:
    """Remember `data` for the next step and return the key to it."""
    await queries.delete_old_ceremonies(db, now())
    secret = new_token("tfx")
    db.add(
        Ceremony(
            token_hash=token_hash(secret),
            step=step,
            user_id=user_id,
            data=data,
            expires_at=now() + CEREMONY_LIFETIME,
        )
    )
    await db.flush()
    return secret


async def look(db: AsyncSession, step: Step, secret: str) -> Ceremony:
    """Return what was remembered, and leave it for another try.

    Raises:
        GoneError: it was taken, or is too old, or this browser did not begin it.
    """
    found = await queries.ceremony(db, step, token_hash(secret))
    if found is None:
        raise _over()
    return found


async def take(db: AsyncSession, step: Step, secret: str) -> Ceremony:
    """Return what was remembered and forget it: of many who come at once one gets it.

    Raises:
        GoneError: it was taken, or is too old, or this browser did not begin it.
    """
    found = await queries.take_ceremony(db, step, token_hash(secret))
    if found is None:
        raise _over()
    return found


def _over() -> GoneError:
    return GoneError(_("This took too long, or was done already."), fix=_("Begin again."))
