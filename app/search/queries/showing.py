"""What is shown of hits."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import REAL, Row, cast, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY
from sqlalchemy.orm import defer, load_only

from app.core.db import AsyncSession
from app.hub.service import Repository
from app.search.queries.finding import translated, worth_parts
from app.search.tables import Document


async def documents(
    db: AsyncSession, ids: Sequence[int]
) -> Sequence[Row[Document, Repository | None]]:
    """Return texts and their repositories, in the order of the ids."""
    shown = (Repository.kind, Repository.owner_name, Repository.name, Repository.private)
    statement = (
        select(Document, Repository)
        .options(defer(Document.words), load_only(*shown))
        .join(Repository, Repository.id == Document.repository_id, isouter=True)
        .where(Document.id.in_(ids))
    )
    found = {row[0].id: row for row in await db.execute(statement)}
    return [found[number] for number in ids if number in found]


async def parts_of_ranks(
    db: AsyncSession, ids: Collection[int], words: str, direct: str, language: str
) -> dict[int, dict[str, float]]:
    """Return by what the ranks of texts were made, by name."""
    fits: Any = literal(1.0)
    if words:
        weights = cast(literal("{0.1,0.3,0.6,1}"), ARRAY(REAL))
        fits = func.ts_rank_cd(weights, Document.words, cast(literal(words), TSQUERY), 32)
    parts = {"words": fits, **worth_parts(language, Document)}
    if direct:
        parts["translated"] = translated(Document.words, cast(literal(direct), TSQUERY))
    statement = select(Document.id, *parts.values()).where(Document.id.in_(ids))
    return {
        row[0]: dict(zip(parts, map(float, row[1:]), strict=True))
        for row in await db.execute(statement)
    }
