"""People and organisations: who they are, what they have and what they like."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from app.accounts import policy as accounts_policy
from app.accounts import service as accounts
from app.accounts.schemas import AccountKind, AccountRef, Profile, Role
from app.core.db import AsyncSession
from app.core.errors import NotFoundError
from app.core.http import Db, RepoReader
from app.core.i18n import _
from app.core.security import Viewer
from app.hfapi import views
from app.hfapi.context import PageRequest
from app.hfapi.people_views import liker, organization
from app.hub import service
from app.hub.schemas import Filters, RepositoryKind, RepositoryRow, Sort
from app.hub.service import popularity

router = APIRouter(include_in_schema=False)
_PAGE = 100


async def _profile(db: AsyncSession, name: str, kind: AccountKind) -> Profile:
    found = await accounts.profile(db, name)
    if found.account.kind is not kind:
        raise NotFoundError(_("There is no such account."))
    return found


async def _counts(db: AsyncSession, viewer: Viewer, account: AccountRef) -> dict[str, int]:
    """Return how many repositories the viewer may see of an account."""
    counts = {"numSpaces": 0, "numPapers": 0, "numUpvotes": 0, "numDiscussions": 0}
    for kind in RepositoryKind:
        filters = Filters(kind, owner_id=account.id)
        number = await service.count_repositories(db, viewer, filters)
        counts[f"num{kind.plural.capitalize()}"] = number
    return counts


@router.get("/api/users/{name}/overview")
async def user_overview(db: Db, viewer: RepoReader, name: str) -> dict[str, Any]:
    """Describe a person."""
    found = await _profile(db, name, AccountKind.USER)
    return {
        **liker(found.account),
        **await _counts(db, viewer, found.account),
        "details": found.about,
        "numLikes": await popularity.count_likes_of(db, found.account.id),
        "numFollowing": 0,
        "numFollowers": 0,
        "orgs": [organization(account) for account, _role in found.organizations],
        "createdAt": views.moment(found.joined_at),
    }


@router.get("/api/organizations/{name}/overview")
async def organization_overview(db: Db, viewer: RepoReader, name: str) -> dict[str, Any]:
    """Describe an organisation."""
    found = await _profile(db, name, AccountKind.ORGANIZATION)
    return {
        **organization(found.account),
        **await _counts(db, viewer, found.account),
        "details": found.about,
        "isVerified": False,
        "isFollowing": False,
        "numUsers": len(found.members),
        "numFollowers": 0,
        "plan": None,
    }


@router.get("/api/organizations/{name}/members")
async def organization_members(db: Db, viewer: RepoReader, name: str) -> list[dict[str, Any]]:
    """List who is in an organisation."""
    del viewer
    found = await _profile(db, name, AccountKind.ORGANIZATION)
    return [liker(member.account) | {"role": member.role.value} for member in found.members]


# Nobody follows anybody on this site; the lists are there, and empty.
@router.get("/api/organizations/{name}/followers")
async def organization_followers(db: Db, viewer: RepoReader, name: str) -> list[dict[str, Any]]:
    """List who follows an organisation: nobody."""
    del viewer
    await _profile(db, name, AccountKind.ORGANIZATION)
    return []


@router.get("/api/users/{name}/followers")
@router.get("/api/users/{name}/following")
async def user_followers(db: Db, viewer: RepoReader, name: str) -> list[dict[str, Any]]:
    """List who follows a person, or whom they follow: nobody."""
    del viewer
    await _profile(db, name, AccountKind.USER)
    return []


@router.get("/api/users/{name}/likes")
async def user_likes(
    at: Annotated[PageRequest, Depends()], viewer: RepoReader, name: str, cursor: str = ""
) -> list[dict[str, Any]]:
    """List what a person likes, as far as the viewer may see it."""
    found = await _profile(at.db, name, AccountKind.USER)
    page = await popularity.liked_by(at.db, viewer, found.account.id, cursor)
    if page.next_cursor:
        at.next_page(cursor=page.next_cursor)
    return [
        {
            "createdAt": views.moment(since),
            "repo": {"name": views.full_name(row), "type": row.kind.value},
        }
        for row, since in page.items
    ]


@router.get("/api/settings/repositories")
async def own_repositories(
    at: Annotated[PageRequest, Depends()], viewer: RepoReader, cursor: str = ""
) -> list[dict[str, Any]]:
    """List one's own repositories with the room they take."""
    return await _storage(at, viewer, viewer.require_user(), cursor)


