"""Forgetting a person who has left."""

from app.accounts.service import Gone
from app.core.db import AsyncSession
from app.tutorials import queries


async def erase_person(db: AsyncSession, gone: Gone) -> None:
    """Forget what the person read and left unpublished; what they published stays, nameless."""
    await queries.forget_person(db, gone.user_id)
