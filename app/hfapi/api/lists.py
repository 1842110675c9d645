"""Lists of repositories, narrowed and ordered by the query."""

from typing import Any

from fastapi import APIRouter, Request, Response

from app.core.errors import BadRequestError
from app.core.http import Db, RepoReader
from app.hfapi import views
from app.hfapi.context import (
    kind_of,
    next_link,
)
from app.hub import service
from app.hub.schemas import Filters, Sort
from app.hub.service import Repository

router = APIRouter(include_in_schema=False)

_MAX_LIST = 1000


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
