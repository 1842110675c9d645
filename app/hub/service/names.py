"""Names of repositories, offered while somebody types."""

from collections.abc import Collection
from dataclasses import dataclass

from app.core.db import AsyncSession
from app.core.security import Viewer
from app.hub.queries import names as queries
from app.hub.schemas import RepositoryKind


@dataclass(frozen=True)
class Named:
    """A repository by its name, and the task it is for, which may be empty."""

    owner: str
    name: str
    task: str


async def names_beginning(  # whose, of what kind, what was typed
    db: AsyncSession,
    viewer: Viewer,
    kind: RepositoryKind,
    start: str,
    owner_ids: Collection[int],
    limit: int,
) -> list[Named]:
    """Return what the viewer may see and begins so, or belongs to one of these owners."""
    rows = await queries.names_beginning(db, viewer, kind, start, owner_ids, limit)
    return [Named(owner, name, task) for owner, name, task in rows]
