"""What the hub knows of a person who has been forgotten, and the statements that make it go."""

from collections.abc import Sequence

from sqlalchemy import delete, func, or_, select, update

from app.core.db import AsyncSession
from app.hub.tables import AccessRequest, Commit, Redirect, Repository


async def some_repositories_of(
    db: AsyncSession, owner_id: int, after: int, limit: int
) -> Sequence[Repository]:
    """Return repositories of an owner in the order of their numbers."""
    statement = select(Repository).where(Repository.owner_id == owner_id, Repository.id > after)
    return (await db.scalars(statement.order_by(Repository.id).limit(limit))).all()


async def delete_redirects_of(db: AsyncSession, owner_key: str) -> None:
    """Let earlier addresses under this owner's name lead nowhere."""
    await db.execute(delete(Redirect).where(Redirect.owner_key == owner_key))


async def rename_author(db: AsyncSession, user_id: int, email: str | None, name: str) -> None:
    """Show commits of a person, and those under their address, under another name without one."""
    theirs = Commit.author_id == user_id
    if email is not None:
        theirs = or_(theirs, func.lower(Commit.author_email) == email.lower())
    await db.execute(update(Commit).where(theirs).values(author_name=name, author_email=""))


async def delete_access_requests(db: AsyncSession, user_id: int) -> None:
    """Forget what the person wrote to be let in somewhere."""
    await db.execute(delete(AccessRequest).where(AccessRequest.user_id == user_id))
