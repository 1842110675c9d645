"""What discussions do when something happens elsewhere."""

from app.comments import service as comments
from app.comments.events import CommentHeld, CommentHidden, CommentReleased
from app.core.db import AsyncSession, Database
from app.core.events import EventBus
from app.discussions.service import note_decision, rename_commits
from app.discussions.service.opening import SUBJECT
from app.hub.events import HistoryRewritten, RepositoryDeleted


def subscribe(events: EventBus, database: Database) -> None:
    """Remove the threads of repositories that go, and follow histories that are rewritten.

    The discussions themselves go with their repository.
    """

    async def forget(event: RepositoryDeleted) -> None:
        async with database.transaction() as db:
            await comments.delete_threads(db, SUBJECT, event.repository_id)

    async def follow(event: HistoryRewritten) -> None:
        async with database.transaction() as db:
            await rename_commits(db, event.repository_id, event.renamed)

    async def note(db: AsyncSession, event: CommentHeld | CommentReleased | CommentHidden) -> None:
        await note_decision(db, event)

    events.subscribe_inside(CommentHeld, note)
    events.subscribe_inside(CommentReleased, note)
    events.subscribe_inside(CommentHidden, note)
    events.subscribe(RepositoryDeleted, forget)
    events.subscribe(HistoryRewritten, follow)
