"""Where reported things stand and what they say, whichever feature they are of."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol

from app.accounts import service as accounts
from app.comments import service as comments
from app.comments.schemas import CommentView
from app.comparisons import service as comparisons
from app.core import i18n
from app.core.db import AsyncSession
from app.core.i18n import _
from app.core.security import Viewer
from app.discussions import service as discussions
from app.hub import policy as hub_policy
from app.hub import service as hub
from app.hub.service import Repository
from app.moderation.schemas import Spot, Subject
from app.questions import policy as questions_policy
from app.questions import service as questions
from app.questions.schemas import Place as QuestionPlace
from app.tutorials import service as tutorial_texts
from app.tutorials.service import talking as tutorials

_MODERATOR = Viewer(user_id=0, is_moderator=True)


class Place(Protocol):
    """Where a thread stands; `repository_id` 0 is for what is public by itself.

    `path` ends where the number of a comment is to be added.
    """

    @property
    def repository_id(self) -> int: ...
    @property
    def title(self) -> str: ...
    @property
    def path(self) -> str: ...


Finder = Callable[[AsyncSession, Collection[int]], Awaitable[dict[int, Place]]]


async def _discussions(db: AsyncSession, thread_ids: Collection[int]) -> dict[int, Place]:
    return dict(await discussions.places(db, thread_ids))


async def _questions(db: AsyncSession, thread_ids: Collection[int]) -> dict[int, Place]:
    return dict(await questions.places(db, thread_ids))


async def _tutorials(db: AsyncSession, thread_ids: Collection[int]) -> dict[int, Place]:
    return dict(await tutorials.places(db, thread_ids))


async def _comparisons(db: AsyncSession, thread_ids: Collection[int]) -> dict[int, Place]:
    return dict(await comparisons.places(db, thread_ids))


# One for each feature that has threads.
FINDERS: Sequence[Finder] = (_discussions, _questions, _tutorials, _comparisons)


async def spots(
    db: AsyncSession, things: Collection[tuple[Subject, int]]
) -> dict[tuple[Subject, int], Spot]:
    """Return where each of these things is, and all they say; those that are gone are not there."""
    wanted: dict[Subject, list[int]] = {subject: [] for subject in Subject}
    for subject, number in things:
        wanted[subject].append(number)
    found: dict[tuple[Subject, int], Spot] = {}
    for number, spot in (await _comments(db, wanted[Subject.COMMENT])).items():
        found[Subject.COMMENT, number] = spot
    for number, spot in (await _texts(db, wanted[Subject.TUTORIAL])).items():
        found[Subject.TUTORIAL, number] = spot
    for number, spot in (await _repositories(db, wanted[Subject.REPOSITORY])).items():
        found[Subject.REPOSITORY, number] = spot
    people = wanted[Subject.ACCOUNT]
    refs = await accounts.account_refs(db, people) if people else {}
    for number, ref in refs.items():
        found[Subject.ACCOUNT, number] = Spot(ref.name, f"/{ref.name}", ref.id)
    return found


async def spot(db: AsyncSession, subject: Subject, subject_id: int) -> Spot | None:
    """Return where a thing is."""
    return (await spots(db, [(subject, subject_id)])).get((subject, subject_id))


async def may_see(
    db: AsyncSession, viewer: Viewer, subject: Subject, subject_id: int
) -> Spot | None:
    """Return where a thing is if `viewer` may know of it, and read its words."""
    found = await spot(db, subject, subject_id)
    if found is None or subject is Subject.ACCOUNT:
        return found
    if subject is Subject.TUTORIAL:
        is_theirs = found.account_id is not None and viewer.may_steer(found.account_id)
        return found if not found.is_held or is_theirs or viewer.is_moderator else None
    repository_id: int | None = subject_id
    if subject is Subject.COMMENT:
        row = (await comments.comments_by_id(db, [subject_id], viewer)).get(subject_id)
        if row is None or row.is_hidden:
            return None
        place = (await _places(db, [row.thread_id])).get(row.thread_id)
        if isinstance(place, QuestionPlace) and not questions_policy.may_see_place(viewer, place):
            return None
        repository_id = place.repository_id if place else None
    if repository_id:
        repository = (await hub.repositories_by_id(db, [repository_id])).get(repository_id)
        if repository is None or not await hub_policy.may_read(db, viewer, repository):
            return None
    return found


async def _places(db: AsyncSession, thread_ids: Collection[int]) -> dict[int, Place]:
    found: dict[int, Place] = {}
    for finder in FINDERS:
        if left := set(thread_ids) - set(found):
            found |= await finder(db, left)
    return found


async def _comments(db: AsyncSession, ids: Collection[int]) -> dict[int, Spot]:
    rows = await comments.comments_by_id(db, ids, _MODERATOR)
    if not rows:
        return {}
    places = await _places(db, {row.thread_id for row in rows.values()})
    repository_ids = [place.repository_id for place in places.values() if place.repository_id]
    repositories = await hub.repositories_by_id(db, repository_ids)
    return {number: _comment(row, places, repositories) for number, row in rows.items()}


def _comment(
    row: CommentView, places: dict[int, Place], repositories: dict[int, Repository]
) -> Spot:
    place = places.get(row.thread_id)
    repository = repositories.get(place.repository_id) if place else None
    address = ""
    if place is not None:
        address = f"{_address(repository)}{place.path}{row.id}"
    return Spot(
        title=place.title if place else _("A comment"),
        address=address,
        account_id=row.author_id,
        is_private=repository.private if repository else False,
        text=row.body,
        is_held=row.is_held,
        is_gone=row.is_hidden,
    )


def _address(repository: Repository | None) -> str:
    if repository is None:
        return ""
    return f"/{repository.kind.web_prefix}{repository.owner_name}/{repository.name}"


async def _texts(db: AsyncSession, ids: Sequence[int]) -> dict[int, Spot]:
    rows = await tutorial_texts.spots(db, ids, i18n.language()) if ids else {}
    return {
        number: Spot(
            title=row.title,
            address=f"/tutorials/{row.slug}",
            account_id=row.owner_id,
            text=row.text,
            is_held=row.is_held,
        )
        for number, row in rows.items()
    }


async def _repositories(db: AsyncSession, ids: Sequence[int]) -> dict[int, Spot]:
    rows = await hub.repositories_by_id(db, list(ids)) if ids else {}
    return {
        number: Spot(
            title=f"{row.owner_name}/{row.name}",
            address=_address(row),
            account_id=row.owner_id,
            is_private=row.private,
            text=row.summary,
            is_held=row.disabled,
        )
        for number, row in rows.items()
    }
