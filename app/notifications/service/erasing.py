"""Forgetting a person who has left."""

from app.accounts.service import Gone
from app.core.db import AsyncSession
from app.notifications.queries import erasing


async def erase_person(db: AsyncSession, gone: Gone) -> None:
    """Forget what the person was told, and what they wished to be told."""
    await erasing.delete_all_of(db, gone.user_id)
