"""What discussions do when something happens elsewhere."""

from app.comments import service as comments
from app.core.db import Database
from app.core.events import EventBus
from app.discussions.service.opening import SUBJECT
from app.hub.events import RepositoryDeleted


def subscribe(events: EventBus, database: Database) -> None:
    """Remove the threads of a repository that was deleted; its discussions went with it."""

    async def forget(event: RepositoryDeleted) -> None:
        async with database.transaction() as db:
            await comments.delete_threads(db, SUBJECT, event.repository_id)

    events.subscribe(RepositoryDeleted, forget)
