"""Lists of repositories at any size: which rows, how many, and what they could be narrowed to.

No statement here reads the whole table for a page. A list is first looked for among the first
`_SCAN` rows of its order, which finds a page of everything that is not rare; what is rare is then
found by the index of the rare thing and sorted. The planner alone would have to guess which of
the two it is, and a wrong guess reads a million rows.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    delete,
    func,
    literal,
    select,
    text,
    tuple_,
    union_all,
)
from sqlalchemy.orm import aliased, load_only

from app.core.db import AsyncSession
from app.core.security import Viewer
from app.hub.queries.repositories import visible_to
from app.hub.schemas import Facet, Filters, RepositoryKind, Sort
from app.hub.tables import FacetCount, Repository
from app.hub.words import search_patterns

SORT_COLUMNS: dict[Sort, str] = {
    Sort.CREATED: "created_at",
    Sort.UPDATED: "updated_at",
    Sort.DOWNLOADS: "downloads",
    Sort.LIKES: "likes",
    Sort.TRENDING: "trending",
    Sort.PARAMETERS: "num_parameters",
}
COUNT_LIMIT = 10_000
_SCAN = 5_000
_ROLLED_VALUES = 5_000
# Facets: a table up to the window is counted whole; this many of a list's rows are enough, and
# with fewer than few of them among the first rows, the list is rare.
_WINDOW = 10_000
_ENOUGH = 1_001
_FEW = 100
_VALUES = {
    "task": "task",
    "library": "library",
    "license": "license",
    "language": "unnest(languages)",
    "tag": "unnest(tags)",
}
_HEAVY = ("card", "weights", "config", "search_text")


def _conditions(filters: Filters, row: type[Repository]) -> list[ColumnElement[bool]]:
    """Return what narrows the list, besides the kind."""
    where: list[ColumnElement[bool]] = [
        row.search_text.like(pattern, escape="\\") for pattern in search_patterns(filters.search)
    ]
    if filters.owner:
        where.append(func.lower(row.owner_name) == filters.owner.lower())
    if filters.owner_id is not None:
        where.append(row.owner_id == filters.owner_id)
    for value, column in (
        (filters.task, row.task),
        (filters.library, row.library),
        (filters.license, row.license),
    ):
        if value:
            where.append(column == value)
    if filters.language:
        where.append(row.languages.contains([filters.language]))
    if filters.base_model:
        where.append(row.base_models.contains([filters.base_model]))
    if filters.tags:
        where.append(row.tags.contains(list(filters.tags)))
    return where + _bounds(filters, row)


def _bounds(filters: Filters, row: type[Repository]) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if filters.gated is not None:
        where.append(row.gated != "" if filters.gated else row.gated == "")
    if filters.min_parameters is not None:
        where.append(row.num_parameters >= filters.min_parameters)
    if filters.max_parameters is not None:
        where.append(row.num_parameters <= filters.max_parameters)
    return where


def _ordered(
    statement: Select[Any], row: type[Repository], sort: Sort, after: tuple[Any, int] | None
) -> Select[Any]:
    column = getattr(row, SORT_COLUMNS[sort])
    if after is not None:
        statement = statement.where(tuple_(column, row.id) < tuple_(*after))
    if sort is Sort.PARAMETERS:
        statement = statement.where(column.is_not(None))
    return statement.order_by(column.desc(), row.id.desc())


async def matching_ids(
    db: AsyncSession, viewer: Viewer, filters: Filters, after: tuple[Any, int] | None
) -> list[int]:
    """Return ids in the list's order, one more than `filters.limit` if there is more."""
    where = _conditions(filters, Repository)
    wanted = filters.limit + 1
    if not where:
        plain = select(Repository.id).where(Repository.kind == filters.kind, visible_to(viewer))
        statement = _ordered(plain, Repository, filters.sort, after).limit(wanted)
        return list(await db.scalars(statement))
    found = list(await db.scalars(_first_of_order(viewer, filters, after, wanted)))
    if len(found) == wanted:
        return found
    return list(await db.scalars(_by_index(viewer, filters, after, wanted)))


def _first_of_order(
    viewer: Viewer, filters: Filters, after: tuple[Any, int] | None, wanted: int
) -> Select[Any]:
    kind = select(Repository).where(Repository.kind == filters.kind)
    window = _ordered(kind, Repository, filters.sort, after).limit(_SCAN)
    row = aliased(Repository, window.subquery())
    return select(row.id).where(visible_to(viewer, row), *_conditions(filters, row)).limit(wanted)


