"""People as those who run the site look for them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, or_, select

from app.accounts.names import name_key
from app.accounts.queries import Person
from app.accounts.schemas import AccountKind
from app.accounts.tables import Account, User
from app.core.db import AsyncSession


async def num_joined(db: AsyncSession, moment: datetime, most: int) -> int:
    """Return how many of the newest `most` accounts are people who came since a moment."""
    newest_id = select(func.max(Account.id)).scalar_subquery()
    statement = select(func.count()).where(
        Account.id > newest_id - most,
        Account.created_at >= moment,
        Account.kind == AccountKind.USER,
    )
    return int(await db.scalar(statement) or 0)


async def people(
    db: AsyncSession, words: str, role: str, before: int | None, limit: int
) -> Sequence[Person]:
    """Return people whose name or address begins so, the newest first; `role` narrows further."""
    statement = (
        select(Account, User)
        .join(User, User.account_id == Account.id)
        .order_by(Account.id.desc())
        .limit(limit)
    )
    if words:
        start = name_key(words)
        statement = statement.where(
            or_(
                Account.name_key.startswith(start, autoescape=True),
                User.email_key.startswith(start, autoescape=True),
            )
        )
    if role == "admin":
        statement = statement.where(User.is_admin)
    elif role == "moderator":
        statement = statement.where(User.is_moderator)
    elif role == "suspended":
        statement = statement.where(User.suspended_at.is_not(None))
    elif role == "silenced":
        statement = statement.where(User.silenced_at.is_not(None))
    if before is not None:
        statement = statement.where(Account.id < before)
    return [Person(*row) for row in await db.execute(statement)]
