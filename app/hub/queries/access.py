"""Who asked to be let into gated repositories."""

from collections.abc import Sequence

from sqlalchemy import select

from app.core.db import AsyncSession
from app.hub.schemas import AccessStatus
from app.hub.tables import AccessRequest


async def request_of(
    db: AsyncSession, repository_id: int, user_id: int, *, lock: bool = False
) -> AccessRequest | None:
    """Return what a person asked of a repository; `lock` keeps others from answering it."""
    statement = select(AccessRequest).where(
        AccessRequest.repository_id == repository_id, AccessRequest.user_id == user_id
    )
    return await db.scalar(statement.with_for_update() if lock else statement)


async def request_by_id(
    db: AsyncSession, repository_id: int, request_id: int
) -> AccessRequest | None:
    """Return one request of a repository, locked."""
    return await db.scalar(
        select(AccessRequest)
        .where(AccessRequest.repository_id == repository_id, AccessRequest.id == request_id)
        .with_for_update()
    )


async def requests(
    db: AsyncSession, repository_id: int, status: AccessStatus, after: int, limit: int
) -> Sequence[AccessRequest]:
    """Return requests in the order in which they came, behind the id `after`."""
    return (
        await db.scalars(
            select(AccessRequest)
            .where(
                AccessRequest.repository_id == repository_id,
                AccessRequest.status == status,
                AccessRequest.id > after,
            )
            .order_by(AccessRequest.id)
            .limit(limit)
        )
    ).all()
