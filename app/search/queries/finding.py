"""What matches, how well, and how many, in one statement that reads a bounded part of the index.

There are two ways to the best matches. Of a word that is nearly everywhere, the first rows in the
order of the list hold enough: they are walked. Of any other word the index of words knows every
row, and they are sorted. The planner cannot choose: it does not know that looking into a text
costs a hundred times more than looking at its row. So phrases are asked of the index as words that
stand anywhere, and only of the rows that are ranked, whether they stand side by side.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import (
    CTE,
    REAL,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    text,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY, distinct_on
from sqlalchemy.orm import aliased

from app.core.db import AsyncSession
from app.core.security import Viewer
from app.hub.service import Repository, visible_to
from app.search.queries.filters import Where
from app.search.schemas import Order
from app.search.tables import Document
from app.search.words import last_of_phrases, without_places

# So many matches are looked at for counts, and so many of them ranked by their words: those that
# stand first in the order of the list. Of common words fewer are ranked, as any will do.
MOST_COUNTED = 1_000
RANKED, RANKED_OF_COMMON = 1_000, 400
MOST_FACETS = 12
FAMILIES = ("kind", "lang", "tag", "task", "library", "has")
ACCEPTED = "has:accepted"
# What a row costs that the index names, and one that is walked over, in the same unit.
_SORTED_COST, _WALKED_COST = 1, 10
# More of the rows than this are never sorted, however few there are.
_NEARLY_ALL = 0.4
# How much a lexeme of the weights D, C, B and A counts.
_WEIGHTS = cast(literal("{0.1,0.3,0.6,1}"), ARRAY(REAL))
# Divides by itself plus one, so that ranks lie between 0 and 1.
_NORMALISED = 32
_SAME_LANGUAGE, _ACCEPTED, _FRESH, _VOTES = 1.2, 1.15, 0.1, 5.0
_YEAR_S = 31_557_600.0
# What was found through another language stands below all that was found as it was typed.
TRANSLATED = 0.001

_ESTIMATE = text(
    "EXPLAIN (FORMAT JSON) SELECT FROM search_document WHERE words @@ CAST(:words AS tsquery)"
    " UNION ALL SELECT FROM search_document"
)

IsVisible = Callable[[Any, Any], ColumnElement[bool]]


@dataclass(frozen=True)
class Wanted:
    """What is looked for.

    Attributes:
        words: a `tsquery` of words, empty for everything.
        direct: the part of it that stands above the rest, empty if all of it counts alike.
        excluded: terms of which none may be found.
        labels: parts of a `tsquery` that are facts about a text.
        where: what columns must say.
        is_visible: given the columns of kind and subject, whether what belongs to no repository
            may be shown.
    """

    words: str
    is_visible: IsVisible
    excluded: Sequence[str] = ()
    labels: Sequence[str] = ()
    where: Sequence[Where] = ()
    language: str = ""
    order: Order = Order.RELEVANCE
    direct: str = ""

    @property
    def candidates(self) -> str:
        """The `tsquery` that the index answers alone."""
        return self._asked(without_places(self.words))

    @property
    def likely(self) -> str:
        """The `tsquery` that finds about as much, and that the planner knows the numbers of.

        It would take the parts of a phrase for words that come together by chance.
        """
        return self._asked(last_of_phrases(self.words))

    def _asked(self, words: str) -> str:
        # Without its places an exclusion would leave out too much.
        excluded = [f"!{term}" for term in self.excluded if without_places(term) == term]
        return " & ".join([*([f"({words})"] if words else []), *self.labels, *excluded])

    @property
    def unwanted(self) -> str:
        """The `tsquery` of what only the texts themselves can exclude."""
        return " & ".join(f"!{t}" for t in self.excluded if without_places(t) != t)


@dataclass(frozen=True)
class Found:
    """The ids of a page, the best first, and what there is of what."""

    ids: Sequence[int]
    total: int
    is_more: bool
    num_looked_at: int
    facets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Way:
    """How many rows are walked, 0 for none, and how many matches are ranked."""

    walked: int = 0
    ranked: int = RANKED


async def find(db: AsyncSession, viewer: Viewer, wanted: Wanted, offset: int, limit: int) -> Found:
    """Return a page of hits, the best text of each thing, and counts of the things."""
    way = await _way(db, wanted.likely)
    if way.walked:
        found = await _find(db, viewer, wanted, offset, limit, way)
        if found.num_looked_at >= way.ranked:
            return found
    return await _find(db, viewer, wanted, offset, limit, replace(way, walked=0))


async def _way(db: AsyncSession, words: str) -> _Way:
    """Return the way that costs less, as far as can be known before it is gone."""
    if not words:
        return _Way()
    values = {"words": words}
    plans = (await db.execute(_ESTIMATE, values)).scalar_one()[0]["Plan"].get("Plans", [])
    if len(plans) != 2:  # noqa: PLR2004  # the matches, and all
        return _Way()
    matches, rows = (float(plan["Plan Rows"]) for plan in plans)
    if matches <= MOST_COUNTED:
        return _Way()
    walked = RANKED_OF_COMMON * rows / matches
    if matches < _NEARLY_ALL * rows and _WALKED_COST * walked > _SORTED_COST * matches:
        return _Way(0, RANKED_OF_COMMON)
    return _Way(int(1.5 * walked), RANKED_OF_COMMON)


async def _find(  # what find was asked, and the way
    db: AsyncSession, viewer: Viewer, wanted: Wanted, offset: int, limit: int, way: _Way
) -> Found:
    statement = _known_statement(viewer, wanted, is_walked=bool(way.walked))
    values = {
        "candidates": wanted.candidates,
        "words": wanted.words,
        "unwanted": wanted.unwanted,
        "direct": wanted.direct,
        "language": wanted.language,
        "walked": way.walked,
        "ranked": way.ranked,
        "first": offset,
        "most": limit,
    }
    ids, total, num_looked_at, facets = (await db.execute(statement, values)).one()
    is_more = num_looked_at >= (way.ranked if way.walked else MOST_COUNTED)
    return Found(ids or (), total, is_more, num_looked_at, _by_family(facets or {}))


def _known_statement(viewer: Viewer, wanted: Wanted, *, is_walked: bool) -> Select[Any]:
    """Return the statement, which takes longer to put together than the index takes to answer."""
    if wanted.where:
        return _statement(viewer, wanted, is_walked=is_walked)
    asked = (wanted.candidates, wanted.words, wanted.unwanted, wanted.direct)
    parts = (*map(bool, asked), is_walked)
    key = (viewer, wanted.order, parts)
    if key not in _known:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[key] = _statement(viewer, wanted, is_walked=is_walked)
    return _known[key]


_known: dict[object, Select[Any]] = {}
_MOST_KNOWN = 200


def _statement(viewer: Viewer, wanted: Wanted, *, is_walked: bool) -> Select[Any]:
    matches = _matches(viewer, wanted, is_walked=is_walked)
    visible = _visible(viewer, wanted, matches)
    scored = _scored(wanted, visible)
    things = _things(scored, visible)
    return select(
        _page(scored),
        select(func.count()).select_from(things).scalar_subquery(),
        select(func.count()).select_from(matches).scalar_subquery(),
        _facets(things),
    )


def _matches(viewer: Viewer, wanted: Wanted, *, is_walked: bool) -> CTE:
    """Select the first that match in the order of the list, as far as the index itself knows."""
    row: Any = Document
    if is_walked:
        first = select(Document).order_by(*_order(Document, wanted.order)).limit(_number("walked"))
        row = aliased(Document, first.subquery("first"))
    where = [_may_be_visible(viewer, row), *(build(row) for build in wanted.where)]
    if wanted.candidates:
        where.append(row.words.op("@@")(_query("candidates")))
    statement = select(
        row.id, row.kind, row.subject_id, row.part, row.language, row.repository_id, row.labels,
        row.words, row.quality, row.score, row.created_at, row.updated_at,
    ).where(*where)  # fmt: skip
    # An order that no index has, where the planner may not walk an index instead.
    by_index = is_walked or not wanted.candidates
    order = _order(row, wanted.order) if by_index else _hidden_order(row, wanted.order)
    return _materialized(statement.order_by(*order).limit(MOST_COUNTED), "matches")


def _order(row: Any, order: Order) -> tuple[Any, Any]:
    return getattr(row, _COLUMNS[order]).desc(), row.id.desc()


def _hidden_order(row: Any, order: Order) -> tuple[Any, Any]:
    return func.coalesce(getattr(row, _COLUMNS[order])).desc(), row.id.desc()


_COLUMNS = {
    Order.RELEVANCE: "quality",
    Order.NEWEST: "created_at",
    Order.VOTES: "score",
    Order.ACTIVE: "updated_at",
}


def _may_be_visible(viewer: Viewer, row: Any) -> ColumnElement[bool]:
    """Return what leaves most of the private out without looking at what the texts are of."""
    if viewer.is_admin and viewer.user_id is not None:
        return true()
    owners = {viewer.user_id, *viewer.organization_ids} - {None}
    return or_(row.private.is_(False), row.owner_id.in_(owners))


def _visible(viewer: Viewer, wanted: Wanted, matches: CTE) -> CTE:
    """Select what may be shown: the thing as it is now decides."""
    found = matches.c
    place = func.row_number().over(order_by=_by_name(found, wanted.order)).label("place")
    statement = (
        select(matches, place)
        .join(Repository, Repository.id == found.repository_id, isouter=True)
        .where(
            or_(
                and_(Repository.id.is_not(None), visible_to(viewer)),
                and_(
                    found.repository_id.is_(None),
                    wanted.is_visible(found.kind, found.subject_id),
                ),
            )
        )
    )
    return _materialized(statement, "visible")


def _by_name(found: Any, order: Order) -> tuple[Any, Any]:
    return found[_COLUMNS[order]].desc(), found.id.desc()


def _scored(wanted: Wanted, visible: CTE) -> CTE:
    """Select the first of them with how well their words fit; 0 where they do not."""
    row = visible.c
    fits: Any = literal(1.0)
    if wanted.words:
        fits = func.ts_rank_cd(_WEIGHTS, row.words, _query("words"), _NORMALISED)
    if wanted.direct:
        fits *= translated(row.words, _query("direct"))
    if wanted.unwanted:
        fits = case((row.words.op("@@")(_query("unwanted")), fits), else_=0.0)
    by_words = wanted.order is Order.RELEVANCE
    statement = select(
        row.id, row.kind, row.subject_id, row.part, row.labels, row.place, fits.label("fits"),
        (fits * _worth(row)).label("rank") if by_words else (-row.place).label("rank"),
    ).where(row.place <= _number("ranked"))  # fmt: skip
    return _materialized(statement, "scored")


def _worth(row: Any) -> Any:
    """Return by what the rank of words is multiplied."""
    parts = worth_parts(bindparam("language", type_=Text()), row)
    worth: Any = literal(1.0)
    for part in parts.values():
        worth *= part
    return worth


def worth_parts(language: Any, row: Any) -> dict[str, Any]:
    """Return what a text is worth besides its words, by name; each near one."""
    age = func.extract("epoch", func.now() - row.updated_at)
    return {
        "quality": 1 + row.quality,
        "votes": 1 + func.ln(1 + func.greatest(row.score, 0)) / _VOTES,
        "accepted": case((row.labels.contains([ACCEPTED]), _ACCEPTED), else_=1.0),
        "fresh": 1 + _FRESH * func.exp(-func.greatest(age, 0) / _YEAR_S),
        "language": case((func.starts_with(row.language, language), _SAME_LANGUAGE), else_=1.0),
    }


def translated(words: Any, direct: Any) -> Any:
    """Return by what the rank of a text is multiplied that holds the words in translation only."""
    return case((words.op("@@")(direct), 1.0), else_=TRANSLATED)


def _page(scored: CTE) -> Any:
    row = scored.c
    best = func.row_number().over(
        partition_by=(row.kind, row.subject_id), order_by=(row.rank.desc(), row.part, row.id)
    )
    ranked = select(row.id, row.rank, row.place, best.label("best")).where(row.fits > 0).subquery()
    ids = (
        select(ranked.c.id)
        .where(ranked.c.best == 1)
        .order_by(ranked.c.rank.desc(), ranked.c.place)
        .offset(_number("first"))
        .limit(_number("most"))
    )
    return func.array(ids.scalar_subquery())


def _things(scored: CTE, visible: CTE) -> CTE:
    """Select each thing once, with its labels; those that are not ranked are taken as they are."""
    rest = select(visible.c.kind, visible.c.subject_id, visible.c.labels)
    fitting = select(scored.c.kind, scored.c.subject_id, scored.c.labels).where(scored.c.fits > 0)
    texts = union_all(fitting, rest.where(visible.c.place > _number("ranked"))).subquery()
    once = select(texts).ext(distinct_on(texts.c.kind, texts.c.subject_id))
    return _materialized(once, "things")


def _facets(things: CTE) -> Any:
    """Return how many things have a label, for the commonest labels of each family."""
    each = select(func.unnest(things.c.labels).label("label")).subquery()
    family = func.split_part(each.c.label, ":", 1)
    number = func.count()
    place = func.row_number().over(partition_by=family, order_by=(number.desc(), each.c.label))
    counted = (
        select(each.c.label, number.label("number"), place.label("place"))
        .where(family.in_(FAMILIES))
        .group_by(each.c.label)
        .subquery()
    )
    common = select(func.jsonb_object_agg(counted.c.label, counted.c.number)).where(
        counted.c.place <= MOST_FACETS
    )
    return common.scalar_subquery()


def _by_family(numbers: Mapping[str, int]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for name, number in sorted(numbers.items(), key=lambda item: (-item[1], item[0])):
        family, _colon, value = name.partition(":")
        found.setdefault(family, {})[value] = number
    return found


def _query(name: str) -> ColumnElement[Any]:
    return cast(bindparam(name, type_=Text()), TSQUERY)


def _number(name: str) -> Any:
    return bindparam(name, type_=Integer())


def _materialized(statement: Select[Any], name: str) -> CTE:
    return statement.cte(name).prefix_with("MATERIALIZED", dialect="postgresql")
