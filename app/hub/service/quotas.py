"""Asking for room before bytes are sent, with what was announced before and has not come yet."""

from app.core.db import AsyncSession
from app.hub.queries import quotas as queries
from app.hub.schemas import RepositoryKind
from app.quotas import service as quotas
from app.quotas.schemas import Kind, Place

_PREFIXES = {RepositoryKind.MODEL: "", RepositoryKind.DATASET: "/datasets"}


async def require_room(
    db: AsyncSession, owner_id: int, arriving: int, *, bundle_of: int | None = None
) -> None:
    """Check that large files of `arriving` bytes more may be sent to an account.

    Args:
        db: the transaction.
        owner_id: the account.
        arriving: what is announced.
        bundle_of: who sends it, where it is a bundle of chunks, which belongs to no file yet.

    Raises:
        TooLargeError: with what it holds and what is on its way, they are too many.
    """
    if not await quotas.limit_for(db, owner_id, Kind.BYTES):
        return
    if bundle_of is None:
        on_its_way = await queries.announced_bytes(db, owner_id)
    else:
        on_its_way = await queries.loose_bytes(db, bundle_of)
    await quotas.require_room(db, owner_id, {Kind.BYTES: arriving}, on_its_way=on_its_way)


async def largest_repositories(db: AsyncSession, owner_id: int, limit: int) -> list[Place]:
    """Return what of an account's repositories holds the most large files, for its usage page."""
    return [
        Place(
            title=f"{found.owner_name}/{found.name}",
            address=f"{_PREFIXES[found.kind]}/{found.owner_name}/{found.name}",
            num_bytes=num_bytes,
        )
        for found, num_bytes in await queries.largest(db, owner_id, limit)
    ]


async def stored_bytes(db: AsyncSession) -> int:
    """Return the bytes of all large files, whoever owns them; shared ones count once."""
    return await queries.stored_bytes(db)


quotas.show_places(largest_repositories)
