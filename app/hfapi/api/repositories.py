"""Repositories as clients read them: description, tree, refs, history, settings, lists."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.core.errors import BadRequestError
from app.core.http import Db, RepoReader, RepoWriter
from app.core.pagination import decode_cursor, encode_cursor
from app.core.paths import plain
from app.hfapi import views
from app.hfapi.context import (
    LARGE_PAGE,
    Readable,
    Writable,
    kind_of,
    next_link,
    rev_of,
)
from app.hub import policy, service
from app.hub.schemas import Filters, Sort
from app.hub.service import Repository, repository_not_found

router = APIRouter(include_in_schema=False)

_MAX_LIST = 1000


class InfoQuery(BaseModel):
    """What a client wants to know of a repository."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)
    blobs: bool = False
    expand: list[str] = []
    bracketed: list[str] = Field(default=[], alias="expand[]")


class TreeQuery(BaseModel):
    """How much of a folder a client wants; `expand` adds the last commit of each path."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    recursive: bool = False
    expand: bool = False
    limit: Annotated[int, AfterValidator(lambda n: min(max(n, 1), LARGE_PAGE))] = LARGE_PAGE
    cursor: str = ""


class HistoryQuery(BaseModel):
    """Which page of a history a client wants."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)
    p: Annotated[int, AfterValidator(lambda n: min(max(n, 0), 100_000))] = 0
    limit: Annotated[int, AfterValidator(lambda n: min(max(n, 1), 1000))] = 50
    expand: list[str] = []
    bracketed: list[str] = Field(default=[], alias="expand[]")


@dataclass(frozen=True)
class PageRequest:
    """A request whose answer may have a next page."""

    request: Request
    response: Response
    db: Db

    def next_page(self, **changes: str) -> None:
        """Say where the next page is."""
        self.response.headers["Link"] = next_link(self.request, **changes)


class SettingsIn(BaseModel):
    """What may be changed; `gated` is accepted only as off."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    private: bool | None = None
    visibility: str | None = None
    gated: bool | str | None = None


class StartIn(BaseModel):
    """Where a branch starts."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    startingPoint: str | None = None  # noqa: N815  # the protocol's spelling


class TagIn(BaseModel):
    """A tag to make."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    tag: str
    message: str | None = None


@router.get("")
async def list_repositories(
    request: Request, response: Response, db: Db, viewer: RepoReader
) -> list[dict[str, Any]]:
    """List what the viewer may see, narrowed by the query."""
    kind, query = kind_of(request), request.query_params
    filters = Filters(
        kind=kind,
        search=" ".join(query.getlist("search"))[:200],
        owner=query.get("author", "")[:100],
        task=query.get("pipeline_tag", ""),
        tags=tuple(tag for value in query.getlist("filter") for tag in value.split(",") if tag),
        sort=_sort(query.get("sort", "")),
        limit=min(max(_number(query.get("limit"), _MAX_LIST), 1), _MAX_LIST),
    )
    page = await service.list_repositories(db, viewer, filters, query.get("cursor", ""))
    wanted = views.wanted_fields(query.getlist("expand"), query.getlist("expand[]"))
    if page.next_cursor:
        response.headers["Link"] = next_link(request, cursor=page.next_cursor)
    rows = await service.repositories_by_id(db, [row.id for row in page.items])
    files: dict[int, list[str]] = {}
    if "siblings" in wanted or query.get("full", "").lower() == "true":
        files = await service.paths_of(db, [row.id for row in page.items])
    return [_listed(rows[row.id], files, wanted) for row in page.items if row.id in rows]


def _listed(
    repository: Repository, files: dict[int, list[str]], wanted: list[str]
) -> dict[str, Any]:
    siblings = None
    if files:
        siblings = [{"rfilename": path} for path in files.get(repository.id, [])]
    info = views.repository_info(repository, siblings=siblings)
    return views.only(info, wanted, repository.kind)


def _sort(word: str) -> Sort:
    known = {sort.value.lower(): sort for sort in Sort}
    aliases = {"created_at": Sort.CREATED, "last_modified": Sort.UPDATED}
    aliases |= {"trending_score": Sort.TRENDING, "": Sort.TRENDING}
    found = known.get(word.lower()) or aliases.get(word.lower())
    if found is None:
        names = ", ".join(sort.value for sort in Sort)
        raise BadRequestError(f'"sort" must be one of {names}.')
    return found


def _number(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isdigit() or len(text) > 9:  # noqa: PLR2004  # nobody wants a billion
        raise BadRequestError('"limit" must be a whole number.')
    return int(text)


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


@router.get("/{owner}/{name}/tree/{rev}")
@router.get("/{owner}/{name}/tree/{rev}/{path:path}")
async def tree(
    at: Annotated[PageRequest, Depends()],
    repository: Readable,
    query: Annotated[TreeQuery, Query()],
    rev: str,
    path: str = "",
) -> list[dict[str, Any]]:
    """List a folder at a revision, in pages."""
    _revision, items = await service.list_tree(
        at.db,
        repository,
        rev_of(rev),
        plain(path).strip("/"),
        recursive=query.recursive,
        expand=query.expand,
    )
    after = str(decode_cursor(query.cursor, 1)[0]) if query.cursor else ""
    rest = [item for item in items if item.path > after] if after else items
    if len(rest) > query.limit:
        at.next_page(cursor=encode_cursor([rest[query.limit - 1].path]))
    return [views.tree_item(item) for item in rest[: query.limit]]


@router.post("/{owner}/{name}/paths-info/{rev}")
async def paths_info(
    request: Request, db: Db, repository: Readable, rev: str
) -> list[dict[str, Any]]:
    """Describe some paths; those that are not there are left out."""
    if request.headers.get("content-type", "").startswith("application/json"):
        body = await request.json()
        if not isinstance(body, dict):
            raise BadRequestError("Send an object with `paths`.")
        paths, expand = body.get("paths", []), body.get("expand") is True
        paths = [paths] if isinstance(paths, str) else paths
    else:
        form = await request.form(max_fields=LARGE_PAGE)
        paths = form.getlist("paths")
        expand = str(form.get("expand", "")).lower() == "true"
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise BadRequestError("`paths` must be a list of texts.")
    items = await service.find_paths(db, repository, rev_of(rev), paths[:LARGE_PAGE], expand=expand)
    return [views.tree_item(item) for item in items]


@router.get("/{owner}/{name}/refs")
async def refs(db: Db, repository: Readable, include_prs: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002  # a query switch
    """List branches and tags."""
    found = await service.list_refs(db, repository)

    def rows(items: Any) -> list[dict[str, str]]:
        return [{"name": i.name, "ref": i.ref, "targetCommit": i.target} for i in items]

    answer: dict[str, Any] = {
        "branches": rows(found.branches),
        "converts": [],
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
