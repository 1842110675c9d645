"""How the commits of a repository descend from one another."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import and_, func, select
from sqlalchemy.orm import aliased

from app.core.db import AsyncSession
from app.hub.tables import Commit


@dataclass(frozen=True)
class Link:
    """A commit by its id, its parents and its generation."""

    oid: str
    parents: tuple[str, ...]
    generation: int


async def ancestors(
    db: AsyncSession, repository_id: int, oids: Collection[str], floor: int
) -> dict[str, Link]:
    """Return these commits and what they descend from, above the generation `floor`."""
    reachable = (
        select(Commit.oid, Commit.parents, Commit.generation)
        .where(Commit.repository_id == repository_id, Commit.oid.in_(oids))
        .cte("reachable", recursive=True)
    )
    parent = aliased(Commit)
    reachable = reachable.union(
        select(parent.oid, parent.parents, parent.generation).join(
            reachable,
            and_(
                parent.repository_id == repository_id,
                parent.generation > floor,
                parent.oid == func.any(reachable.c.parents),
            ),
        )
    )
    rows = await db.execute(select(reachable.c.oid, reachable.c.parents, reachable.c.generation))
    return {oid: Link(oid, tuple(parents), generation) for oid, parents, generation in rows}
