"""Discussions and pull requests: list, read, open, write, close, merge."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.comments import service as comments
from app.comments.schemas import MAX_BODY, CommentView
from app.core.db import AsyncSession
from app.core.errors import BadRequestError, InvalidError, NotFoundError
from app.core.http import Db, RepoReader, RepoWriter, storage_of
from app.core.markdown import Links
from app.core.storage import BlobStore
from app.discussions import service
from app.discussions.schemas import (
    Changes,
    DiscussionView,
    ListFilters,
    MergeWish,
    NewDiscussion,
    Status,
)
from app.hfapi import discussion_views as shapes
from app.hfapi.context import Readable, repository_url
from app.hub import policy
from app.hub import service as hub
from app.hub.schemas import MAIN
from app.hub.service import Repository

router = APIRouter(include_in_schema=False)

_PAGE = 50
_TYPES = {"all": None, "": None, "discussion": False, "pull_request": True}
_STATUSES = {"all": None, "": None, "open": True, "closed": False}


class ListQuery(BaseModel):
    """Which discussions a client wants."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    p: Annotated[int, AfterValidator(lambda n: min(max(n, 0), 100_000))] = 0
    type: Annotated[str, Field(max_length=20)] = ""
    status: Annotated[str, Field(max_length=20)] = ""
    author: Annotated[str, Field(max_length=100)] = ""
    search: Annotated[str, Field(max_length=200)] = ""


class OpenIn(BaseModel):
    """A discussion or pull request to open."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    title: str = Field(max_length=2000)
    description: str = Field(default="", max_length=MAX_BODY * 2)
    pullRequest: bool = False  # noqa: N815  # the protocol's spelling


class CommentIn(BaseModel):
    """A comment to write."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    comment: str = Field(max_length=MAX_BODY * 2)


class EditIn(BaseModel):
    """A comment's new words."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    content: str = Field(max_length=MAX_BODY * 2)


class TitleIn(BaseModel):
    """A new title."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    title: str = Field(max_length=2000)


class StatusIn(BaseModel):
    """A new status, and a word about it."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    status: str = Field(max_length=20)
    comment: str | None = Field(default=None, max_length=MAX_BODY * 2)


class MergeIn(BaseModel):
    """A word about a merge."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    comment: str | None = Field(default=None, max_length=MAX_BODY * 2)


class PinIn(BaseModel):
    """Whether it stands on top."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    pinned: bool


class LockIn(BaseModel):
    """Whether only writers of the repository may speak."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    locked: bool


@router.get("/{owner}/{name}/discussions")
async def list_discussions(
    db: Db, repository: Readable, query: Annotated[ListQuery, Query()]
) -> dict[str, Any]:
    """List discussions and pull requests, the newest first."""
    for value, known, name in (
        (query.type, _TYPES, "type"),
        (query.status, _STATUSES, "status"),
    ):
        if value not in known:
            raise BadRequestError(f'"{name}" must be one of {sorted(filter(None, known))}.')
    filters = ListFilters(_TYPES[query.type], _STATUSES[query.status], query.author, query.search)
    page = await service.list_numbered(db, repository, filters, query.p, _PAGE)
    counts = await service.count_discussions(db, repository)
    return {
        "discussions": [shapes.discussion(repository, row) for row in page.rows],
        "count": page.total,
        "start": page.start,
        "numClosedDiscussions": counts.done,
    }


@router.post("/{owner}/{name}/discussions")
async def open_discussion(
    request: Request, db: Db, viewer: RepoWriter, repository: Readable, body: OpenIn
) -> dict[str, Any]:
    """Open a discussion, or the draft of a pull request whose ref stands at main."""
    word = "Pull Request" if body.pullRequest else "Discussion"
    description = body.description.strip() or f"{word} opened"
    new = NewDiscussion(body.title, description, body.pullRequest)
    made = await service.open_discussion(db, viewer, repository, new)
    url = f"{repository_url(request, repository)}/discussions/{made.num}"
    return {"num": made.num, "url": url, "pullRequest": made.is_pull_request}


@router.get("/{owner}/{name}/discussions/{num}")
async def details(  # who asks, where, and how much they want
    request: Request,
    db: Db,
    viewer: RepoReader,
    repository: Readable,
    num: int,
    diff: Annotated[str, Query(max_length=10)] = "",
) -> dict[str, Any]:
    """Return a discussion with all that happened; of a pull request also its diff."""
    found = await service.get_discussion(db, repository, num)
    may_see = found.is_pull_request and await policy.may_open_files(db, viewer, repository)
    changes = Changes("", "")
    if may_see:
        changes = await service.changes_of(db, storage_of(request), repository, num)
    answer = shapes.discussion(repository, found)
    answer["events"] = await _events(db, request, repository, found, changes)
    if found.is_pull_request:
        answer["changes"] = {
            "base": f"refs/heads/{MAIN}",
            "mergeCommitId": found.merge_oid or None,
        }
        answer["filesWithConflicts"] = [one.path for one in changes.conflicts]
        answer["diff"] = None
        if may_see and diff.lower() in {"1", "true"}:
            answer["diff"] = await _diff(db, storage_of(request), repository, changes)
    return answer


