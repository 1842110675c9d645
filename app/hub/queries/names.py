"""Repositories whose names begin in some way, each by the range of an index."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, false, func, select, text, union_all

from app.core.db import AsyncSession
from app.core.security import Viewer
from app.hub.queries.repositories import name_key, visible_to
from app.hub.schemas import RepositoryKind
from app.hub.tables import Repository

# Of the names that begin so, as many are looked at for those that are used most.
_LOOKED_AT = 100
# The order of the index, whatever the language of the database.
_IN_ORDER = text("hub_repository.name_key USING ~<~")


async def names_beginning(  # whose, of what kind, what was typed
    db: AsyncSession,
    viewer: Viewer,
    kind: RepositoryKind,
    start: str,
    owner_ids: Collection[int],
    limit: int,
) -> Sequence[Row[str, str, str]]:
    """Return (owner, name, task) of what begins with `start` or belongs to one of these owners.

    With a slash in it, `start` is a whole owner and the beginning of a name. What has this very
    name is first, and then what is used most.
    """
    ways = [
        select(Repository.id)
        .where(Repository.kind == kind, visible_to(viewer), *where)
        .order_by(_IN_ORDER)
        .limit(_LOOKED_AT)
        .subquery()
        for where in _ways(viewer, start, owner_ids)
    ]
    ids = union_all(*(select(way.c.id) for way in ways))
    name = name_key(start.rpartition("/")[2])
    statement = (
        select(Repository.owner_name, Repository.name, Repository.task)
        .where(Repository.id.in_(ids))
        .order_by(
            (Repository.name_key == name).desc(), Repository.downloads.desc(), Repository.name_key
        )
    )
    return (await db.execute(statement.limit(limit))).all()


def _ways(
    viewer: Viewer, start: str, owner_ids: Collection[int]
) -> Iterator[list[ColumnElement[bool]]]:
    owner, slash, name = start.partition("/")
    if slash:
        yield [func.lower(Repository.owner_name) == owner.lower(), _begins(name)]
        return
    yield [Repository.private == false(), _begins(start)]
    own = {viewer.user_id, *viewer.organization_ids} - {None}
    if own:
        yield [Repository.owner_id.in_(own), _begins(start)]
    if owner_ids:
        yield [Repository.owner_id.in_(owner_ids)]


def _begins(start: str) -> Any:
    return Repository.name_key.startswith(name_key(start), autoescape=True)
