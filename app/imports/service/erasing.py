"""Forgetting a person who has left."""

from app.accounts.service import Gone
from app.core.db import AsyncSession
from app.imports import queries


async def erase_person(db: AsyncSession, gone: Gone) -> None:
    """Forget what the person has imported, and from where."""
    await queries.delete_imports_of(db, gone.user_id)