async def _events(
    db: AsyncSession,
    request: Request,
    repository: Repository,
    found: DiscussionView,
    changes: Changes,
) -> list[dict[str, Any]]:
    page = await service.timeline(db, found, changes.commits)
    edited = [entry for entry in page.items if isinstance(entry, CommentView)]
    wordings = await comments.wordings(db, edited)
    links = _links(request, repository)
    return [shapes.event(entry, found, wordings, links) for entry in page.items]


def _links(request: Request, repository: Repository) -> Links:
    address = repository_url(request, repository)
    return Links(f"{address}/blob/{MAIN}/", f"{address}/resolve/{MAIN}/", "/")


async def _diff(
    db: AsyncSession, storage: BlobStore, repository: Repository, changes: Changes
) -> str:
    if not changes.head or changes.head == changes.base:
        return ""
    return shapes.diff_text(await hub.diff(db, storage, repository, changes.head, changes.base))


@router.post("/{owner}/{name}/discussions/{num}/comment")
async def comment(
    db: Db, viewer: RepoWriter, repository: Readable, num: int, body: CommentIn
) -> dict[str, Any]:
    """Write a comment."""
    made = await service.comment(db, viewer, repository, num, body.comment)
    return {"newMessage": shapes.comment(made)}


@router.post("/{owner}/{name}/discussions/{num}/comment/{comment_id}/edit")
async def edit_comment(  # who, where, which, what
    db: Db, viewer: RepoWriter, repository: Readable, num: int, comment_id: str, body: EditIn
) -> dict[str, Any]:
    """Change the words of one's own comment."""
    made = await service.edit_comment(
        db, viewer, repository, num, _comment_id(comment_id), body.content
    )
    wordings = await comments.wordings(db, [made])
    return {"updatedComment": shapes.comment(made, wordings[made.id])}


@router.post("/{owner}/{name}/discussions/{num}/comment/{comment_id}/hide")
async def hide_comment(
    db: Db, viewer: RepoWriter, repository: Readable, num: int, comment_id: str
) -> dict[str, Any]:
    """Take away the words of a comment, for good."""
    made = await service.hide_comment(db, viewer, repository, num, _comment_id(comment_id))
    return {"updatedComment": shapes.comment(made)}


def _comment_id(text: str) -> int:
    try:
        number = int(text, 16)
    except ValueError:
        number = -1
    if not 0 <= number < 1 << 63:
        raise NotFoundError("There is no such comment.", code="comment_not_found")
    return number


@router.post("/{owner}/{name}/discussions/{num}/title")
async def retitle(
    db: Db, viewer: RepoWriter, repository: Readable, num: int, body: TitleIn
) -> dict[str, Any]:
    """Change the title."""
    made = await service.retitle(db, viewer, repository, num, body.title)
    return {"newTitle": shapes.change(made)}


@router.post("/{owner}/{name}/discussions/{num}/status")
async def set_status(
    db: Db, viewer: RepoWriter, repository: Readable, num: int, body: StatusIn
) -> dict[str, Any]:
    """Open or close."""
    if body.status not in {*Status}:
        raise InvalidError('"status" must be one of [open, closed].', code="bad_status")
    made = await service.set_status(
        db, viewer, repository, num, Status(body.status), body.comment or ""
    )
    return {"newStatus": shapes.change(made)}


@router.post("/{owner}/{name}/discussions/{num}/merge")
async def merge(  # who, where, which, and a word about it
    request: Request,
    db: Db,
    viewer: RepoWriter,
    repository: Readable,
    num: int,
    body: MergeIn | None = None,
) -> dict[str, Any]:
    """Bring a pull request into main."""
    word = (body.comment if body else None) or ""
    made = await service.merge(db, storage_of(request), viewer, repository, num, MergeWish(word))
    return {"newStatus": shapes.change(made)}


@router.post("/{owner}/{name}/discussions/{num}/pin")
async def pin(
    db: Db, viewer: RepoWriter, repository: Readable, num: int, body: PinIn
) -> dict[str, Any]:
    """Put a discussion on top of the list, or back into its place."""
    found = await service.set_pinned(db, viewer, repository, num, pinned=body.pinned)
    return shapes.discussion(repository, found)


@router.post("/{owner}/{name}/discussions/{num}/lock")
async def lock(
    db: Db, viewer: RepoWriter, repository: Readable, num: int, body: LockIn
) -> dict[str, Any]:
    """Let only the repository's writers speak, or everybody again."""
    found = await service.set_locked(db, viewer, repository, num, locked=body.locked)
    return shapes.discussion(repository, found)
