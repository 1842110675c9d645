"""Forgetting a person who has left."""

from app.accounts.service import Gone
from app.core.db import AsyncSession
from app.questions.queries import posts


async def erase_person(db: AsyncSession, gone: Gone) -> None:
    """Forget what the person has begun to write; what they published stays."""
    await posts.delete_drafts_of(db, gone.user_id)
