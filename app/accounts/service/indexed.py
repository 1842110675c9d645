"""What the index of the site knows of people and organisations."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.accounts import queries
from app.accounts.names import name_key
from app.accounts.queries import beginnings, changed_since, is_account
from app.accounts.schemas import AccountKind, AccountRef
from app.accounts.service.refs import ref
from app.core.db import AsyncSession

__all__ = ["AccountText", "account_texts", "changed_since", "is_account", "names_beginning"]


@dataclass(frozen=True)
class AccountText:
    """An account in the words that everybody may read."""

    id: int
    name: str
    kind: AccountKind
    display_name: str
    about: str
    created_at: datetime
    changed_at: datetime


async def account_texts(db: AsyncSession, ids: Collection[int]) -> list[AccountText]:
    """Return accounts in words."""
    return [
        AccountText(
            id=row.id,
            name=row.name,
            kind=row.kind,
            display_name=row.display_name,
            about=bio or description or "",
            created_at=row.created_at,
            changed_at=row.changed_at,
        )
        for row, bio, description in await queries.whole_accounts(db, ids)
    ]


async def names_beginning(db: AsyncSession, prefix: str, limit: int) -> Sequence[AccountRef]:
    """Return accounts whose name, or else other name, begins so, in any case."""
    named = await beginnings.names_beginning(db, name_key(prefix), limit)
    shown = await beginnings.display_names_beginning(db, prefix, limit)
    found = {row.id: ref(row) for row in (*named, *shown)}
    return list(found.values())[:limit]
