"""What administrators do to an account: one audit row each, with what was so before and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.accounts import service as accounts
from app.accounts.schemas import Site, StandingView
from app.accounts.service import managing
from app.core import audit
from app.core.audit import AuditEntry
from app.core.db import AsyncSession
from app.core.errors import ConflictError, NotFoundError
from app.core.i18n import _

_SHOWN = 20


class Act(StrEnum):
    """What can be done to somebody's account."""

    MAKE_ADMIN = "make_admin"
    TAKE_ADMIN = "take_admin"
    MAKE_MODERATOR = "make_moderator"
    TAKE_MODERATOR = "take_moderator"
    SIGN_OUT = "sign_out"
    REVOKE_TOKENS = "revoke_tokens"
    RESET_FACTORS = "reset_factors"
    ANONYMISE = "anonymise"


@dataclass(frozen=True)
class PersonView:
    """A person as administrators see them."""

    found: Any
    sessions: Sequence[Any]
    tokens: Sequence[Any]
    factors: Any
    standings: Sequence[StandingView]
    organizations: Sequence[Any]
    acts: Sequence[AuditEntry]


def target(user_id: int) -> str:
    """Return the name under which an account stands in the audit."""
    return f"account:{user_id}"


async def person_named(db: AsyncSession, name: str) -> Any:
    """Return a person's rows.

    Raises:
        NotFoundError: nobody is called so.
    """
    account = await accounts.find_account(db, name)
    if account is None:
        raise NotFoundError(_("There is no such account."))
    return await accounts.person(db, account.id)


async def look_at(db: AsyncSession, name: str) -> PersonView:
    """Return what administrators know of a person.

    Raises:
        NotFoundError: nobody is called so.
    """
    found = await person_named(db, name)
    number = found.account.id
    return PersonView(
        found=found,
        sessions=await accounts.sessions_of(db, number),
        tokens=await accounts.tokens_of(db, number),
        factors=await accounts.factors_of(db, number),
        standings=[one for one in await accounts.standings_of(db, number) if not one.is_over],
        organizations=await accounts.organizations_of(db, number),
        acts=await audit.entries(db, target=target(number), limit=_SHOWN),
    )


async def act(db: AsyncSession, actor_id: int | None, site: Site, user_id: int, what: Act) -> bool:
    """Do something to an account; False if it was so already, and then nothing is written down.

    Raises:
        NotFoundError: there is no such person.
        ConflictError: the site, or an organisation, would be left without an administrator.
    """
    before, after = await _done(db, actor_id, site, user_id, what)
    if before == after:
        return False
    await audit.record(
        db, actor_id, f"users.{what.value}", target(user_id), before=before, after=after
    )
    return True


Told = dict[str, Any]


async def _done(
    db: AsyncSession, actor_id: int | None, site: Site, user_id: int, what: Act
) -> tuple[Told, Told]:
    found = await accounts.person(db, user_id)
    if what in {Act.MAKE_ADMIN, Act.TAKE_ADMIN}:
        wanted = what is Act.MAKE_ADMIN
        if actor_id == user_id and not wanted:
            raise ConflictError(_("Let another administrator take your own role away."))
        was = await managing.set_admin(db, user_id, is_admin=wanted)
        return {"is_admin": was}, {"is_admin": wanted}
    if what in {Act.MAKE_MODERATOR, Act.TAKE_MODERATOR}:
        wanted, was = what is Act.MAKE_MODERATOR, found.user.is_moderator
        await accounts.set_moderator(db, user_id, moderates=wanted)
        return {"is_moderator": was}, {"is_moderator": wanted}
    if what is Act.SIGN_OUT:
        number = len(await accounts.sessions_of(db, user_id))
        await accounts.sign_out_elsewhere(db, user_id, None)
        return {"sessions": number}, {"sessions": 0}
    if what is Act.REVOKE_TOKENS:
        return {"tokens": await managing.revoke_tokens(db, user_id)}, {"tokens": 0}
    if what is Act.RESET_FACTORS:
        factors = await accounts.factors_of(db, user_id)
        had = {"totp": bool(factors.totp), "passkeys": len(factors.passkeys)}
        if factors.any:
            await accounts.reset_factors(db, site, user_id)
        return had, {"totp": False, "passkeys": 0}
    leaving = accounts.leaves_at(found.user)
    await managing.erase_soon(db, user_id)
    return {"leaves": leaving}, {"leaves": True, "at": "now"}


async def note_export(db: AsyncSession, actor_id: int | None, user_id: int) -> None:
    """Write down that somebody's data was taken."""
    await audit.record(db, actor_id, "users.exported", target(user_id), after={"format": "zip"})
