"""Ending letters with one click: an address for each person and kind, which ends only that kind."""

from dataclasses import dataclass

from app.accounts import service as accounts
from app.core.db import AsyncSession
from app.core.errors import NotFoundError
from app.core.i18n import _
from app.core.security import sign, verify
from app.core.settings import Settings
from app.notifications.queries import choices as queries
from app.notifications.schemas import DEFAULTS, Choice, Kind, Pace

_PURPOSE = "unsubscribe"
# A gathered letter has many kinds: its own address ends the letter, whatever it would hold.
GATHERED = (Pace.DAILY, Pace.WEEKLY)


@dataclass(frozen=True)
class Subscription:
    """What an address ends: one kind, or the gathered letters of one pace."""

    person_id: int
    name: str
    kind: Kind | None = None
    pace: Pace | None = None


def site_address(settings: Settings) -> str:
    """Return where the site is; no request stands behind a letter."""
    return (settings.site_url or f"http://{settings.host}:{settings.port}").rstrip("/")


def token_for(settings: Settings, person_id: int, what: Kind | Pace) -> str:
    """Return the last part of an address that ends letters."""
    message = f"{person_id}.{what.value}"
    return f"{message}.{sign(settings.secret_key.get_secret_value(), _PURPOSE, message)}"


def address(settings: Settings, person_id: int, what: Kind | Pace) -> str:
    """Return the address that ends letters."""
    token = token_for(settings, person_id, what)
    return f"{site_address(settings)}/notifications/unsubscribe/{token}"


async def subscription(db: AsyncSession, settings: Settings, token: str) -> Subscription:
    """Return what an address ends.

    Raises:
        NotFoundError: we did not make it, or the person has left.
    """
    message, _dot, signature = token.rpartition(".")
    number, _dot, word = message.partition(".")
    key = settings.secret_key.get_secret_value()
    if not signature.isascii() or not verify(key, _PURPOSE, message, signature):
        raise _unknown()
    people = await accounts.people_by_id(db, [int(number)])
    if int(number) not in people:
        raise _unknown()
    person = people[int(number)]
    if word in {pace.value for pace in GATHERED}:
        return Subscription(person.id, person.name, pace=Pace(word))
    return Subscription(person.id, person.name, kind=Kind(word))


def _unknown() -> NotFoundError:
    return NotFoundError(
        _("This address ends no letters."), fix=_("Sign in and choose under Settings.")
    )


async def end(db: AsyncSession, what: Subscription) -> None:
    """End letters of a kind, or the gathered letters of a pace; doing it again changes nothing."""
    rows = await queries.preferences_of(db, what.person_id)
    chosen = {**DEFAULTS, **{row.kind: Choice(row.in_app, row.mail) for row in rows}}
    for kind, choice in chosen.items():
        if kind is what.kind or (what.pace is not None and choice.mail is what.pace):
            await queries.set_preference(db, what.person_id, kind, Choice(choice.in_app, Pace.OFF))
    await queries.forget_letters(db, what.person_id, what.kind, what.pace)