@router.get("/api/organizations/{name}/settings/repositories")
async def organization_repositories(
    at: Annotated[PageRequest, Depends()], viewer: RepoReader, name: str, cursor: str = ""
) -> list[dict[str, Any]]:
    """List an organisation's repositories with the room they take."""
    account = await accounts_policy.access_organization(at.db, viewer, name, Role.READ)
    return await _storage(at, viewer, account.id, cursor)


async def _storage(
    at: PageRequest, viewer: Viewer, owner_id: int, cursor: str
) -> list[dict[str, Any]]:
    """Return a page of one kind after the other; the cursor names the kind it goes on with."""
    kind_word, _dash, rest = cursor.partition("-")
    kinds = list(RepositoryKind)
    kind = RepositoryKind.DATASET if kind_word == "dataset" else kinds[0]
    filters = Filters(kind, owner_id=owner_id, sort=Sort.UPDATED, limit=_PAGE)
    page = await service.list_repositories(at.db, viewer, filters, rest)
    if page.next_cursor:
        at.next_page(cursor=f"{kind.value}-{page.next_cursor}")
    elif kind is not kinds[-1]:
        at.next_page(cursor=f"{kinds[-1].value}-")
    total = await service.total_bytes(at.db, owner_id)
    return [_stored(row, total) for row in page.items]


def _stored(row: RepositoryRow, total: int) -> dict[str, Any]:
    return {
        "_id": views.object_id(row.id),
        "id": row.full_name,
        "type": row.kind.value,
        "updatedAt": views.moment(row.updated_at),
        "visibility": "private" if row.private else "public",
        "storage": row.size_bytes,
        "storagePercent": round(100 * row.size_bytes / total, 2) if total else 0.0,
    }


_TYPES = {
    "license": "license",
    "language": "language",
    "dataset": "dataset",
    "base_model": "base_model",
    "task_categories": "task_categories",
    "task_ids": "task_ids",
    "size_categories": "size_categories",
    "modality": "modality",
    "format": "format",
    "arxiv": "arxiv",
}


@router.get("/api/{plural}-tags-by-type")
async def tags_by_type(
    response: Response, db: Db, viewer: RepoReader, plural: str
) -> dict[str, list[dict[str, str]]]:
    """List the tags that the repositories here carry, by what they say."""
    kinds = {kind.plural: kind for kind in RepositoryKind}
    if plural not in kinds:
        raise NotFoundError(_("There is no such list of tags."))
    response.headers["Cache-Control"] = "private, max-age=60"
    found = await service.known_tags(db, viewer, kinds[plural])
    languages = {facet.value for facet in found["language"]}
    tasks = {facet.value for facet in found["task"]}
    libraries = {facet.value for facet in found["library"]}
    grouped: dict[str, list[dict[str, str]]] = {"region": [_tag("region", views.REGION)]}
    for facet in found["tag"]:
        kind = _type_of(facet.value, tasks, libraries, languages)
        grouped.setdefault(kind, []).append(_tag(kind, facet.value))
    return grouped


def _type_of(tag: str, tasks: set[str], libraries: set[str], languages: set[str]) -> str:
    prefix, colon, _rest = tag.partition(":")
    if colon and prefix in _TYPES:
        return _TYPES[prefix]
    for kind, known in (("pipeline_tag", tasks), ("library", libraries), ("language", languages)):
        if tag in known:
            return kind
    return "other"


def _tag(kind: str, tag: str) -> dict[str, str]:
    return {"type": kind, "id": tag, "label": tag.partition(":")[2] or tag}
