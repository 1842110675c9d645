"""Browsing: folders, files, history, one commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.core.errors import (
    AppError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnauthorizedError,
)
from app.core.markdown import Links
from app.hub import policy
from app.hub.formats import HEAD_BYTES, may_run_code
from app.hub.pages.opening import Place, ReadPlace, at_both, show
from app.hub.pages.preview import Preview, is_weights, preview, tensor_preview
from app.hub.schemas import FileHandle, TreeFile
from app.hub.service import access, files, revisions, weights

router = APIRouter(include_in_schema=False)
_ENTRIES = 500
_COMMITS = 50
# Pages of history are counted: the walk over a history is bounded by where it ends.
PageNumber = Annotated[int, Query(alias="cursor", ge=0, le=10_000)]


@dataclass(frozen=True)
class Crumb:
    """One part of a path and the folder it leads to."""

    name: str
    path: str


def crumbs(path: str) -> Sequence[Crumb]:
    """Return each folder on the way to `path`, and `path` itself."""
    parts = [part for part in path.split("/") if part]
    return [Crumb(part, "/".join(parts[: i + 1])) for i, part in enumerate(parts)]


async def place_context(place: Place) -> dict[str, Any]:
    """Return what the line above files shows: revision, path, and other revisions to choose."""
    refs = await revisions.list_refs(place.db, place.at.repository)
    return {
        "rev": place.rev,
        "path": place.path,
        "crumbs": crumbs(place.path),
        "refs": refs,
        "is_branch": any(branch.name == place.rev for branch in refs.branches),
    }


@at_both(router, "/tree/{rev}")
@at_both(router, "/tree/{rev}/{path:path}")
async def folder_page(request: Request, place: ReadPlace, page: PageNumber = 0) -> HTMLResponse:
    """List a folder: folders first, each path with the commit that last changed it."""
    db, repository, rev = place.db, place.at.repository, place.rev
    _revision, items = await files.list_tree(db, repository, rev, place.path, expand=True)
    entries = sorted(items, key=lambda item: (isinstance(item, TreeFile), item.path))
    following = (page + 1) * _ENTRIES
    return show(
        request,
        "hub/files.html",
        place.at,
        parent=place.path.rpartition("/")[0],
        may_run_code=may_run_code,
        entries=entries[page * _ENTRIES : following],
        next_cursor=str(page + 1) if following < len(entries) else None,
        latest=await revisions.commit_of(db, repository, rev),
        num_commits=await revisions.count_commits(db, repository, rev),
        **await place_context(place),
    )


async def _gate(request: Request, place: Place, problem: AppError) -> HTMLResponse:
    at = place.at
    if not at.repository.gated or at.repository.disabled:
        raise problem
    return show(
        request,
        "hub/gate.html",
        at,
        status_code=problem.status,
        gate=access.gate_of(at.repository),
        asked=await access.request_of(place.db, at.viewer, at.repository),
        given={},
        error="",
    )


@at_both(router, "/blob/{rev}/{path:path}")
async def file_page(
    request: Request,
    place: ReadPlace,
    view: Annotated[str, Query(max_length=10)] = "",
    words: Annotated[str, Query(alias="tensor", max_length=200)] = "",
) -> HTMLResponse:
    """Show a file: text with colours, a picture, a table, the tensors of weights."""
    db, repository, rev = place.db, place.at.repository, place.rev
    try:
        await policy.require_files(db, place.at.viewer, repository)
    except (UnauthorizedError, ForbiddenError) as problem:
        return await _gate(request, place, problem)
    file = await files.open_file(db, place.storage, repository, rev, place.path)
    found = await files.find_paths(db, repository, rev, [place.path], expand=True)
    return show(
        request,
        "hub/file.html",
        place.at,
        file=file,
        last_commit=next((item.last_commit for item in found), None),
        shown=await _shown(place, file, words, source=view == "source"),
        words=words,
        is_risky=may_run_code(file.path, await file.read_all(0, min(file.size, HEAD_BYTES))),
        is_source=view == "source",
        raw_url=place.url("resolve"),
        **await place_context(place),
    )


async def _shown(place: Place, file: FileHandle, words: str, *, source: bool) -> Preview:
    if not is_weights(place.path) or source:
        return await preview(file, _links(place), source=source)
    try:
        found = await weights.read_weights(
            place.db, place.storage, place.at.repository, place.rev, place.path
        )
    except (InvalidError, NotFoundError) as error:
        if place.path.endswith(".json"):
            return await preview(file, _links(place), source=True)
        return Preview("none", why=f"{error.message} {error.fix}")
    return tensor_preview(found, words)


def _links(place: Place) -> Links:
    """Return where relative addresses inside the file lead: beside it, at the same revision."""
    folder = place.path.rpartition("/")[0]
    base = f"{quote(place.rev, safe='')}/{quote(folder)}/" if folder else f"{quote(place.rev)}/"
    return Links(f"{place.at.url}/blob/{base}", f"{place.at.url}/resolve/{base}")


@at_both(router, "/raw/{rev}/{path:path}")
async def raw_file(place: ReadPlace) -> RedirectResponse:
    """Lead to the bytes of a file, where clients fetch them too."""
    return RedirectResponse(place.url("resolve"))


@at_both(router, "/commits/{rev}")
async def history_page(request: Request, place: ReadPlace, page: PageNumber = 0) -> HTMLResponse:
    """List the commits behind a revision, newest first."""
    commits, has_more = await revisions.history(
        place.db, place.at.repository, place.rev, page=page, limit=_COMMITS
    )
    return show(
        request,
        "hub/commits.html",
        place.at,
        commits=commits,
        next_cursor=str(page + 1) if has_more else None,
        **await place_context(place),
    )
