"""Who is new here, and what that means for what they write."""

from datetime import timedelta

from app.accounts import service as accounts
from app.comments import queries
from app.core.clock import now
from app.core.db import AsyncSession, limits_of
from app.core.errors import NotFoundError


async def is_newcomer(db: AsyncSession, account_id: int) -> bool:
    """Whether somebody is new: too young an account, or too few posts that stand.

    Who runs the site never is.
    """
    limits = limits_of(db).newcomers
    try:
        person = await accounts.person(db, account_id)
    except NotFoundError:
        return False
    if person.user.is_admin or person.user.is_moderator:
        return False
    if person.account.created_at > now() - timedelta(hours=limits.hours):
        return True
    enough = limits.accepted_posts
    return await queries.num_standing(db, account_id, enough) < enough
