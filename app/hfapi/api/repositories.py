"""Repositories as clients read them: description, settings, and who may do what."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from app.core.errors import BadRequestError
from app.core.http import Db, RepoReader, RepoWriter
from app.hfapi import views
from app.hfapi.context import (
    Readable,
    Writable,
    kind_of,
    rev_of,
)
from app.hub import policy, service
from app.hub.service import repository_not_found

router = APIRouter(include_in_schema=False)


class InfoQuery(BaseModel):
    """What a client wants to know of a repository."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)
    blobs: bool = False
    expand: list[str] = []
    bracketed: list[str] = Field(default=[], alias="expand[]")


class SettingsIn(BaseModel):
    """What may be changed; `gated` is accepted only as off."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    private: bool | None = None
    visibility: str | None = None
    gated: bool | str | None = None


@router.get("/{owner}/{name}")
@router.get("/{owner}/{name}/revision/{rev}")
async def describe(
    db: Db, repository: Readable, query: Annotated[InfoQuery, Query()], rev: str = "main"
) -> dict[str, Any]:
    """Describe a repository at a revision."""
    revision = await service.find_revision(db, repository, rev_of(rev))
    files = await service.list_files(db, repository, revision.oid)
    siblings = [views.sibling(item, blobs=query.blobs) for item in files]
    info = views.repository_info(repository, sha=revision.oid, siblings=siblings)
    return views.only(info, views.wanted_fields(query.expand, query.bracketed), repository.kind)


@router.put("/{owner}/{name}/settings")
async def change_settings(
    request: Request, db: Db, viewer: RepoWriter, owner: str, name: str, body: SettingsIn
) -> dict[str, Any]:
    """Show or hide a repository."""
    repository = await policy.access_for_admin(db, viewer, kind_of(request), owner, name)
    private = body.private if body.visibility is None else body.visibility == "private"
    if body.gated:
        raise BadRequestError("This site has no gated repositories; make it private instead.")
    if private is not None:
        await service.set_private(db, repository, private=private)
    return {"private": repository.private, "gated": False}


@router.get("/{owner}/{name}/auth-check")
@router.get("/{owner}/{name}/auth-check/read")
async def auth_check(repository: Readable) -> dict[str, bool]:
    """Answer 200 to who may read."""
    del repository
    return {"success": True}


@router.get("/{owner}/{name}/auth-check/write")
async def auth_check_write(repository: Writable) -> dict[str, bool]:
    """Answer 200 to who may write."""
    del repository
    return {"success": True}


@router.api_route("/{rest:path}", methods=["GET", "POST", "PUT", "DELETE", "HEAD"])
async def no_such_repository(_viewer: RepoReader, rest: str) -> None:
    """Answer bare names and addresses we do not know as a missing repository."""
    del rest
    raise repository_not_found()
