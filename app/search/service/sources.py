"""What there is to find of each feature, as texts for the index: a small class for each.

A new source is a class here with these four, and a place in `SOURCES`:

* `name`, under which is remembered how far it has been read, and `kinds`, of what it gives texts;
* `changed`: (moment, id) of at most `limit` things that changed after a moment and id, the earliest
  first; it needs an index over (moment, id), as it is asked twice a minute;
* `read`: the texts of things by id, in a fixed number of statements however many things there are.
  A text for each part with a place of its own. What is in no text any more is forgotten;
* `is_visible`: the condition, asked whenever something is found, that a thing that belongs to no
  repository is still there and that a viewer may see it. For one that belongs to a repository
  (`Draft.repository_id`) the repository decides, and nothing need be said.

Names of private things never go into a text that other people may find: what a text says is
public as soon as the thing it belongs to is.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, true

from app.accounts.service import indexed as accounts
from app.collections import service as collections
from app.core.db import AsyncSession
from app.core.security import Viewer
from app.core.storage import BlobStore
from app.discussions import service as discussions
from app.hub import service as hub
from app.jobs.service import indexed as jobs
from app.questions import service as questions
from app.search.schemas import Draft, Kind
from app.search.service import drafts
from app.tutorials import service as tutorials

Moments = Sequence[tuple[datetime, int]]


async def _made(texts: Iterable[Draft]) -> list[Draft]:
    """Return texts made beside the event loop: reading them for their language takes a while."""
    return await asyncio.to_thread(list, texts)


class Source:
    """Where texts come from."""

    name: str
    kinds: tuple[Kind, ...]

    async def changed(
        self, db: AsyncSession, moment: datetime, after_id: int, limit: int
    ) -> Moments:
        """Return what changed after a moment, the earliest first."""
        raise NotImplementedError

    async def read(self, db: AsyncSession, storage: BlobStore, ids: Sequence[int]) -> list[Draft]:
        """Return the texts of these things."""
        raise NotImplementedError

    def is_visible(self, viewer: Viewer, subject_id: Any) -> ColumnElement[bool]:
        """Return the condition that the viewer may see what belongs to no repository."""
        del viewer, subject_id
        return true()

    def things(self, ids: Collection[int]) -> list[tuple[Kind, int]]:
        """Return what texts of these ids may be of."""
        return [(kind, number) for kind in self.kinds for number in ids]


class Repositories(Source):
    """Models and data sets, each with its card."""

    name = "repositories"
    kinds = (Kind.MODEL, Kind.DATASET)

    async def changed(
        self, db: AsyncSession, moment: datetime, after_id: int, limit: int
    ) -> Moments:
        """Return what changed after a moment, the earliest first."""
        return await hub.changed_since(db, moment, after_id, limit)

    async def read(self, db: AsyncSession, storage: BlobStore, ids: Sequence[int]) -> list[Draft]:
        """Return the texts of these things."""
        found = await hub.repositories_by_id(db, list(ids))
        cards = await hub.card_texts(db, storage, list(found))
        return await _made(
            drafts.of_repository(row, cards.get(number, "")) for number, row in found.items()
        )


class Tutorials(Source):
    """The newest text of each tutorial in each language, cut at its sections."""

    name = "tutorials"
    kinds = (Kind.TUTORIAL,)

    async def changed(
        self, db: AsyncSession, moment: datetime, after_id: int, limit: int
    ) -> Moments:
        """Return what changed after a moment, the earliest first."""
        return await tutorials.changed_since(db, moment, after_id, limit)

    async def read(self, db: AsyncSession, storage: BlobStore, ids: Sequence[int]) -> list[Draft]:
        """Return the texts of these things."""
        del storage
        texts = await tutorials.newest_texts(db, ids)
        return await _made(draft for found in texts for draft in drafts.of_tutorial(found))

    def is_visible(self, viewer: Viewer, subject_id: Any) -> ColumnElement[bool]:
        """Return the condition that the viewer may see what belongs to no repository."""
        del viewer
        return tutorials.is_shown(subject_id)


class Discussions(Source):
    """Discussions and pull requests, a text for each comment."""

    name = "discussions"
    kinds = (Kind.DISCUSSION,)

    async def changed(
        self, db: AsyncSession, moment: datetime, after_id: int, limit: int
    ) -> Moments:
        """Return what changed after a moment, the earliest first."""
        return await discussions.changed_since(db, moment, after_id, limit)

    async def read(self, db: AsyncSession, storage: BlobStore, ids: Sequence[int]) -> list[Draft]:
        """Return the texts of these things."""
        del storage
        found = await discussions.whole_discussions(db, ids)
        owners = list({one.repository_id for one, _ in found})
        repositories = await hub.repositories_by_id(db, owners)
        return await _made(
            draft
            for one, comments in found
            if (row := repositories.get(one.repository_id)) is not None
            for draft in drafts.of_discussion(one, comments, row)
        )


class Collections(Source):
    """Collections, without the names of what stands in them: some of that may be private."""

    name = "collections"
    kinds = (Kind.COLLECTION,)

    async def changed(
        self, db: AsyncSession, moment: datetime, after_id: int, limit: int
    ) -> Moments:
        """Return what changed after a moment, the earliest first."""
        return await collections.changed_since(db, moment, after_id, limit)

    async def read(self, db: AsyncSession, storage: BlobStore, ids: Sequence[int]) -> list[Draft]:
        """Return the texts of these things."""
        del storage
        found = await collections.collection_texts(db, ids)
        return await _made(drafts.of_collection(row) for row in found)

    def is_visible(self, viewer: Viewer, subject_id: Any) -> ColumnElement[bool]:
        """Return the condition that the viewer may see what belongs to no repository."""
        return collections.is_visible(viewer, subject_id)


class Jobs(Source):
    """Jobs, for those who may steer them: what was asked for, of what, and why it failed."""

    name = "jobs"
    kinds = (Kind.JOB,)

    async def changed(
        self, db: AsyncSession, moment: datetime, after_id: int, limit: int
    ) -> Moments:
        """Return what changed after a moment, the earliest first."""
        return await jobs.changed_since(db, moment, after_id, limit)

    async def read(self, db: AsyncSession, storage: BlobStore, ids: Sequence[int]) -> list[Draft]:
        """Return the texts of these things."""
        del storage
        return [drafts.of_job(found) for found in await jobs.job_texts(db, ids)]

    def is_visible(self, viewer: Viewer, subject_id: Any) -> ColumnElement[bool]:
        """Return the condition that the viewer may see what belongs to no repository."""
        return jobs.is_visible(viewer, subject_id)


class Accounts(Source):
    """People and organisations, by their names and what they say about themselves."""

    name = "accounts"
    kinds = (Kind.ACCOUNT,)

    async def changed(
        self, db: AsyncSession, moment: datetime, after_id: int, limit: int
    ) -> Moments:
        """Return what changed after a moment, the earliest first."""
        return await accounts.changed_since(db, moment, after_id, limit)

    async def read(self, db: AsyncSession, storage: BlobStore, ids: Sequence[int]) -> list[Draft]:
        """Return the texts of these things."""
        del storage
        return [drafts.of_account(found) for found in await accounts.account_texts(db, ids)]

    def is_visible(self, viewer: Viewer, subject_id: Any) -> ColumnElement[bool]:
        """Return the condition that the viewer may see what belongs to no repository."""
        del viewer
        return accounts.is_account(subject_id)


class Questions(Source):
    """Questions and their answers; what was hidden is in no text."""

    name = "questions"
    kinds = (Kind.QUESTION,)

    async def changed(
        self, db: AsyncSession, moment: datetime, after_id: int, limit: int
    ) -> Moments:
        """Return what changed after a moment, the earliest first."""
        return await questions.changed_since(db, moment, after_id, limit)

    async def read(self, db: AsyncSession, storage: BlobStore, ids: Sequence[int]) -> list[Draft]:
        """Return the texts of these things."""
        del storage
        found = await questions.whole_questions(db, ids)
        return await _made(
            draft for row, posts in found for draft in drafts.of_question(row, posts)
        )

    def is_visible(self, viewer: Viewer, subject_id: Any) -> ColumnElement[bool]:
        """Return the condition that the viewer may see what belongs to no repository."""
        del viewer
        return questions.is_shown(subject_id)


SOURCES: tuple[Source, ...] = (
    Repositories(),
    Tutorials(),
    Discussions(),
    Collections(),
    Jobs(),
    Accounts(),
    Questions(),
)
