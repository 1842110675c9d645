"""Forgetting a person who has left."""

from app.accounts.service import Gone
from app.core.db import AsyncSession
from app.search.queries import writing


async def erase_person(db: AsyncSession, gone: Gone) -> None:
    """Forget texts under the person's name; what stays is indexed anew without it."""
    await writing.forget_author(db, gone.old_name, gone.user_id)
