"""Addresses of feeds that hold what only one person may read: signed, and taken back at will."""

from fastapi import Request

from app.accounts import service as accounts
from app.core.db import AsyncSession
from app.core.errors import UnauthorizedError
from app.core.feeds import KEY, is_feed
from app.core.i18n import _
from app.core.security import Scope, Viewer, sign, verify
from app.core.settings import Settings
from app.notifications import policy
from app.notifications.queries import choices as queries

TOKEN_NAME = "feed"  # noqa: S105  # what the credential is called
_PURPOSE = "feed"
_SCOPES = frozenset({Scope.REPOS_READ})


async def key_of(db: AsyncSession, settings: Settings, viewer: Viewer) -> str:
    """Return the viewer's key, empty if they have none."""
    person_id = policy.require_person(viewer)
    row = await queries.feed_key(db, person_id)
    return _key(settings, person_id, row.number) if row and row.is_open else ""


async def renew(db: AsyncSession, settings: Settings, viewer: Viewer) -> str:
    """Give the viewer another key; the one before is worth nothing then."""
    person_id = policy.require_person(viewer)
    return _key(settings, person_id, await queries.renew_feed_key(db, person_id))


async def revoke(db: AsyncSession, viewer: Viewer) -> None:
    """Take the viewer's key back, for good."""
    await queries.close_feed_key(db, policy.require_person(viewer))


def _key(settings: Settings, person_id: int, number: int) -> str:
    message = f"{person_id}.{number}"
    return f"{message}.{sign(settings.secret_key.get_secret_value(), _PURPOSE, message)}"


async def authenticate(db: AsyncSession, request: Request) -> Viewer | None:
    """Return whose feed is asked for; the key opens feeds and nothing else, for reading.

    Raises:
        UnauthorizedError: the key is not one of ours, or was taken back.
    """
    key = request.query_params.get(KEY, "")
    if not key or not is_feed(request):
        return None
    message, _dot, signature = key.rpartition(".")
    secret = request.app.state.settings.secret_key.get_secret_value()
    if signature.isascii() and verify(secret, _PURPOSE, message, signature):
        person_id, _dot, number = message.partition(".")
        row = await queries.feed_key(db, int(person_id))
        if row is not None and row.is_open and row.number == int(number):
            viewer = await accounts.viewer_of(db, row.person_id, _SCOPES, TOKEN_NAME)
            if viewer is not None:
                return viewer
    raise UnauthorizedError(
        _("This address of a feed is not valid any more."),
        fix=_("Make a new one under Settings, Feeds."),
    )
