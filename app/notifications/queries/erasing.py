"""What notifications know of a person who has been forgotten."""

from sqlalchemy import delete

from app.core.db import AsyncSession
from app.notifications.tables import Decision, FeedKey, Notification, Preference, Wish

_THEIRS = (Notification, Decision, Wish, Preference, FeedKey)


async def delete_all_of(db: AsyncSession, person_id: int) -> None:
    """Forget what the person was told, and what they wished to be told."""
    for kind in _THEIRS:
        await db.execute(delete(kind).where(kind.person_id == person_id))
