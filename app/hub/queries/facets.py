"""What the rows of a list carry and how many they are: one bounded look answers all of it.

A list of a page is shown beside the values it could be narrowed to. A chosen value does not narrow
its own facet, so a list with three chosen values has four sets of rows to count. One statement
reads the first rows of the whole list once and counts every set among them; only what is rare
there is found by its indexes.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    and_,
    any_,
    column,
    delete,
    literal,
    or_,
    select,
    text,
    union_all,
)
from sqlalchemy.orm import aliased

from app.core.db import AsyncSession
from app.core.security import Viewer
from app.hub.queries.lists import SCAN, conditions, ordered
from app.hub.queries.repositories import visible_to
from app.hub.schemas import Facet, Filters, RepositoryKind, Sort
from app.hub.tables import FacetCount, Repository

# The name of the row that counts all public repositories of a kind, and of the whole list's set.
TOTAL = ""
# This many of a set's rows are enough; with fewer than few among the first rows, it is rare.
ENOUGH = 1_001
_FEW = 50
_ROLLED_VALUES = 5_000
_VALUES = {
    "task": "task",
    "library": "library",
    "license": "license",
    "language": "unnest(languages)",
    "tag": "unnest(tags)",
    TOTAL: "''::text",
}
_COLUMNS = {
    "task": Repository.task,
    "library": Repository.library,
    "license": Repository.license,
    "language": Repository.languages,
    "tag": Repository.tags,
}
_ARRAYS = {"language", "tag"}
_IDS = ARRAY(BigInteger)
# The facets of which one value can be chosen.
CHOSEN = ("task", "library", "license", "language")


@dataclass(frozen=True)
class Sample:
    """Values by facet of the rows of one set, and how many rows those are.

    `is_cut` means that the set has more rows than were looked at.
    """

    num_rows: int
    values: dict[str, list[tuple[str, int]]]
    is_cut: bool


async def is_large(db: AsyncSession, kind: RepositoryKind) -> bool:
    """Whether there are more repositories of the kind than a look takes in."""
    one = select(Repository.id).where(Repository.kind == kind)
    far = ordered(one, Repository, Sort.TRENDING, None).offset(SCAN).limit(1)
    return await db.scalar(far) is not None


@dataclass(frozen=True)
class Look:
    """What to count: for each set of rows the facets wanted of it.

    A set is named by the facet whose chosen value does not narrow it; `TOTAL` is the whole list.
    `matches` are the ids of its first `ENOUGH` rows, where they are known already.
    """

    filters: Filters
    sets: Mapping[str, Collection[str]]
    num_values: int
    is_large: bool
    matches: Sequence[int] | None = None


async def samples(db: AsyncSession, viewer: Viewer, look: Look) -> dict[str, Sample]:
    """Return the most frequent values of the facets of each set of rows.

    A table that is not large is counted whole. Of a large one the first rows are looked at, and
    where few of them belong to a set, it is rare enough to be found by its indexes.
    """
    known: dict[str, Select[Any]] = {}
    if look.matches is not None and TOTAL in look.sets:
        known[TOTAL] = _columns().where(
            visible_to(viewer), Repository.id == any_(literal(look.matches, _IDS))
        )
    unknown = [name for name in look.sets if name not in known]
    found: dict[str, Sample] = {}
    if unknown:
        seen, belongs = _first_rows(viewer, look.filters, unknown)
        found = await _counted(db, {n: seen.where(belongs[n]) for n in unknown}, look)
    rare = [name for name in unknown if look.is_large and found[name].num_rows < _FEW]
    if look.is_large:
        found = {name: replace(sample, is_cut=True) for name, sample in found.items()}
    for name in rare:
        known[name] = _of_index(viewer, without(look.filters, name))
    if rare:
        async with _by_bitmap(db):
            return found | await _counted(db, known, look)
    return found | (await _counted(db, known, look) if known else {})


def without(filters: Filters, facet: str) -> Filters:
    """Return the filters of the set that `facet` does not narrow."""
    return replace(filters, **{facet: ""}) if facet != TOTAL else filters  # type: ignore[arg-type]  # text fields


def _first_rows(
    viewer: Viewer, filters: Filters, sets: Collection[str]
) -> tuple[Select[Any], dict[str, ColumnElement[bool]]]:
    """Return the first rows that belong to any of the sets, and what says to which.

    A row of `WITH` is only read when a set still looks for more, so a common set ends early.
    """
    window = ordered(
        select(Repository).where(Repository.kind == filters.kind), Repository, Sort.TRENDING, None
    ).limit(SCAN)
    row = aliased(Repository, window.subquery())
    chosen = [facet for facet in CHOSEN if getattr(filters, facet)]
    bare = filters
    for facet in chosen:
        bare = without(bare, facet)
    holds = {
        facet: and_(*conditions(Filters(filters.kind, **{facet: getattr(filters, facet)}), row))
        for facet in chosen
    }
    whose = {
        name: and_(literal(True), *(holds[facet] for facet in chosen if facet != name))  # noqa: FBT003  # SQL's own
        for name in sets
    }
    columns = [getattr(row, own.key).label(facet) for facet, own in _COLUMNS.items()]
    belongs = [whose[name].label(f"in_{name}") for name in sets]
    seen = (
        select(*columns, *belongs)
        .where(visible_to(viewer, row), *conditions(bare, row), or_(*whose.values()))
        .cte("seen")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return select(*(seen.c[facet] for facet in _COLUMNS)), {n: seen.c[f"in_{n}"] for n in sets}


def _of_index(viewer: Viewer, filters: Filters) -> Select[Any]:
    return _columns().where(
        Repository.kind == filters.kind, visible_to(viewer), *conditions(filters, Repository)
    )


def _columns() -> Select[Any]:
    columns: list[Any] = [own.label(facet) for facet, own in _COLUMNS.items()]
    return select(*columns)


async def _counted(
    db: AsyncSession, sources: Mapping[str, Select[Any]], look: Look
) -> dict[str, Sample]:
    most = ENOUGH if look.is_large else SCAN + 1
    wanted = look.sets
    rows = [
        source.limit(most).cte(f"rows_{name}").prefix_with("MATERIALIZED", dialect="postgresql")
        for name, source in sources.items()
    ]
    tail = text(_tail(tuple((name, tuple(wanted[name])) for name in sources)))
    counted = tail.bindparams(num_values=look.num_values).columns(*map(column, _COUNTED)).subquery()
    values: dict[str, dict[str, list[tuple[str, int]]]] = {
        name: {facet: [] for facet in wanted[name]} for name in sources
    }
    totals = dict.fromkeys(sources, 0)
    for name, facet, value, number in await db.execute(select(counted).add_cte(*rows)):
        if facet == TOTAL:
            totals[name] = number
        else:
            values[name][facet].append((value, number))
    return {name: Sample(totals[name], values[name], totals[name] >= most) for name in sources}


@lru_cache(maxsize=64)
def _tail(wanted: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
    """Return the statement over `rows_<set>`; as text, for building it anew takes longer than it.

    Only the words of the table of facets are put in.
    """
    parts = []
    for name, facets in wanted:
        parts.append(_NUMBER.format(name=name))
        parts += [(_WORDS if f in _ARRAYS else _WORD).format(name=name, facet=f) for f in facets]
    return " UNION ALL ".join(parts)


_COUNTED = ("name", "facet", "value", "n")
_NUMBER = "SELECT '{name}' AS name, '' AS facet, '' AS value, count(*) AS n FROM rows_{name}"
_WORD = """
SELECT * FROM (
    SELECT '{name}', '{facet}', value, count(*) FROM (SELECT {facet} AS value FROM rows_{name}) AS v
    WHERE value <> '' GROUP BY value ORDER BY count(*) DESC, value LIMIT :num_values
) AS most_{name}_{facet}
"""
_WORDS = _WORD.replace("SELECT {facet} AS", "SELECT unnest({facet}) AS")


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


async def stored(
    db: AsyncSession, kind: RepositoryKind, facets: Collection[str], limit: int
) -> dict[str, list[Facet]]:
    """Return the most frequent values as they were last counted over all public repositories.

    The facet `TOTAL` holds one value, how many those are. What was never counted is empty.
    """
    parts = [
        select(
            select(FacetCount.facet, FacetCount.value, FacetCount.count)
            .where(FacetCount.kind == kind, FacetCount.facet == facet)
            .order_by(FacetCount.count.desc(), FacetCount.value)
            .limit(limit)
            .subquery()
        )
        for facet in facets
    ]
    found: dict[str, list[Facet]] = {facet: [] for facet in facets}
    for facet, value, count in await db.execute(union_all(*parts)):
        found[facet].append(Facet(value, count))
    return found


async def count_facets(db: AsyncSession, facets: Collection[str] = tuple(_VALUES)) -> None:
    """Count every facet's values over all public repositories; reads the table once a facet."""
    await db.execute(delete(FacetCount).where(FacetCount.facet.in_(facets)))
    for facet in facets:
        where = "" if facet == TOTAL else "WHERE value <> ''"
        statement = _COUNT.format(value=_VALUES[facet], where=where)
        await db.execute(text(statement), {"facet": facet})


_COUNT = f"""
INSERT INTO hub_facet_count (kind, facet, value, count)
SELECT kind, :facet, value, n FROM (
    SELECT kind, value, count(*) AS n,
           row_number() OVER (PARTITION BY kind ORDER BY count(*) DESC, value) AS place
    FROM (SELECT kind, {{value}} AS value FROM hub_repository WHERE NOT private) AS v
    {{where}} GROUP BY kind, value
) AS counted WHERE place <= {_ROLLED_VALUES}
"""  # noqa: S608  # only the words of the table above are put in
