"""Looking up many people at once, for those who tell them something."""

from collections.abc import Collection

from app.accounts import queries
from app.accounts.schemas import AccountKind, AccountRef, PersonRef
from app.accounts.service.refs import ref
from app.core.db import AsyncSession


async def people_by_id(db: AsyncSession, ids: Collection[int]) -> dict[int, PersonRef]:
    """Return those of the people who exist, by id."""
    return {
        found.account.id: PersonRef(
            id=found.account.id,
            name=found.account.name,
            email=found.user.email,
            language=found.user.language,
            # Nobody reads what is sent to somebody who has left.
            is_suspended=found.user.is_suspended or found.user.erased_at is not None,
            is_confirmed=found.user.email_confirmed_at is not None,
        )
        for found in await queries.people_by_id(db, ids)
    }


async def people_named(db: AsyncSession, names: Collection[str]) -> list[AccountRef]:
    """Return the people of these names in any case; organisations are none."""
    found = await queries.accounts_by_name(db, names) if names else ()
    return [ref(account) for account in found if account.kind is AccountKind.USER]


async def stewards_of(db: AsyncSession, owner: AccountRef) -> set[int]:
    """Return who looks after what this account owns: the person, or the administrators."""
    if owner.kind is AccountKind.USER:
        return {owner.id}
    return set(await queries.admins_of(db, owner.id))
