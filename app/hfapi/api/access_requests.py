"""Gated repositories: asking to be let in, and the requests as their owner answers them."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from app.core.db import AsyncSession
from app.core.errors import BadRequestError
from app.core.http import Db, RepoReader, RepoWriter
from app.core.security import Viewer
from app.hfapi import views
from app.hfapi.context import PageRequest, find_repository
from app.hub import policy
from app.hub.schemas import AccessStatus
from app.hub.service import Repository, access

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Field(max_length=1000)]


class HandleIn(BaseModel):
    """Another state for one request, named by its person or its id."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    user: Text | None = None
    request_id: Text | None = Field(default=None, alias="requestId")
    status: AccessStatus
    rejection_reason: Text | None = Field(default=None, alias="rejectionReason")


class GrantIn(BaseModel):
    """Whom to let in."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    user: Text


class AskIn(BaseModel):
    """Answers to the questions of the gate, by question."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    fields: dict[Text, Text] = {}


async def _owned(
    request: Request, db: AsyncSession, viewer: Viewer, owner: str, name: str
) -> Repository:
    repository = await find_repository(request, db, viewer, owner, name)
    viewer.require_user()
    if not await policy.may_write(db, viewer, repository):
        raise policy.forbidden()
    if not repository.gated:
        raise BadRequestError("This repository is not gated.", code="not_gated")
    return repository


async def _listed_for_owner(
    request: Request, db: Db, viewer: RepoReader, owner: str, name: str
) -> Repository:
    return await _owned(request, db, viewer, owner, name)


async def _answered_by_owner(
    request: Request, db: Db, viewer: RepoWriter, owner: str, name: str
) -> Repository:
    return await _owned(request, db, viewer, owner, name)


Listed = Annotated[Repository, Depends(_listed_for_owner)]
Answered = Annotated[Repository, Depends(_answered_by_owner)]


@router.get("/{owner}/{name}/user-access-request/{status}")
async def list_requests(
    at: Annotated[PageRequest, Depends()],
    repository: Listed,
    status: AccessStatus,
    cursor: str = "",
) -> list[dict[str, Any]]:
    """List the requests of one state, the oldest first."""
    page = await access.list_requests(at.db, repository, status, cursor)
    if page.next_cursor:
        at.next_page(cursor=page.next_cursor)
    return [_shown(asked) for asked in page.items]


def _shown(asked: access.Asked) -> dict[str, Any]:
    row: dict[str, Any] = {
        "requestId": views.object_id(asked.request.id),
        "user": {
            "user": asked.account.name,
            "fullname": asked.account.label,
            "type": "user",
            "avatarUrl": "",
            "isPro": False,
        },
        "status": asked.request.status.value,
        "timestamp": views.moment(asked.request.created_at),
    }
    if asked.request.fields:
        row["fields"] = asked.request.fields
    if asked.request.rejection_reason:
        row["rejectionReason"] = asked.request.rejection_reason
    return row


@router.post("/{owner}/{name}/user-access-request/handle")
async def handle(
    db: Db, viewer: RepoWriter, repository: Answered, body: HandleIn
) -> dict[str, Any]:
    """Accept or reject a request, or put it back."""
    if (body.user is None) == (body.request_id is None):
        raise BadRequestError('Name either "user" or "requestId".')
    if body.rejection_reason is not None and body.status is not AccessStatus.REJECTED:
        raise BadRequestError('"rejectionReason" goes with the status "rejected" only.')
    found = await access.find_request(
        db, repository, user=body.user or "", request_id=body.request_id or ""
    )
    await access.answer(db, viewer, found, body.status, body.rejection_reason or "")
    return {"status": found.status.value, "requestId": views.object_id(found.id)}


@router.post("/{owner}/{name}/user-access-request/grant")
async def grant(db: Db, viewer: RepoWriter, repository: Answered, body: GrantIn) -> dict[str, Any]:
    """Let somebody in who did not ask."""
    made = await access.grant(db, viewer, repository, body.user)
    return {"status": made.status.value, "requestId": views.object_id(made.id)}


@router.post("/{owner}/{name}/ask-access")
@router.post("/{owner}/{name}/user-access-request/request")
async def ask(
    request: Request, db: Db, viewer: RepoWriter, owner: str, name: str, body: AskIn | None = None
) -> dict[str, Any]:
    """Agree to the conditions of a gated repository, or ask its owner to be let in."""
    repository = await find_repository(request, db, viewer, owner, name)
    made = await access.ask(db, viewer, repository, body.fields if body else {})
    return {"status": made.status.value, "requestId": views.object_id(made.id)}
