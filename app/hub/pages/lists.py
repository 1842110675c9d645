"""The lists of models and data sets; every filter is part of the address."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from app.core.feeds import ENTRIES, Entry, Feed, feed, list_address
from app.core.http import Db, RepoReader
from app.core.i18n import _
from app.core.templating import render
from app.hub.schemas import Facet, Filters, RepositoryKind, RepositoryRow, Sort
from app.hub.service import lists

router = APIRouter(include_in_schema=False)
_VALUES = 12
_FACETS = lists.FACETS
_SAID = {*_FACETS, "q", "owner"}
Word = Annotated[str, Field(max_length=200)]


class ListQuery(BaseModel):
    """What an address of a list may say; words it does not know are left alone."""

    q: Word = ""
    task: Word = ""
    library: Word = ""
    license: Word = ""
    language: Word = ""
    tag: Word = ""
    owner: Word = ""
    sort: Sort = Sort.TRENDING
    cursor: Word = ""

    def filters(self, kind: RepositoryKind) -> Filters:
        """Return what the list is narrowed to."""
        return Filters(
            kind=kind,
            search=self.q.strip(),
            task=self.task,
            library=self.library,
            license=self.license,
            language=self.language,
            tags=(self.tag,) if self.tag else (),
            owner=self.owner,
            sort=self.sort,
        )


Asked = Annotated[ListQuery, Query()]


@router.get("/models")
async def models(request: Request, db: Db, viewer: RepoReader, asked: Asked) -> HTMLResponse:
    """List the models the viewer may see."""
    return await _list_page(request, db, viewer, asked.filters(RepositoryKind.MODEL), asked.cursor)


@router.get("/datasets")
async def datasets(request: Request, db: Db, viewer: RepoReader, asked: Asked) -> HTMLResponse:
    """List the data sets the viewer may see."""
    return await _list_page(
        request, db, viewer, asked.filters(RepositoryKind.DATASET), asked.cursor
    )


@feed(router, "/models")
async def model_feed(request: Request, db: Db, viewer: RepoReader, asked: Asked) -> Feed:
    """Tell of the newest models of a list."""
    filters = asked.filters(RepositoryKind.MODEL)
    return await _feed(request, db, viewer, filters, _("Models"))


@feed(router, "/datasets")
async def dataset_feed(request: Request, db: Db, viewer: RepoReader, asked: Asked) -> Feed:
    """Tell of the newest data sets of a list."""
    filters = asked.filters(RepositoryKind.DATASET)
    return await _feed(request, db, viewer, filters, _("Data sets"))


async def _feed(request: Request, db: Db, viewer: RepoReader, filters: Filters, title: str) -> Feed:
    newest = replace(filters, sort=Sort.CREATED, limit=ENTRIES)
    page = await lists.list_repositories(db, viewer, newest)
    said = request.query_params.multi_items()
    words = ", ".join(value for name, value in said if name in _SAID and value)
    return Feed(
        title=f"{title}: {words} · Tuningfork" if words else f"{title} · Tuningfork",
        address=list_address(request),
        entries=[repository_entry(row) for row in page.items],
    )


def repository_entry(row: RepositoryRow) -> Entry:
    """Return a repository as an entry of a feed."""
    return Entry(
        key=f"{row.kind.value}/{row.id}",
        title=row.full_name,
        address=f"/{row.kind.web_prefix}{row.full_name}",
        updated=row.updated_at,
        published=row.created_at,
        author=row.owner,
        summary=row.summary,
    )


async def _list_page(
    request: Request, db: Db, viewer: RepoReader, filters: Filters, cursor: str
) -> HTMLResponse:
    page, found = await lists.list_narrowable(db, viewer, filters, cursor)
    facets = {name: found.facets[name][:_VALUES] for name in _FACETS}
    facets["tag"] = _free_tags({**facets, "tag": found.facets["tag"]})
    narrowing = {*_FACETS, "q", "owner"}
    return render(
        request,
        "hub/list.html",
        viewer=viewer,
        kind=filters.kind,
        filters=filters,
        rows=page.items,
        next_cursor=page.next_cursor,
        total=found.total,
        is_floor=found.is_floor,
        facets=facets,
        narrowed=any(request.query_params.get(name) for name in narrowing),
        kept=[
            (name, value)
            for name, value in request.query_params.multi_items()
            if name in {*_FACETS, "owner"} and value
        ],
    )


def _free_tags(facets: Mapping[str, Sequence[Facet]]) -> list[Facet]:
    """Leave out the tags that another facet offers already, and those that machines read."""
    offered = {item.value for name in _FACETS if name != "tag" for item in facets[name]}
    free = [tag for tag in facets["tag"] if ":" not in tag.value and tag.value not in offered]
    return free[:_VALUES]
