"""Walking over a repository's commits with no more of each than the walk needs."""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import CTE, and_, func, select, update
from sqlalchemy.orm import aliased

from app.core.batches import batched
from app.core.db import AsyncSession
from app.hub.schemas import CommitNode, LastCommit, Writer
from app.hub.tables import Commit, PathHead

_BATCH = 5000
_NODE = (Commit.oid, Commit.tree, Commit.parents, Commit.generation, Commit.committed_at)


def _nodes(rows: Iterable[Any]) -> list[CommitNode]:
    return [CommitNode(oid, tree, tuple(parents), n, at) for oid, tree, parents, n, at in rows]


async def nodes(db: AsyncSession, repository_id: int, oids: Collection[str]) -> list[CommitNode]:
    """Return those of these commits that the repository has."""
    found: list[CommitNode] = []
    for batch in batched(sorted(set(oids)), _BATCH):
        rows = await db.execute(
            select(*_NODE).where(Commit.repository_id == repository_id, Commit.oid.in_(batch))
        )
        found += _nodes(rows)
    return found


async def nodes_between(
    db: AsyncSession, repository_id: int, low: int, high: int
) -> list[CommitNode]:
    """Return the repository's commits of the generations `low` to `high`, both included."""
    statement = select(*_NODE).where(
        Commit.repository_id == repository_id, Commit.generation.between(low, high)
    )
    return _nodes(await db.execute(statement))


async def newest_generation(db: AsyncSession, repository_id: int) -> int:
    """Return the largest generation of the repository's commits, 0 if it has none."""
    statement = select(func.max(Commit.generation)).where(Commit.repository_id == repository_id)
    return int(await db.scalar(statement) or 0)


def _reachable(repository_id: int, starts: Collection[str], floor: int) -> CTE:
    """The ids and parents of the commits that `starts` lead to, of generations above `floor`."""
    reachable = (
        select(Commit.oid, Commit.parents)
        .where(
            Commit.repository_id == repository_id,
            Commit.oid.in_(list(starts)),
            Commit.generation > floor,
        )
        .cte("reachable", recursive=True)
    )
    parent = aliased(Commit)
    above = and_(
        parent.repository_id == repository_id,
        parent.generation > floor,
        parent.oid == func.any(reachable.c.parents),
    )
    return reachable.union(select(parent.oid, parent.parents).join(reachable, above))


async def ancestry(
    db: AsyncSession, repository_id: int, starts: Collection[str], floor: int
) -> list[CommitNode]:
    """Return the commits reachable from `starts` whose generation is above `floor`."""
    reachable = _reachable(repository_id, starts, floor)
    same = and_(Commit.repository_id == repository_id, Commit.oid == reachable.c.oid)
    return _nodes(await db.execute(select(*_NODE).join(reachable, same)))


async def last_commit_rows(
    db: AsyncSession, repository_id: int, oids: Collection[str]
) -> dict[str, LastCommit]:
    """Return what is shown of these commits beside the paths they changed, by id."""
    found: dict[str, LastCommit] = {}
    for batch in batched(list(set(oids)), _BATCH):
        rows = await db.execute(
            select(Commit.oid, Commit.title, Commit.committed_at).where(
                Commit.repository_id == repository_id, Commit.oid.in_(batch)
            )
        )
        found.update((oid, LastCommit(oid, title, at)) for oid, title, at in rows)
    return found


async def set_last_commit(
    db: AsyncSession, repository_id: int, ref: str, oid: str, paths: Collection[str] | None = None
) -> None:
    """Name `oid` as the last change of these paths in a branch's index; of all if None."""
    statement = (
        update(PathHead)
        .where(PathHead.repository_id == repository_id, PathHead.ref == ref)
        .values(last_commit=oid)
        .execution_options(synchronize_session=False)
    )
    if paths is None:
        await db.execute(statement)
        return
    for batch in batched(list(paths), _BATCH):
        await db.execute(statement.where(PathHead.path.in_(batch)))


async def authors(db: AsyncSession, repository_id: int, start: str, limit: int) -> list[Writer]:
    """Return who wrote the commits reachable from `start`, the earliest first."""
    reachable = _reachable(repository_id, [start], floor=-1)
    rows = await db.execute(
        select(Commit.author_name, Commit.author_email)
        .join(reachable, and_(Commit.repository_id == repository_id, Commit.oid == reachable.c.oid))
        .group_by(Commit.author_name, Commit.author_email)
        .order_by(func.min(Commit.generation), Commit.author_name)
        .limit(limit)
    )
    return [Writer(name, email) for name, email in rows]
