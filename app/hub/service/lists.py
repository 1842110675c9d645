"""Lists of repositories: a page of them, how many there are, and what they can be narrowed to."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from app.core.db import AsyncSession
from app.core.errors import BadRequestError
from app.core.i18n import _
from app.core.pagination import Page, decode_cursor, encode_cursor
from app.core.security import Viewer
from app.hub.queries import lists as queries
from app.hub.schemas import Facet, Filters, RepositoryKind, RepositoryRow, Sort
from app.hub.tables import Repository

FACETS = ("task", "library", "license", "language", "tag")
_LOCK = "hub.facets"


async def list_repositories(
    db: AsyncSession, viewer: Viewer, filters: Filters, cursor: str = ""
) -> Page[RepositoryRow]:
    """Return a page of what `viewer` may see, in the order of `filters.sort`.

    Raises:
        BadRequestError: the cursor is not one of this list.
    """
    page = await list_whole(db, viewer, filters, cursor, light=True)
    return Page([repository_row(row) for row in page.items], page.next_cursor)


async def list_whole(
    db: AsyncSession, viewer: Viewer, filters: Filters, cursor: str = "", *, light: bool = False
) -> Page[Repository]:
    """Return a page of rows; light ones lack card, configuration and weights.

    Raises:
        BadRequestError: the cursor is not one of this list.
    """
    ids = await queries.matching_ids(db, viewer, filters, _after(filters.sort, cursor))
    rows = await queries.rows_of(db, ids[: filters.limit], light=light)
    following = None
    if len(ids) > filters.limit and rows:
        value = getattr(rows[-1], queries.SORT_COLUMNS[filters.sort])
        text = value.isoformat() if isinstance(value, datetime) else value
        following = encode_cursor([filters.sort.value, text, rows[-1].id])
    return Page(rows, following)


def _after(sort: Sort, cursor: str) -> tuple[Any, int] | None:
    if not cursor:
        return None
    name, value, last_id = decode_cursor(cursor, 3)
    try:
        if name != sort.value or not isinstance(last_id, int):
            raise _wrong_cursor()
        if sort in {Sort.CREATED, Sort.UPDATED}:
            return datetime.fromisoformat(str(value)), last_id
        return float(str(value)) if sort is Sort.TRENDING else int(str(value)), last_id
    except ValueError as error:
        raise _wrong_cursor() from error


def _wrong_cursor() -> BadRequestError:
    return BadRequestError(_("This page address does not belong to this list."))


def repository_row(repository: Repository) -> RepositoryRow:
    """Return what a list shows of a repository."""
    return RepositoryRow(
        id=repository.id,
        kind=repository.kind,
        owner=repository.owner_name,
        name=repository.name,
        private=repository.private,
        created_at=repository.created_at,
        updated_at=repository.updated_at,
        head=repository.head,
        downloads=repository.downloads,
        likes=repository.likes,
        trending=repository.trending,
        task=repository.task,
        library=repository.library,
        license=repository.license,
        summary=repository.summary,
        tags=tuple(repository.tags),
        size_bytes=repository.size_bytes,
        gated=repository.gated,
        num_parameters=repository.num_parameters,
    )


async def count_repositories(db: AsyncSession, viewer: Viewer, filters: Filters) -> int:
    """Return how many repositories the whole list has; 10,001 means more than 10,000."""
    return await queries.count_repositories(db, viewer, filters)


class FacetReader:
    """Values that a list can be narrowed to; one bounded look serves all of its facets."""

    def __init__(
        self, db: AsyncSession, viewer: Viewer, filters: Filters, num_values: int = 60
    ) -> None:
        self._db = db
        self._viewer = viewer
        self._filters = replace(filters, sort=Sort.TRENDING, limit=1)
        self._num_values = num_values
        self._samples: dict[Filters, queries.Sample] = {}

    async def _look(self, filters: Filters) -> queries.Sample:
        if filters not in self._samples:
            self._samples[filters] = await queries.sample(
                self._db, self._viewer, filters, self._num_values
            )
        return self._samples[filters]

    async def count(self) -> tuple[int, bool]:
        """Return how many rows the list has, and whether it is only known to have so many."""
        if self._is_narrowed(self._filters):
            seen = await self._look(self._filters)
            return seen.num_rows, seen.is_cut
        found = await queries.count_repositories(self._db, self._viewer, self._filters)
        return min(found, queries.COUNT_LIMIT), found > queries.COUNT_LIMIT

    def _is_narrowed(self, filters: Filters) -> bool:
        return filters != Filters(filters.kind, sort=Sort.TRENDING, limit=1)

    async def values(self, facet: str, limit: int = 20) -> list[Facet]:
        """Return the most frequent values of `task`, `library`, `license`, `language` or `tag`.

        The facet's own filter does not narrow its values, so that another one can be chosen.
        """
        filters = self._filters
        if facet != "tag":
            filters = replace(filters, **{facet: ""})  # type: ignore[arg-type]  # text fields
        found = await self._look(filters)
        if found.is_cut and not self._is_narrowed(filters):
            counted = await queries.counted_facet(self._db, filters.kind, facet, limit)
            if counted:
                return counted
        values = found.values[facet][:limit]
        return [Facet(value, number, is_floor=found.is_cut) for value, number in values]


async def facets(
    db: AsyncSession, viewer: Viewer, filters: Filters, facet: str, limit: int = 20
) -> list[Facet]:
    """Return the most frequent values of one facet; see `FacetReader`."""
    return await FacetReader(db, viewer, filters).values(facet, limit)


async def known_tags(
    db: AsyncSession, viewer: Viewer, kind: RepositoryKind
) -> dict[str, list[Facet]]:
    """Return the tags in use, the most frequent first, with tasks and libraries apart."""
    reader = FacetReader(db, viewer, Filters(kind), num_values=5_000)
    return {facet: await reader.values(facet, 5_000) for facet in FACETS}


async def count_facets(db: AsyncSession) -> bool:
    """Count what lists can be narrowed to; False if another process does so just now."""
    if not await queries.try_lock(db, _LOCK):
        return False
    await queries.count_facets(db)
    return True
