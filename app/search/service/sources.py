"""What there is to find of each feature, as texts for the index."""

import math
import re
from collections.abc import Iterator, Sequence

from app.comments.schemas import CommentView
from app.core.db import AsyncSession
from app.core.storage import BlobStore
from app.discussions import service as discussions
from app.discussions.schemas import DiscussionView, Status
from app.hub import service as hub
from app.hub.service import Repository
from app.search.schemas import Draft, Kind
from app.search.words import is_chinese
from app.tutorials import service as tutorials
from app.tutorials.schemas import PublishedText

changed_repositories = hub.changed_since
changed_tutorials = tutorials.changed_since
changed_discussions = discussions.changed_since

_HEADING = re.compile(r"(?m)^#{1,6} +(.+?) *#*$")
_SECTION = re.compile(r"(?m)^(?=## )")
# What is made with care stands before what is only there.
_CARD, _TUTORIAL, _TALK = 0.2, 0.5, 0.1


async def read_repositories(
    db: AsyncSession, storage: BlobStore, ids: Sequence[int]
) -> list[Draft]:
    """Return models and data sets, each with its card."""
    found = await hub.repositories_by_id(db, list(ids))
    cards = await hub.card_texts(db, storage, list(found))
    return [_repository(row, cards.get(number, "")) for number, row in found.items()]


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


async def read_tutorials(db: AsyncSession, storage: BlobStore, ids: Sequence[int]) -> list[Draft]:
    """Return the newest tutorials, a text for each of their sections."""
    del storage
    return [draft for found in await tutorials.newest_texts(db, ids) for draft in _sections(found)]


def _sections(found: PublishedText) -> Iterator[Draft]:
    text = found.text
    for part, section in enumerate(_SECTION.split(text.body)):
        yield Draft(
            kind=Kind.TUTORIAL,
            subject_id=found.tutorial_id,
            part=part,
            language=text.language[:2],
            place=f"/tutorials/{found.slug}?lang={text.language}",
            title=text.title,
            heading=_headings(section),
            body=f"{text.summary}\n\n{section}" if part == 0 else section,
            quality=_TUTORIAL,
            created_at=found.published_at,
            updated_at=found.published_at,
        )


async def read_discussions(db: AsyncSession, storage: BlobStore, ids: Sequence[int]) -> list[Draft]:
    """Return discussions and pull requests, a text for each comment."""
    del storage
    found = await discussions.whole_discussions(db, ids)
    repositories = await hub.repositories_by_id(db, list({one.repository_id for one, _ in found}))
    return [
        draft
        for one, comments in found
        if (row := repositories.get(one.repository_id)) is not None
        for draft in _comments(one, comments, row)
    ]


def _comments(
    one: DiscussionView, comments: Sequence[CommentView], row: Repository
) -> Iterator[Draft]:
    for part, comment in enumerate(comments):
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
