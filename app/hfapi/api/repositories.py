"""Repositories as clients read them: description, settings, and who may do what."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from app.core.errors import BadRequestError
from app.core.http import Db, RepoReader, RepoWriter
from app.core.security import Viewer
from app.hfapi import views
from app.hfapi.context import Readable, Writable, find_repository, rev_of, unknown
from app.hfapi.lineage import base_models, children_count
from app.hub import policy, service
from app.hub.service import Repository, access
from app.hub.service.revisions import Revision

router = APIRouter(include_in_schema=False)
# Answers to what no other route knows; stands behind everything.
unknown_router = APIRouter(include_in_schema=False)


class InfoQuery(BaseModel):
    """What a client wants to know of a repository."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)
    blobs: bool = False
    security_status: bool = Field(default=False, alias="securityStatus")
    expand: list[str] = []
    bracketed: list[str] = Field(default=[], alias="expand[]")


class SettingsIn(BaseModel):
    """What may be changed; what is left out stays as it is."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    private: bool | None = None
    visibility: str | None = None
    gated: bool | str | None = None


@router.get("/{owner}/{name}")
@router.get("/{owner}/{name}/revision/{rev}")
async def describe(
    db: Db,
    viewer: RepoReader,
    repository: Readable,
    query: Annotated[InfoQuery, Query()],
    rev: str = "main",
) -> dict[str, Any]:
    """Describe a repository at a revision."""
    wanted = views.wanted_fields(query.expand, query.bracketed)
    views.check_fields(wanted, repository.kind)
    revision = await service.find_revision(db, repository, rev_of(rev))
    siblings = None
    if not wanted or "siblings" in wanted:
        siblings = await _siblings(db, repository, revision, blobs=query.blobs)
    info = views.repository_info(repository, sha=revision.oid, siblings=siblings)
    recent, ever, _raw = await service.downloads_now(db, repository)
    info |= {"downloads": recent, "downloadsAllTime": ever}
    if query.security_status:
        # Nothing here is scanned; to say otherwise would be a promise nobody keeps.
        info["securityRepoStatus"] = {"scansDone": False, "filesWithIssues": []}
    return views.only(info | await _lineage(db, viewer, repository, wanted), wanted)


async def _siblings(
    db: Db, repository: Repository, revision: Revision, *, blobs: bool
) -> list[dict[str, Any]]:
    files = await service.list_files(db, repository, revision.oid)
    return [views.sibling(item, blobs=blobs) for item in files]


async def _lineage(
    db: Db, viewer: Viewer, repository: Repository, wanted: list[str]
) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if "baseModels" in wanted:
        fields["baseModels"] = await base_models(db, viewer, repository)
    if "childrenModelCount" in wanted:
        fields["childrenModelCount"] = await children_count(db, viewer, repository)
    return fields


@router.put("/{owner}/{name}/settings")
async def change_settings(
    request: Request, db: Db, viewer: RepoWriter, owner: str, name: str, body: SettingsIn
) -> dict[str, Any]:
    """Show or hide a repository, and set or lift its gate."""
    repository = await find_repository(request, db, viewer, owner, name)
    if not await policy.may_administer(db, viewer, repository):
        raise policy.forbidden()
    private = _private(body)
    if body.gated is not None:
        await access.set_gate(db, repository, _gate(body.gated))
    if private is not None:
        await service.set_private(db, repository, private=private)
    return {
        "private": repository.private,
        "visibility": "private" if repository.private else "public",
        "gated": repository.gated or False,
    }


def _private(body: SettingsIn) -> bool | None:
    if body.visibility is None:
        return body.private
    if body.visibility not in {"public", "private"}:
        raise BadRequestError('"visibility" must be "public" or "private".')
    return body.visibility == "private"


def _gate(value: bool | str) -> str:  # noqa: FBT001  # as the protocol writes it
    if value is False or value == "":
        return ""
    if value in access.GATES:
        return str(value)
    raise BadRequestError('"gated" must be one of false, "auto", "manual".')


@router.get("/{owner}/{name}/auth-check")
@router.get("/{owner}/{name}/auth-check/read")
async def auth_check(db: Db, viewer: RepoReader, repository: Readable) -> dict[str, bool]:
    """Answer 200 to who may open the files."""
    await policy.require_files(db, viewer, repository)
    return {"success": True}


@router.get("/{owner}/{name}/auth-check/write")
async def auth_check_write(repository: Writable) -> dict[str, bool]:
    """Answer 200 to who may write."""
    del repository
    return {"success": True}


@unknown_router.api_route("/{rest:path}", methods=["GET", "POST", "PUT", "DELETE", "HEAD"])
async def no_such_repository(viewer: RepoReader, rest: str) -> None:
    """Answer bare names and addresses we do not know as a missing repository."""
    del rest
    raise unknown(viewer)
