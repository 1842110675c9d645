"""Proving again who one is, before a dangerous act."""

from datetime import timedelta

from app.accounts import queries
from app.accounts.passwords import verify_password
from app.accounts.service.people import person
from app.accounts.tables import LoginSession
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ConfirmationNeededError, Detail, InvalidError
from app.core.i18n import _
from app.core.security import Viewer

FRESH = timedelta(minutes=15)


def require_confirmed(viewer: Viewer) -> int:
    """Return the person's id if they proved who they are within the last 15 minutes.

    For acts that cannot be taken back, in settings and on administrators' screens. A browser is
    sent to /confirm and comes back; a program's token never passes.

    Raises:
        UnauthorizedError: nobody is signed in.
        ConfirmationNeededError: the proof is too old, or there is none.
    """
    user_id = viewer.require_user()
    if viewer.confirmed_at is None or viewer.confirmed_at < now() - FRESH:
        raise ConfirmationNeededError(
            _("Prove once more that it is you."),
            fix=_("Open /confirm in the browser that you are signed in with."),
        )
    return user_id


async def confirm_by_password(db: AsyncSession, viewer: Viewer, password: str) -> None:
    """Accept the password as proof for this browser's session.

    Raises:
        InvalidError: it is wrong, or the person has none.
    """
    found = await person(db, viewer.require_user())
    if not await verify_password(password, found.user.password_hash):
        problem = _("This is not your current password.")
        raise InvalidError(problem, code="wrong_password", details=[Detail("password", problem)])
    await mark_confirmed(db, viewer)


async def mark_confirmed(db: AsyncSession, viewer: Viewer) -> None:
    """Note that the person behind this session has just proved who they are."""
    if viewer.session_id is not None:
        session = await queries.login_session_by_id(db, viewer.session_id)
        _touch(session)
        await db.flush()


def _touch(session: LoginSession | None) -> None:
    if session is not None:
        session.confirmed_at = now()
