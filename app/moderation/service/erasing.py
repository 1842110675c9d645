"""Forgetting a person who has left."""

from app.accounts.service import Gone
from app.core.db import AsyncSession
from app.moderation import queries


async def erase_person(db: AsyncSession, gone: Gone) -> None:
    """Forget what a removed spammer said about themselves; nobody gives it back to them now."""
    for act in await queries.purges_of(db, gone.user_id):
        act.data = {key: value for key, value in act.data.items() if key != "profile"}
