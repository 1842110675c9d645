"""Accounts whose names begin in some way, each by the range of an index."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, exists, func, select, text

from app.accounts.queries import is_suspended
from app.accounts.tables import Account, User
from app.core.db import AsyncSession

# The orders of the indexes, whatever the language of the database.
_BY_NAME = text("accounts_account.name_key USING ~<~")
_BY_DISPLAY_NAME = text("lower(accounts_account.display_name) USING ~<~")


async def names_beginning(db: AsyncSession, prefix: str, limit: int) -> Sequence[Account]:
    """Return accounts whose name begins so, by name."""
    begins = Account.name_key.startswith(prefix, autoescape=True)
    statement = select(Account).where(begins, _is_there()).order_by(_BY_NAME)
    return (await db.scalars(statement.limit(limit))).all()


async def display_names_beginning(db: AsyncSession, start: str, limit: int) -> Sequence[Account]:
    """Return accounts whose other name begins so, in any case, by that name."""
    begins = func.lower(Account.display_name).startswith(start.lower(), autoescape=True)
    statement = select(Account).where(Account.display_name != "", begins, _is_there())
    statement = statement.order_by(_BY_DISPLAY_NAME)
    return (await db.scalars(statement.limit(limit))).all()


def _is_there() -> ColumnElement[bool]:
    """Return the condition that an account is nobody's who left or is suspended."""
    gone = User.erased_at.is_not(None) | is_suspended()
    return ~exists().where(User.account_id == Account.id, gone)
