"""Lists of repositories at any size: which rows, and how many (see also `queries.facets`).

No statement here reads the whole table for a page. A list is first looked for among the first
`SCAN` rows of its order, which finds a page of everything that is not rare; what is rare is then
found by the index of the rare thing and sorted. The planner alone would have to guess which of
the two it is, and a wrong guess reads a million rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    func,
    select,
    tuple_,
)
from sqlalchemy.orm import aliased, load_only

from app.core.db import AsyncSession
from app.core.security import Viewer
from app.hub.queries.repositories import visible_to
from app.hub.schemas import Filters, Sort
from app.hub.tables import Repository
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
SCAN = 5_000
_HEAVY = ("card", "weights", "config", "search_text")


def conditions(filters: Filters, row: type[Repository]) -> list[ColumnElement[bool]]:
    """Return what narrows the list, besides the kind and what the viewer may see."""
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


def ordered(
    statement: Select[Any], row: type[Repository], sort: Sort, after: tuple[Any, int] | None
) -> Select[Any]:
    """Return the statement in the order of a list, from behind the row `after` on."""
    column = getattr(row, SORT_COLUMNS[sort])
    if after is not None:
        statement = statement.where(tuple_(column, row.id) < tuple_(*after))
    if sort is Sort.PARAMETERS:
        statement = statement.where(column.is_not(None))
    return statement.order_by(column.desc(), row.id.desc())


@dataclass(frozen=True)
class Matches:
    """Ids of a page in the list's order, one more than `filters.limit` if there is more.

    Where a list is rare among the first rows, `rare` holds more of its ids than the page needs.
    """

    ids: list[int]
    rare: list[int] | None = None


async def matching_ids(
    db: AsyncSession, viewer: Viewer, filters: Filters, after: tuple[Any, int] | None,
    num_rare: int = 0,
) -> Matches:  # fmt: skip
    """Return the ids of a page, and up to `num_rare` where the indexes had to be asked."""
    where = conditions(filters, Repository)
    wanted = filters.limit + 1
    if not where:
        plain = select(Repository.id).where(Repository.kind == filters.kind, visible_to(viewer))
        statement = ordered(plain, Repository, filters.sort, after).limit(wanted)
        return Matches(list(await db.scalars(statement)))
    found = list(await db.scalars(_first_of_order(viewer, filters, after, wanted)))
    if len(found) == wanted:
        return Matches(found)
    most = max(wanted, num_rare)
    rare = list(await db.scalars(_by_index(viewer, filters, after, most)))
    return Matches(rare[:wanted], rare)


def _first_of_order(
    viewer: Viewer, filters: Filters, after: tuple[Any, int] | None, wanted: int
) -> Select[Any]:
    kind = select(Repository).where(Repository.kind == filters.kind)
    window = ordered(kind, Repository, filters.sort, after).limit(SCAN)
    row = aliased(Repository, window.subquery())
    return select(row.id).where(visible_to(viewer, row), *conditions(filters, row)).limit(wanted)


def _by_index(
    viewer: Viewer, filters: Filters, after: tuple[Any, int] | None, wanted: int
) -> Select[Any]:
    """Return the statement that finds everything first and sorts it then."""
    column = SORT_COLUMNS[filters.sort]
    hits = (
        select(Repository.id, getattr(Repository, column))
        .where(
            Repository.kind == filters.kind, visible_to(viewer), *conditions(filters, Repository)
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
            Repository.kind == filters.kind, visible_to(viewer), *conditions(filters, Repository)
        )
        .limit(COUNT_LIMIT + 1)
    ).subquery()
    return (await db.scalar(select(func.count()).select_from(inner))) or 0


async def try_lock(db: AsyncSession, name: str) -> bool:
    """Whether this transaction is the one of all processes that holds the lock `name`."""
    return bool(
        await db.scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended(name, 0))))
    )
