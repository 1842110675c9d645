"""Every read of the index: what matches, how well, and how many."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    REAL,
    ColumnElement,
    Row,
    Select,
    and_,
    case,
    cast,
    delete,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY, insert
from sqlalchemy.orm import defer, load_only

from app.core.db import AsyncSession
from app.core.security import Viewer
from app.hub.service import Repository, visible_to
from app.search.schemas import Kind, Order
from app.search.tables import Document, Progress

# So many matches are ranked by their words, those of the best quality first.
RANKED = 1_000
MOST_COUNTED = 5_000
Condition = ColumnElement[bool]
# How much a lexeme of the weights D, C, B and A counts.
_WEIGHTS = cast(literal("{0.1,0.3,0.6,1}"), ARRAY(REAL))
# Divides by itself plus one, so that ranks lie between 0 and 1.
_NORMALISED = 32
_SAME_LANGUAGE = 1.2


@dataclass(frozen=True)
class Wanted:
    """What is looked for: a `tsquery`, empty for everything, and what narrows it."""

    words: str
    where: Sequence[ColumnElement[bool]]
    language: str = ""
    order: Order = Order.RELEVANCE


def _matching(viewer: Viewer, wanted: Wanted, limit: int) -> Select[Any]:
    """Select the ids of the best documents that match, as far as the index itself knows."""
    where = [_may_be_visible(viewer), *wanted.where]
    if wanted.words:
        where.append(Document.words.op("@@")(_query(wanted.words)))
    column = Document.created_at if wanted.order is Order.NEWEST else Document.quality
    return (
        select(Document.id)
        .join(Repository, Repository.id == Document.repository_id, isouter=True)
        .where(*where)
        .order_by(column.desc(), Document.id.desc())
        .limit(limit)
    )


def _may_be_visible(viewer: Viewer) -> ColumnElement[bool]:
    """Return what leaves most of the private out without looking at repositories."""
    if viewer.is_admin and viewer.user_id is not None:
        return true()
    owners = {viewer.user_id, *viewer.organization_ids} - {None}
    return or_(Document.private.is_(False), Document.owner_id.in_(owners))


def _is_visible(viewer: Viewer) -> ColumnElement[bool]:
    """Return what decides: the repository as it is now."""
    return or_(Document.repository_id.is_(None), visible_to(viewer))


def _query(words: str) -> ColumnElement[Any]:
    return cast(literal(words), TSQUERY)


async def best(
    db: AsyncSession, viewer: Viewer, wanted: Wanted, offset: int, limit: int
) -> Sequence[Row[Document, Repository]]:
    """Return (document, repository or None) of a page of hits, the best of each thing."""
    matches = _matching(viewer, wanted, RANKED).cte("matches")
    rank: Any = Document.quality
    if wanted.order is Order.NEWEST:
        rank = func.extract("epoch", Document.created_at)
    elif wanted.words:
        rank = func.ts_rank_cd(_WEIGHTS, Document.words, _query(wanted.words), _NORMALISED)
        rank *= 1 + Document.quality
        rank *= case((Document.language.startswith(wanted.language), _SAME_LANGUAGE), else_=1)
    # Ranked apart from the window, which would work out every rank once more.
    scored = (
        select(Document.id, Document.kind, Document.subject_id, Document.part, rank.label("rank"))
        .join(matches, matches.c.id == Document.id)
        .join(Repository, Repository.id == Document.repository_id, isouter=True)
        .where(_is_visible(viewer))
        .cte("scored")
        .prefix_with("MATERIALIZED", dialect="postgresql")
        .c
    )
    place = func.row_number().over(
        partition_by=(scored.kind, scored.subject_id),
        order_by=(scored.rank.desc(), scored.part, scored.id),
    )
    ranked = select(scored.id, scored.rank, place.label("place")).subquery()
    shown = (Repository.kind, Repository.owner_name, Repository.name, Repository.private)
    statement = (
        select(Document, Repository)
        .options(defer(Document.words), load_only(*shown))
        .join(ranked, ranked.c.id == Document.id)
        .join(Repository, Repository.id == Document.repository_id, isouter=True)
        .where(ranked.c.place == 1)
        .order_by(ranked.c.rank.desc(), Document.id.desc())
        .offset(offset)
        .limit(limit)
    )
    return (await db.execute(statement)).all()


async def counts(db: AsyncSession, viewer: Viewer, wanted: Wanted) -> dict[str, int]:
    """Return how many things of each kind match, looking at the best `MOST_COUNTED` texts."""
    matches = _matching(viewer, wanted, MOST_COUNTED).cte("matches")
    statement = (
        select(Document.kind, func.count(Document.subject_id.distinct()))
        .join(matches, matches.c.id == Document.id)
        .join(Repository, Repository.id == Document.repository_id, isouter=True)
        .where(_is_visible(viewer))
        .group_by(Document.kind)
    )
    return {row[0]: row[1] for row in await db.execute(statement)}


def is_kind(kind: str) -> ColumnElement[bool]:
    """Return the condition that a text is of a kind."""
    return Document.kind == kind


def filtered(name: str, value: str, *, excludes: bool) -> ColumnElement[bool] | None:
    """Return the condition of an operator; None if its value means nothing."""
    build = _FILTERS.get(name)
    condition = build(value) if build is not None else None
    if condition is None:
        return None
    return not_(func.coalesce(condition, False)) if excludes else condition  # SQL's own


def _has_tag(value: str) -> ColumnElement[bool]:
    return Document.tags.contains([value])


def _about(kind: str) -> Any:
    def condition(value: str) -> ColumnElement[bool]:
        owner, _slash, name = value.partition("/")
        return and_(
            Repository.kind == kind,
            func.lower(Repository.owner_name) == owner,
            Repository.name_key == name,
        )

    return condition


def _is(value: str) -> ColumnElement[bool] | None:
    if value in {"open", "closed"}:
        return Document.is_open.is_(value == "open")
    return is_kind(value) if value in set(Kind) else None


def _day(column: Any, *, before: bool) -> Any:
    def condition(value: str) -> ColumnElement[bool] | None:
        try:
            day = datetime.fromisoformat(f"{value}T00:00:00+00:00")
        except ValueError:
            return None
        found: Condition = column < day if before else column >= day
        return found

    return condition


def _score(value: str) -> ColumnElement[bool] | None:
    score: Any = Document.score
    sign = value[:1] if value[:1] in "<>" else ""
    digits = value.removeprefix(sign)
    if not digits.isdecimal() or len(digits) > _MOST_DIGITS:
        return None
    number = int(digits)
    condition: Condition = score >= number
    if sign:
        condition = score > number if sign == ">" else score < number
    return condition


_MOST_DIGITS = 9
_FILTERS: dict[str, Any] = {
    "tag": _has_tag,
    "task": _has_tag,
    "license": lambda value: _has_tag(f"license:{value}"),
    "user": lambda value: func.lower(Document.author) == value,
    "lang": lambda value: Document.language.startswith(value[:2], autoescape=True),
    "model": _about("model"),
    "dataset": _about("dataset"),
    "is": _is,
    "before": _day(Document.created_at, before=True),
    "after": _day(Document.created_at, before=False),
    "score": _score,
}


async def put(db: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Write documents, over what was there of the same part."""
    if not rows:
        return
    keys = ("kind", "subject_id", "language", "part")
    statement = insert(Document)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    await db.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), list(rows))


async def drop_others(db: AsyncSession, kept: Sequence[tuple[str, int, str, int]]) -> None:
    """Remove the parts of things of which only these (kind, thing, language, part) are left."""
    if not kept:
        return
    thing = tuple_(Document.kind, Document.subject_id)
    part = tuple_(Document.kind, Document.subject_id, Document.language, Document.part)
    things = {(kind, subject_id) for kind, subject_id, _, _ in kept}
    await db.execute(delete(Document).where(thing.in_(things), part.not_in(kept)))


async def read_to(db: AsyncSession, source: str) -> datetime | None:
    """Return how far a source has been read."""
    return await db.scalar(select(Progress.read_to).where(Progress.source == source))


async def set_read_to(db: AsyncSession, source: str, moment: datetime) -> None:
    """Write down how far a source has been read."""
    statement = insert(Progress).values(source=source, read_to=moment)
    await db.execute(
        statement.on_conflict_do_update(index_elements=["source"], set_={"read_to": moment})
    )
