"""Forgetting a person who has left."""

from app.accounts.service import Gone
from app.core.db import AsyncSession
from app.webhooks import queries


async def erase_person(db: AsyncSession, gone: Gone) -> None:
    """Forget a person's webhooks with their addresses and secrets."""
    await queries.forget_person(db, gone.user_id, gone.new_name)
