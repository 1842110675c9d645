"""Which job was begun from which, and what each came to."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import func, literal, select
from sqlalchemy.orm import aliased

from app.core.db import AsyncSession
from app.jobs.tables import Job

_DEEPEST = 50


async def descendants(
    db: AsyncSession, roots: Collection[int], limit: int
) -> list[tuple[Any, ...]]:
    """Return these jobs and what was begun from them, generation by generation.

    A row is (id, parent, owner, state, shared, repository it was published as, measure, value).
    """
    first = select(Job.id, literal(0).label("depth")).where(Job.id.in_(roots))
    family = first.cte("family", recursive=True)
    child = aliased(Job)
    begun = select(child.id, family.c.depth + 1).join(family, child.parent_id == family.c.id)
    family = family.union_all(begun.where(family.c.depth < _DEEPEST))
    # Without an order inside, the walk stops where the limit is reached.
    some = select(family).limit(limit).subquery()
    split = Job.result["split"].astext
    statement = (
        select(
            Job.id,
            Job.parent_id,
            Job.owner_id,
            Job.state,
            Job.shared,
            Job.published_repository_id,
            func.jsonb_extract_path_text(Job.result, "splits", split, "metric"),
            func.jsonb_extract_path_text(Job.result, "splits", split, "value"),
        )
        .join(some, some.c.id == Job.id)
        .order_by(some.c.depth, Job.id)
    )
    return [tuple(row) for row in await db.execute(statement)]


async def recipes_of(db: AsyncSession, ids: Collection[int]) -> Mapping[int, dict[str, Any]]:
    """Return the recipes of some jobs."""
    rows = await db.execute(select(Job.id, Job.recipe).where(Job.id.in_(ids)))
    return {row[0]: row[1] for row in rows}
