"""Keeping the index up to date beside the requests."""

import asyncio

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError

from app.core.db import Database
from app.core.errors import AppError
from app.core.events import EventBus
from app.core.storage import BlobStore
from app.discussions.events import (
    CommentChanged,
    Commented,
    DiscussionChanged,
    DiscussionOpened,
    StatusChanged,
)
from app.hub.events import CommitPushed, RepositoryChanged, RepositoryCreated
from app.questions.events import (
    AnswerAccepted,
    AnswerPosted,
    PostEdited,
    QuestionAsked,
    QuestionChanged,
)
from app.search import service
from app.tutorials.events import TutorialPublished

log = structlog.get_logger(__name__)

EVERY_S = 30.0
# While a site indexes everything anew, most of its time is left to its readers.
REST = 2.0


def subscribe(events: EventBus, news: asyncio.Event) -> None:
    """Look for changes at once when there is news of one."""

    async def ring(_event: object) -> None:
        news.set()

    for kind in (
        RepositoryCreated,
        RepositoryChanged,
        CommitPushed,
        DiscussionOpened,
        Commented,
        CommentChanged,
        DiscussionChanged,
        StatusChanged,
        TutorialPublished,
        QuestionAsked,
        AnswerPosted,
        AnswerAccepted,
        PostEdited,
        QuestionChanged,
    ):
        events.subscribe(kind, ring)


async def run_indexer(app: FastAPI) -> None:
    """Index what changed: now, after news, and twice a minute whatever became of the news."""
    news: asyncio.Event = app.state.search_news
    database: Database = app.state.database
    storage: BlobStore = app.state.storage
    while True:
        news.clear()
        try:
            await service.catch_up(database, storage, REST)
        except (AppError, DBAPIError) as error:
            log.warning("search_indexing_postponed", reason=type(error).__name__)
        try:
            async with asyncio.timeout(EVERY_S):
                await news.wait()
        except TimeoutError:
            continue
