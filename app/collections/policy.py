"""Who may see and change a collection: the only door to one."""

from app.accounts import policy as accounts
from app.accounts.schemas import Role
from app.collections import queries
from app.collections.schemas import number_of
from app.collections.tables import Collection
from app.core.db import AsyncSession
from app.core.errors import ForbiddenError, NotFoundError
from app.core.i18n import _
from app.core.security import Viewer


def collection_not_found() -> NotFoundError:
    """Return the one answer for a missing and for an invisible collection."""
    return NotFoundError(
        _("Collection not found."),
        fix=_("Check the address; a private collection is only there for its owner."),
        code="CollectionNotFound",
        headers={"X-Error-Code": "CollectionNotFound"},
    )


async def may_read(db: AsyncSession, viewer: Viewer, collection: Collection) -> bool:
    """Whether `viewer` may know that this collection exists."""
    if not collection.private:
        return True
    if viewer.only_repos is not None:
        return False
    return await accounts.role_for(db, viewer, collection.owner_id) >= Role.READ


async def may_write(db: AsyncSession, viewer: Viewer, collection: Collection) -> bool:
    """Whether `viewer` may change this collection."""
    return await may_collect_for(db, viewer, collection.owner_id)


async def may_collect_for(db: AsyncSession, viewer: Viewer, owner_id: int) -> bool:
    """Whether `viewer` may make collections under this account; a job makes none."""
    if viewer.only_repos is not None:
        return False
    return await accounts.role_for(db, viewer, owner_id) >= Role.WRITE


async def access_collection(
    db: AsyncSession, viewer: Viewer, slug: str, *, lock: bool = False
) -> Collection:
    """Return the collection at this address; of the slug only its number counts.

    Raises:
        NotFoundError: there is none, or the viewer may not see it; the answer never tells which.
    """
    number = number_of(slug)
    found = None if number is None else await queries.collection_by_id(db, number, lock=lock)
    if found is None or not await may_read(db, viewer, found):
        raise collection_not_found()
    return found


async def access_for_write(db: AsyncSession, viewer: Viewer, slug: str) -> Collection:
    """Return the collection, locked, if the viewer may change it.

    Raises:
        NotFoundError: there is none, or the viewer may not see it.
        ForbiddenError: the viewer may see it, but not change it.
    """
    found = await access_collection(db, viewer, slug, lock=True)
    viewer.require_user()
    if not await may_write(db, viewer, found):
        raise ForbiddenError(
            _("You may not change this collection."),
            fix=_("Make one of your own."),
        )
    return found
