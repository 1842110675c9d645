"""Hearing the news of repositories and discussions, and the loop that sends the messages."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError

from app.core.db import AsyncSession, Database
from app.core.errors import AppError, NotFoundError
from app.core.events import EventBus
from app.core.settings import Settings
from app.discussions import service as discussions
from app.discussions.events import (
    CommentChanged,
    Commented,
    DiscussionChanged,
    DiscussionOpened,
    StatusChanged,
)
from app.hub import service as hub
from app.hub.events import (
    CommitPushed,
    RefChanged,
    RepositoryChanged,
    RepositoryCreated,
    RepositoryDeleted,
)
from app.webhooks import service
from app.webhooks.schemas import News

log = structlog.get_logger(__name__)

# Another process may have written the message; this one looks as often.
EVERY_S = 2.0
_TIDY_EVERY = 1800

_Writer = Callable[[AsyncSession], Awaitable[News | None]]
_TalkEvent = DiscussionOpened | DiscussionChanged | StatusChanged | Commented | CommentChanged


class Outbox:
    """Turns events into messages, and tells the loop of this process that there are some."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self.filled = asyncio.Event()

    async def _write(self, writer: _Writer) -> None:
        """Write the messages; the request whose news it is never fails because of them."""
        try:
            async with self._database.transaction() as db:
                news = await writer(db)
                written = await service.publish(db, news) if news else 0
        except (AppError, DBAPIError) as error:
            log.warning("webhook_news_lost", reason=type(error).__name__)
            return
        if written:
            self.filled.set()

    async def _repository_news(
        self, repository_id: int, action: str, scope: str, extra: dict[str, object]
    ) -> None:
        async def writer(db: AsyncSession) -> News | None:
            found = (await hub.repositories_by_id(db, [repository_id])).get(repository_id)
            if found is None:
                return None
            return service.repository_news(self._settings, found, action, scope, **extra)

        await self._write(writer)

    async def created(self, event: RepositoryCreated) -> None:
        """Tell of a new repository."""
        await self._repository_news(event.repository_id, "create", "repo", {})

    async def changed(self, event: RepositoryChanged) -> None:
        """Tell that a repository has another name, or other settings."""
        if not event.old_full_name:
            await self._repository_news(event.repository_id, "update", "repo.config", {})
            return

        async def writer(db: AsyncSession) -> News | None:
            found = await hub.repositories_by_id(db, [event.repository_id])
            repository = found.get(event.repository_id)
            if repository is None:
                return None
            news = service.repository_news(self._settings, repository, "move", "repo")
            told = news.payload["repo"]
            news.payload["movedTo"] = {"name": told["name"], "owner": told["owner"]}
            news.payload["repo"] = {**told, "name": event.old_full_name}
            return news

        await self._write(writer)

    async def deleted(self, event: RepositoryDeleted) -> None:
        """Tell that a repository is gone."""

        async def writer(_db: AsyncSession) -> News | None:
            return service.gone_news(self._settings, event)

        await self._write(writer)

    async def pushed(self, event: CommitPushed) -> None:
        """Tell from where to where a branch went."""
        name = event.branch
        ref = name if name.startswith("refs/") else f"refs/heads/{name}"
        await self._ref_news(event.repository_id, ref, event.old_oid, event.oid)

    async def ref_changed(self, event: RefChanged) -> None:
        """Tell that a branch or a tag came, went or moved."""
        await self._ref_news(event.repository_id, event.ref, event.old_oid, event.new_oid)

    async def _ref_news(self, repository_id: int, ref: str, old: str, new: str) -> None:
        updated = {"ref": ref, "oldSha": old or None, "newSha": new or None}
        extra: dict[str, object] = {"updatedRefs": [updated]}
        await self._repository_news(repository_id, "update", "repo.content", extra)

    async def talked(self, event: _TalkEvent) -> None:
        """Tell of a discussion, a pull request, or a comment."""
        action = "create" if isinstance(event, DiscussionOpened | Commented) else "update"

        async def writer(db: AsyncSession) -> News | None:
            found = (await hub.repositories_by_id(db, [event.repository_id])).get(
                event.repository_id
            )
            if found is None:
                return None
            try:
                discussion = await discussions.get_discussion(db, found, event.num)
                comment = None
                if isinstance(event, Commented | CommentChanged):
                    comment = await discussions.find_comment(db, discussion, event.comment_id)
            except NotFoundError:
                return None
            return service.discussion_news(self._settings, found, action, discussion, comment)

        await self._write(writer)


def subscribe(events: EventBus, app: FastAPI) -> None:
    """Listen to the hub and to discussions; `app.state.outbox` wakes this process's loop."""
    outbox = Outbox(app.state.database, app.state.settings)
    app.state.outbox = outbox
    events.subscribe(RepositoryCreated, outbox.created)
    events.subscribe(RepositoryChanged, outbox.changed)
    events.subscribe(RepositoryDeleted, outbox.deleted)
    events.subscribe(CommitPushed, outbox.pushed)
    events.subscribe(RefChanged, outbox.ref_changed)
    events.subscribe(DiscussionOpened, outbox.talked)
    events.subscribe(DiscussionChanged, outbox.talked)
    events.subscribe(StatusChanged, outbox.talked)
    events.subscribe(Commented, outbox.talked)
    events.subscribe(CommentChanged, outbox.talked)


async def run_deliveries(app: FastAPI) -> None:
    """Send messages for as long as the process lives."""
    outbox: Outbox = app.state.outbox
    rounds = 0
    while True:
        outbox.filled.clear()
        try:
            while await service.deliver_due(app.state.database, app.state.settings):
                continue
            if rounds % _TIDY_EVERY == 0:
                async with app.state.database.transaction() as db:
                    await service.forget_old(db)
        except (AppError, DBAPIError) as error:
            log.warning("webhook_round_failed", reason=type(error).__name__)
        rounds += 1
        await _wait(outbox.filled)


async def _wait(filled: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(EVERY_S):
            await filled.wait()
    except TimeoutError:
        return
