"""Folders and files at a revision."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AfterValidator, BaseModel, ConfigDict

from app.core.errors import BadRequestError
from app.core.http import Db
from app.core.pagination import decode_cursor, encode_cursor
from app.core.paths import plain
from app.hfapi import views
from app.hfapi.context import (
    LARGE_PAGE,
    PageRequest,
    Readable,
    rev_of,
)
from app.hub import service

router = APIRouter(include_in_schema=False)


class TreeQuery(BaseModel):
    """How much of a folder a client wants; `expand` adds the last commit of each path."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    recursive: bool = False
    expand: bool = False
    limit: Annotated[int, AfterValidator(lambda n: min(max(n, 1), LARGE_PAGE))] = LARGE_PAGE
    cursor: str = ""


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
        try:
            body = await request.json()
        except ValueError as error:
            raise BadRequestError("The body cannot be read as JSON.") from error
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
