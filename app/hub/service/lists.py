"""Lists of repositories: a page of them, how many there are, and what they can be narrowed to."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core.db import AsyncSession
from app.core.errors import BadRequestError
from app.core.i18n import _
from app.core.pagination import Page, decode_cursor, encode_cursor
from app.core.security import Viewer
from app.hub.queries import facets as counts
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


async def list_narrowable(
    db: AsyncSession, viewer: Viewer, filters: Filters, cursor: str = ""
) -> tuple[Page[RepositoryRow], "Narrowing"]:
    """Return a page of a list as `list_repositories` does, with what it can be narrowed to.

    Raises:
        BadRequestError: the cursor is not one of this list.
    """
    page, rare = await _page(db, viewer, filters, cursor, num_rare=counts.ENOUGH)
    # A later page does not know what was before it, nor that order the rows without a number.
    is_whole = not cursor and filters.sort is not Sort.PARAMETERS
    found = await narrowing(db, viewer, filters, matches=rare if is_whole else None)
    return Page([repository_row(row) for row in page.items], page.next_cursor), found


async def list_whole(
    db: AsyncSession, viewer: Viewer, filters: Filters, cursor: str = "", *, light: bool = False
) -> Page[Repository]:
    """Return a page of rows; light ones lack card, configuration and weights.

    Raises:
        BadRequestError: the cursor is not one of this list.
    """
    return (await _page(db, viewer, filters, cursor, light=light))[0]


async def _page(
    db: AsyncSession, viewer: Viewer, filters: Filters, cursor: str, *, light: bool = True,
    num_rare: int = 0,
) -> tuple[Page[Repository], list[int] | None]:  # fmt: skip
    found = await queries.matching_ids(db, viewer, filters, _after(filters.sort, cursor), num_rare)
    rows = await queries.rows_of(db, found.ids[: filters.limit], light=light)
    return Page(rows, _following(filters, found.ids, rows)), found.rare


def _following(filters: Filters, ids: list[int], rows: list[Repository]) -> str | None:
    if len(ids) <= filters.limit or not rows:
        return None
    value = getattr(rows[-1], queries.SORT_COLUMNS[filters.sort])
    text = value.isoformat() if isinstance(value, datetime) else value
    return encode_cursor([filters.sort.value, text, rows[-1].id])


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
    """Return how many repositories the whole list has.

    A narrowed list is counted up to 10,001, which means more than 10,000. A whole one beyond that
    has as many as there were public ones when they were last counted.
    """
    return (await _whole_count(db, viewer, filters))[0]


async def _whole_count(db: AsyncSession, viewer: Viewer, filters: Filters) -> tuple[int, bool]:
    """Return a number, and whether there are more than that."""
    if not _is_narrowed(viewer, filters):
        stored = (await counts.stored(db, filters.kind, [counts.TOTAL], 1))[counts.TOTAL]
        if stored and stored[0].count > queries.COUNT_LIMIT:
            return stored[0].count, False
    found = await queries.count_repositories(db, viewer, filters)
    return found, found > queries.COUNT_LIMIT


@dataclass(frozen=True)
class Narrowing:
    """What a list can be narrowed to, and how many rows it has.

    `is_floor` means that there are more than `total`.
    """

    facets: dict[str, list[Facet]]
    total: int
    is_floor: bool


async def narrowing(
    db: AsyncSession,
    viewer: Viewer,
    filters: Filters,
    num_values: int = 60,
    matches: list[int] | None = None,
) -> Narrowing:
    """Return the most frequent values of every facet of a list, and its number of rows.

    `matches` are the ids of the list's first rows, if a page has found them already.

    A facet's own filter does not narrow its values, so that another one can be chosen. Values of
    a large list that nothing narrows are those of public repositories, as last counted.
    """
    large = await counts.is_large(db, filters.kind)
    sets = _sets(filters)
    known: dict[str, list[Facet]] = {}
    for name in [name for name in sets if large and not _is_narrowed(viewer, _of(filters, name))]:
        found = await counts.stored(db, filters.kind, sets[name], num_values)
        if any(found.values()):
            known |= found
            del sets[name]
    look = counts.Look(filters, sets, num_values, large, matches if large else None)
    samples = await counts.samples(db, viewer, look)
    for sample in samples.values():
        for facet, values in sample.values.items():
            known[facet] = [Facet(value, number, sample.is_cut) for value, number in values]
    if _is_narrowed(viewer, filters) and counts.TOTAL in samples:
        whole = samples[counts.TOTAL]
        return Narrowing(known, whole.num_rows, whole.is_cut)
    total, is_floor = await _whole_count(db, viewer, filters)
    return Narrowing(known, min(total, queries.COUNT_LIMIT) if is_floor else total, is_floor)


def _of(filters: Filters, name: str) -> Filters:
    return counts.without(filters, name)


def _sets(filters: Filters) -> dict[str, list[str]]:
    """Return which facets are read from which set of rows (see `queries.facets.samples`)."""
    own = [facet for facet in counts.CHOSEN if getattr(filters, facet)]
    whole = [facet for facet in FACETS if facet not in own]
    return {counts.TOTAL: whole} | {facet: [facet] for facet in own}


def _is_narrowed(viewer: Viewer, filters: Filters) -> bool:
    """Whether the list is less than what everybody may see of its kind."""
    plain = Filters(filters.kind, sort=filters.sort, limit=filters.limit)
    return filters != plain or viewer.only_repos is not None


async def known_tags(
    db: AsyncSession, viewer: Viewer, kind: RepositoryKind
) -> dict[str, list[Facet]]:
    """Return the tags in use, the most frequent first, with tasks and libraries apart."""
    return (await narrowing(db, viewer, Filters(kind), num_values=5_000)).facets


async def count_facets(db: AsyncSession) -> bool:
    """Count what lists can be narrowed to; False if another process does so just now."""
    if not await queries.try_lock(db, _LOCK):
        return False
    await counts.count_facets(db)
    return True