def _by_index(
    viewer: Viewer, filters: Filters, after: tuple[Any, int] | None, wanted: int
) -> Select[Any]:
    """Return the statement that finds everything first and sorts it then."""
    column = SORT_COLUMNS[filters.sort]
    hits = (
        select(Repository.id, getattr(Repository, column))
        .where(
            Repository.kind == filters.kind, visible_to(viewer), *_conditions(filters, Repository)
        )
        .cte("hits")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    key = hits.c[column]
    statement = select(hits.c.id).order_by(key.desc(), hits.c.id.desc()).limit(wanted)
    if filters.sort is Sort.PARAMETERS:
        statement = statement.where(key.is_not(None))
    if after is not None:
        statement = statement.where(tuple_(key, hits.c.id) < tuple_(*after))
    return statement


async def rows_of(db: AsyncSession, ids: Sequence[int], *, light: bool = True) -> list[Repository]:
    """Return repositories in the order of `ids`; light ones without what only their page needs."""
    if not ids:
        return []
    statement = select(Repository).where(Repository.id.in_(ids))
    if light:
        names = [c.key for c in Repository.__mapper__.column_attrs if c.key not in _HEAVY]
        statement = statement.options(load_only(*(getattr(Repository, name) for name in names)))
    found = {row.id: row for row in await db.scalars(statement)}
    return [found[i] for i in ids if i in found]


async def count_repositories(db: AsyncSession, viewer: Viewer, filters: Filters) -> int:
    """Return how many there are, counting at most 10,001."""
    inner = (
        select(Repository.id)
        .where(
            Repository.kind == filters.kind, visible_to(viewer), *_conditions(filters, Repository)
        )
        .limit(COUNT_LIMIT + 1)
    ).subquery()
    return (await db.scalar(select(func.count()).select_from(inner))) or 0


@asynccontextmanager
async def _by_bitmap(db: AsyncSession) -> AsyncIterator[None]:
    """Make what is read inside the block go through the indexes of all filters together.

    With a limit in sight the planner hopes to meet enough rows early, and reads the whole table
    where two filters seldom meet.
    """
    await db.execute(_PLANNER, {"on": "off"})
    yield
    await db.execute(_PLANNER, {"on": "on"})


_PLANNER = text(
    "SELECT set_config('enable_seqscan', :on, true), set_config('enable_indexscan', :on, true)"
)


@dataclass(frozen=True)
class Sample:
    """Values by facet of a list's rows, and how many rows those are.

    `is_cut` means that the list has more rows than were looked at.
    """

    num_rows: int
    values: dict[str, list[tuple[str, int]]]
    is_cut: bool = False


async def sample(db: AsyncSession, viewer: Viewer, filters: Filters, num_values: int) -> Sample:
    """Return the most frequent values of every facet; the work has a bound at any size.

    A small table is counted whole. Of a large one the first rows of its order are looked at; where
    few of them belong to the list, it is rare enough to be found by its indexes.
    """
    if not await _is_large(db, filters.kind):
        whole = _listed(viewer, filters, Repository)
        return await _counted(db, whole, num_values, _WINDOW + 1)
    window = _ordered(
        select(Repository).where(Repository.kind == filters.kind), Repository, Sort.TRENDING, None
    ).limit(_WINDOW)
    row = aliased(Repository, window.subquery())
    seen = await _counted(db, _listed(viewer, filters, row), num_values, _ENOUGH)
    if seen.num_rows >= _FEW:
        return replace(seen, is_cut=True)
    async with _by_bitmap(db):
        return await _counted(db, _listed(viewer, filters, Repository), num_values, _ENOUGH)


async def _is_large(db: AsyncSession, kind: RepositoryKind) -> bool:
    one = select(Repository.id).where(Repository.kind == kind)
    far = _ordered(one, Repository, Sort.TRENDING, None).offset(_WINDOW).limit(1)
    return await db.scalar(far) is not None


def _listed(viewer: Viewer, filters: Filters, row: type[Repository]) -> Any:
    return select(
        row.task,
        row.library,
        row.license,
        row.languages.label("language"),
        row.tags.label("tag"),
    ).where(row.kind == filters.kind, visible_to(viewer, row), *_conditions(filters, row))


async def _counted(db: AsyncSession, rows: Any, num_values: int, num_rows: int) -> Sample:
    seen = rows.limit(num_rows).cte("seen").prefix_with("MATERIALIZED", dialect="postgresql")
    parts: list[Any] = [select(literal(""), literal(""), func.count()).select_from(seen)]
    for facet in _VALUES:
        column: Any = seen.c[facet]
        if facet in {"language", "tag"}:
            column = func.unnest(column)
        inner = select(column.label("value")).subquery()
        n = func.count()
        counted = (
            select(literal(facet), inner.c.value, n)
            .where(inner.c.value != "")
            .group_by(inner.c.value)
            .order_by(n.desc(), inner.c.value)
            .limit(num_values)
        )
        parts.append(select(counted.subquery()))
    values: dict[str, list[tuple[str, int]]] = {facet: [] for facet in _VALUES}
    total = 0
    for facet, value, number in await db.execute(union_all(*parts)):
        if facet:
            values[facet].append((value, number))
        else:
            total = number
    return Sample(total, values, is_cut=total >= num_rows)


async def counted_facet(
    db: AsyncSession, kind: RepositoryKind, facet: str, limit: int
) -> list[Facet]:
    """Return the most frequent values as they were last counted over all public repositories."""
    statement = (
        select(FacetCount.value, FacetCount.count)
        .where(FacetCount.kind == kind, FacetCount.facet == facet)
        .order_by(FacetCount.count.desc(), FacetCount.value)
        .limit(limit)
    )
    return [Facet(row[0], row[1]) for row in await db.execute(statement)]


async def try_lock(db: AsyncSession, name: str) -> bool:
    """Whether this transaction is the one of all processes that holds the lock `name`."""
    return bool(
        await db.scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended(name, 0))))
    )


async def count_facets(db: AsyncSession, facets: Collection[str] = tuple(_VALUES)) -> None:
    """Count every facet's values over all public repositories; reads the table once a facet."""
    await db.execute(delete(FacetCount).where(FacetCount.facet.in_(facets)))
    for facet in facets:
        await db.execute(text(_COUNT.format(value=_VALUES[facet])), {"facet": facet})


_COUNT = f"""
INSERT INTO hub_facet_count (kind, facet, value, count)
SELECT kind, :facet, value, n FROM (
    SELECT kind, value, count(*) AS n,
           row_number() OVER (PARTITION BY kind ORDER BY count(*) DESC, value) AS place
    FROM (SELECT kind, {{value}} AS value FROM hub_repository WHERE NOT private) AS v
    WHERE value <> '' GROUP BY kind, value
) AS counted WHERE place <= {_ROLLED_VALUES}
"""  # noqa: S608  # only the words of the table above are put in
