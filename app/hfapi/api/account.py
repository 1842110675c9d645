"""Who am I, creating, moving and deleting repositories, and the small talk of the client."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field

from app.accounts import service as accounts
from app.buckets import policy as bucket_policy
from app.buckets import service as buckets
from app.core.errors import BadRequestError, NotFoundError, UnsupportedError
from app.core.http import Anybody, AnySignedIn, Db, RepoWriter, storage_of
from app.core.security import Scope
from app.hfapi.context import base_url, repository_url
from app.hub import policy, service
from app.hub.schemas import RepositoryKind
from app.hub.service import parse_card, repository_not_found

router = APIRouter(include_in_schema=False)


class _Loose(BaseModel):
    """A message of the protocol: clients of other versions send more keys than we read."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class CreateIn(_Loose):
    """A repository to create."""

    name: str = Field(min_length=1, max_length=200)
    organization: str | None = None
    type: str | None = None
    private: bool | None = None
    visibility: str | None = None


class DeleteIn(_Loose):
    """A repository to delete."""

    name: str = Field(min_length=1, max_length=200)
    organization: str | None = None
    type: str | None = None


class MoveIn(_Loose):
    """A repository to rename."""

    from_repo: str = Field(alias="fromRepo", max_length=300)
    to_repo: str = Field(alias="toRepo", max_length=300)
    type: str | None = None


class YamlIn(_Loose):
    """A card to check."""

    content: str = Field(max_length=2_000_000)
    repo_type: str | None = Field(default=None, alias="repoType")


def kind_named(word: str | None) -> RepositoryKind:
    """Return the kind that a message names; models when it names none.

    Raises:
        UnsupportedError: a kind that this site does not have.
    """
    if word in {None, "", "model"}:
        return RepositoryKind.MODEL
    if word == "dataset":
        return RepositoryKind.DATASET
    raise UnsupportedError(
        f"This site has models and datasets, but no repositories of type {str(word)[:40]!r}.",
        headers={"X-Error-Code": "NotSupported"},
    )


def split_name(name: str, organization: str | None, default_owner: str) -> tuple[str, str]:
    """Return owner and name from the ways in which clients write them."""
    owner, slash, rest = name.partition("/")
    return (owner, rest) if slash else (organization or default_owner, name)


@router.get("/api/whoami-v2")
async def whoami(db: Db, viewer: AnySignedIn) -> dict[str, Any]:
    """Say whose credential this is."""
    person = await accounts.person(db, viewer.require_user())
    organizations = await accounts.organizations_of(db, viewer.require_user())
    may_write = Scope.REPOS_WRITE in viewer.scopes
    return {
        "type": "user",
        "id": str(viewer.user_id),
        "name": viewer.name,
        "fullname": person.account.display_name or viewer.name,
        "email": person.user.email if Scope.ACCOUNT in viewer.scopes else None,
        "emailVerified": True,
        "isPro": False,
        "canPay": False,
        "periodEnd": None,
        "avatarUrl": "",
        "orgs": [
            {
                "type": "org",
                "id": str(account.id),
                "name": account.name,
                "fullname": account.label,
                "isEnterprise": False,
                "roleInOrg": role.value,
            }
            for account, role in organizations
        ],
        "auth": {
            "type": "access_token",
            "accessToken": {
                "displayName": viewer.token_name,
                "role": "write" if may_write else "read",
            },
        },
    }


@router.post("/api/repos/create")
async def create(request: Request, db: Db, viewer: RepoWriter, body: CreateIn) -> Response:
    """Create a repository; 409 with its address if there is one."""
    kind = kind_named(body.type)
    owner, name = split_name(body.name, body.organization, viewer.name)
    private = body.private if body.visibility is None else body.visibility == "private"
    service.check_repository_name(name)
    try:
        existing = await policy.access_repository(db, viewer, kind, owner, name)
    except (policy.MovedError, NotFoundError):
        existing = None
    if existing is not None:
        url = repository_url(request, existing)
        message = "You already created this repository"
        headers = {"X-Error-Code": "exists", "X-Error-Message": message}
        return JSONResponse({"error": message, "url": url}, 409, headers)
    made = await service.create_repository(
        db, storage_of(request), viewer, kind, owner, name, private=private
    )
    return JSONResponse({"url": repository_url(request, made), "name": f"{owner}/{name}"})


@router.delete("/api/repos/delete")
async def delete(db: Db, viewer: RepoWriter, body: DeleteIn) -> dict[str, bool]:
    """Delete a repository."""
    owner, name = split_name(body.name, body.organization, viewer.name)
    try:
        repository = await policy.access_for_admin(db, viewer, kind_named(body.type), owner, name)
    except policy.MovedError as moved:
        raise repository_not_found() from moved
    await service.delete_repository(db, repository)
    return {"success": True}


@router.post("/api/repos/move")
async def move(request: Request, db: Db, viewer: RepoWriter, body: MoveIn) -> dict[str, str]:
    """Give a repository another address."""
    old_owner, _slash, old_name = body.from_repo.partition("/")
    new_owner, slash, new_name = body.to_repo.partition("/")
    if not slash or not old_name:
        raise BadRequestError("Write both names as owner/name.")
    if body.type == "bucket":
        bucket = await bucket_policy.access_for_write(db, viewer, old_owner, old_name)
        owner = await bucket_policy.owner_named(db, viewer, new_owner)
        await buckets.rename_bucket(db, viewer, bucket, owner, new_name)
        return {"url": f"{base_url(request)}/buckets/{owner.name}/{new_name}"}
    try:
        repository = await policy.access_for_admin(
            db, viewer, kind_named(body.type), old_owner, old_name
        )
    except policy.MovedError as moved:
        raise repository_not_found() from moved
    await service.rename_repository(db, viewer, repository, new_owner, new_name)
    return {"url": repository_url(request, repository)}


@router.post("/api/validate-yaml")
async def validate_yaml(request: Request, _viewer: Anybody, body: YamlIn) -> Response:
    """Check a card as a commit would read it; as lines of text for who asks for text."""
    card = parse_card(body.content, is_dataset=body.repo_type == "dataset")
    errors = [{"message": detail.message} for detail in card.problems]
    warnings = [{"message": sentence} for sentence in card.warnings]
    answer = {"errors": errors, "warnings": warnings}
    if "text/plain" in request.headers.get("accept", ""):
        lines = [f"- Error: {row['message']}" for row in errors]
        lines += [f"- Warning: {row['message']}" for row in warnings]
        return PlainTextResponse("\n".join(lines), 400 if errors else 200)
    if errors:
        return JSONResponse({**answer, "error": errors[0]["message"]}, 400)
    return JSONResponse(answer)


@router.get("/api/agent-harnesses")
async def agent_harnesses(_viewer: Anybody) -> dict[str, Any]:
    """Answer the client's daily question for a list that this site does not keep."""
    return {"standardEnvVars": [], "harnesses": {}}


@router.api_route("/api/telemetry/{rest:path}", methods=["GET", "HEAD"])
async def telemetry(_viewer: Anybody, rest: str) -> Response:
    """Take note of nothing."""
    del rest
    return Response(status_code=200)


@router.post("/v1/telemetry")
async def xet_telemetry() -> Response:
    """Take note of nothing."""
    return Response(status_code=204)
