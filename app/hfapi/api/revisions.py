"""Refs and history: branches, tags, and the commits behind them."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.core.http import Db, RepoWriter
from app.core.paths import plain
from app.hfapi import views
from app.hfapi.context import (
    PageRequest,
    Readable,
    Writable,
    rev_of,
)
from app.hub import policy, service
from app.hub.schemas import Author

router = APIRouter(include_in_schema=False)


class HistoryQuery(BaseModel):
    """Which page of a history a client wants."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)
    p: Annotated[int, AfterValidator(lambda n: min(max(n, 0), 100_000))] = 0
    limit: Annotated[int, AfterValidator(lambda n: min(max(n, 1), 1000))] = 50
    expand: list[str] = []
    bracketed: list[str] = Field(default=[], alias="expand[]")


class StartIn(BaseModel):
    """Where a branch starts."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    startingPoint: str | None = None  # noqa: N815  # the protocol's spelling


class SquashIn(BaseModel):
    """What the commit that replaces a history says."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    message: str = Field(default="", max_length=20_000)


class TagIn(BaseModel):
    """A tag to make."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    tag: str
    message: str | None = None


@router.get("/{owner}/{name}/refs")
async def refs(db: Db, repository: Readable, include_prs: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002  # a query switch
    """List branches, conversions, tags, and on demand pull requests."""
    found = await service.list_refs(db, repository)

    def rows(items: Any) -> list[dict[str, str]]:
        return [{"name": i.name, "ref": i.ref, "targetCommit": i.target} for i in items]

    answer: dict[str, Any] = {
        "branches": rows(found.branches),
        "converts": rows(found.converts),
        "tags": rows(found.tags),
    }
    return answer | ({"pullRequests": rows(found.pull_requests)} if include_prs else {})


@router.get("/{owner}/{name}/commits/{rev}")
async def commits(
    at: Annotated[PageRequest, Depends()],
    repository: Readable,
    query: Annotated[HistoryQuery, Query()],
    rev: str,
) -> list[dict[str, Any]]:
    """List the history behind a revision, newest first, in pages."""
    rows, more = await service.history(
        at.db, repository, rev_of(rev), page=query.p, limit=query.limit
    )
    if more:
        at.next_page(p=str(query.p + 1))
    formatted = "formatted" in views.wanted_fields(query.expand, query.bracketed)
    return [views.commit_item(row, formatted=formatted) for row in rows]


@router.post("/{owner}/{name}/branch/{branch:path}")
async def create_branch(
    db: Db, repository: Writable, branch: str, body: StartIn | None = None
) -> dict[str, bool]:
    """Make a branch."""
    start = (body.startingPoint if body else None) or "main"
    await service.create_branch(db, repository, plain(branch), start)
    return {"success": True}


@router.delete("/{owner}/{name}/branch/{branch:path}")
async def delete_branch(db: Db, repository: Writable, branch: str) -> dict[str, bool]:
    """Remove a branch."""
    await service.delete_branch(db, repository, plain(branch))
    return {"success": True}


@router.post("/{owner}/{name}/tag/{rev}")
async def create_tag(db: Db, repository: Writable, rev: str, body: TagIn) -> dict[str, bool]:
    """Name a revision."""
    await service.create_tag(db, repository, body.tag, rev_of(rev), body.message or "")
    return {"success": True}


@router.delete("/{owner}/{name}/tag/{tag:path}")
async def delete_tag(db: Db, repository: Writable, tag: str) -> dict[str, bool]:
    """Remove a tag."""
    await service.delete_tag(db, repository, plain(tag))
    return {"success": True}


@router.post("/{owner}/{name}/super-squash/{branch:path}")
async def super_squash(
    db: Db, viewer: RepoWriter, repository: Readable, branch: str, body: SquashIn | None = None
) -> dict[str, Any]:
    """Replace the history of a branch by one commit."""
    branch = plain(branch)
    if not await policy.may_commit_to(db, viewer, repository, service.full_ref(branch)):
        raise policy.forbidden()
    author = Author(viewer.name, viewer.user_id)
    made = await service.squash(db, repository, branch, body.message if body else "", author)
    return {"success": True, "commitOid": made.oid}
