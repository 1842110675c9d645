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

import math
import re
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, true

from app.accounts.service import indexed as accounts
from app.accounts.service.indexed import AccountText
from app.collections import service as collections
from app.collections.schemas import slug_of
from app.comments.schemas import CommentView
from app.core.db import AsyncSession
from app.core.security import Viewer
from app.core.storage import BlobStore
from app.discussions import service as discussions
from app.discussions.schemas import DiscussionView, Status
from app.hub import service as hub
from app.hub.service import Repository
from app.jobs.service import indexed as jobs
from app.jobs.service.indexed import JobText
from app.search.schemas import Draft, Kind
from app.search.words import is_chinese
from app.tutorials import service as tutorials
from app.tutorials.schemas import PublishedText

Moments = Sequence[tuple[datetime, int]]

_HEADING = re.compile(r"(?m)^#{1,6} +(.+?) *#*$")
_RECIPE = re.compile(r"(?m)^(?:```|~~~)recipe\b")
_SECTION = re.compile(r"(?m)^(?=## )")
# What is made with care stands before what is only there.
_CARD, _TUTORIAL, _TALK, _COLLECTION, _JOB, _ACCOUNT = 0.2, 0.5, 0.1, 0.3, 0.1, 0.1


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
        return [_repository(row, cards.get(number, "")) for number, row in found.items()]


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
        return [draft for found in texts for draft in _sections(found)]


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
        return [
            draft
            for one, comments in found
            if (row := repositories.get(one.repository_id)) is not None
            for draft in _comments(one, comments, row)
        ]


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
        found = await collections.whole_collections(db, ids)
        return [
            Draft(
                kind=Kind.COLLECTION,
                subject_id=row.id,
                place=f"/collections/{slug_of(owner.name, row.title, row.id)}",
                title=row.title,
                body=row.description,
                author=owner.name,
                language="zh" if is_chinese(f"{row.title} {row.description}") else "",
                owner_id=row.owner_id,
                private=row.private,
                score=row.upvotes,
                quality=_COLLECTION,
                created_at=row.created_at,
                updated_at=row.updated_at,
            )
            for row, owner in found
        ]

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
        return [_job(found) for found in await jobs.job_texts(db, ids)]

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
        return [_account(found) for found in await accounts.account_texts(db, ids)]

    def is_visible(self, viewer: Viewer, subject_id: Any) -> ColumnElement[bool]:
        """Return the condition that the viewer may see what belongs to no repository."""
        del viewer
        return accounts.is_account(subject_id)


SOURCES: tuple[Source, ...] = (
    Repositories(),
    Tutorials(),
    Discussions(),
    Collections(),
    Jobs(),
    Accounts(),
)


def _repository(row: Repository, card: str) -> Draft:
    liked = math.log1p(row.downloads + 3 * row.likes) / 20
    return Draft(
        kind=Kind(row.kind.value),
        subject_id=row.id,
        place="",
        title=f"{row.owner_name}/{row.name}",
        heading=_headings(card),
        body=f"{row.summary}\n\n{card}" if row.summary not in card else card,
        tags=[tag for tag in row.tags if tag],
        facts=_facts(row, card),
        author=row.owner_name,
        language="zh" if is_chinese(card) else "",
        repository_id=row.id,
        owner_id=row.owner_id,
        private=row.private or row.disabled,
        score=row.likes,
        quality=liked + (_CARD if card.strip() else 0.0),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _facts(row: Repository, card: str) -> list[tuple[str, str]]:
    facts = [("task", row.task), ("library", row.library), ("license", row.license)]
    facts += [("lang", language[:2]) for language in row.languages]
    return [*facts, ("has", "card" if card.strip() else "")]


def _sections(found: PublishedText) -> Iterator[Draft]:
    text = found.text
    facts = [("has", "recipe" if _RECIPE.search(text.body) else "")]
    facts += [("has", "code" if "```" in text.body else "")]
    for part, section in enumerate(_SECTION.split(text.body)):
        yield Draft(
            kind=Kind.TUTORIAL,
            subject_id=found.tutorial_id,
            part=part,
            language=text.language[:2],
            place=f"/tutorials/{found.slug}?lang={text.language}",
            title=text.title,
            facts=facts,
            heading=_headings(section),
            body=f"{text.summary}\n\n{section}" if part == 0 else section,
            quality=_TUTORIAL,
            created_at=found.published_at,
            updated_at=found.published_at,
        )


def _comments(
    one: DiscussionView, comments: Sequence[CommentView], row: Repository
) -> Iterator[Draft]:
    for part, comment in enumerate([] if one.is_held else comments):
        if comment.is_hidden:
            continue
        anchor = f"#comment-{comment.id}" if part else ""
        yield Draft(
            kind=Kind.DISCUSSION,
            subject_id=one.id,
            part=part,
            language="zh" if is_chinese(comment.body) else "",
            place=f"/discussions/{one.num}{anchor}",
            title=one.title,
            body=comment.body,
            author=comment.author,
            repository_id=row.id,
            owner_id=row.owner_id,
            private=row.private or row.disabled,
            quality=_TALK,
            is_open=one.status in {Status.OPEN, Status.DRAFT},
            created_at=comment.created_at,
            updated_at=comment.edited_at or comment.created_at,
        )


def _headings(markdown: str) -> str:
    return "\n".join(found[1] for found in _HEADING.finditer(markdown))


def _job(found: JobText) -> Draft:
    about = f"{found.task} {' '.join(found.inputs)}"
    return Draft(
        kind=Kind.JOB,
        subject_id=found.id,
        place=f"/jobs/{found.id}",
        title=found.title,
        heading=found.failure,
        body=f"{found.failure}\n\n{about}" if found.failure else about,
        facts=[("job", str(found.id)), ("task", found.task), ("has", "recipe")],
        author=found.owner,
        owner_id=found.owner_id,
        private=True,
        quality=_JOB,
        is_open=not found.is_over,
        created_at=found.created_at,
        updated_at=found.changed_at,
    )


def _account(found: AccountText) -> Draft:
    return Draft(
        kind=Kind.ACCOUNT,
        subject_id=found.id,
        place=f"/{found.name}",
        title=f"{found.display_name} ({found.name})" if found.display_name else found.name,
        body=found.about,
        quality=_ACCOUNT,
        created_at=found.created_at,
        updated_at=found.changed_at,
    )
