"""How much an account may hold: asked before bytes are sent, and again when they are kept.

What a client announces is only a promise, so nothing is refused twice for it: the count that
matters is made when verified bytes are linked to what holds them, under a lock.
"""

from app.core.db import AsyncSession, limits_of
from app.core.errors import TooLargeError
from app.core.i18n import _
from app.hub.queries import quotas as queries
from app.hub.queries.quotas import count_too

__all__ = ["count_too", "require_room", "settle"]


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
    most = limits_of(db).account_bytes
    if not most:
        return
    if bundle_of is None:
        on_its_way = await queries.announced_bytes(db, owner_id)
    else:
        on_its_way = await queries.loose_bytes(db, bundle_of)
    _compare(await queries.held_bytes(db, owner_id) + on_its_way, arriving, most)


async def settle(db: AsyncSession, owner_id: int) -> None:
    """Check what an account holds, now that something was linked to it in this transaction.

    Raises:
        TooLargeError: it is more than an account may hold.
    """
    most = limits_of(db).account_bytes
    if most:
        await queries.lock_holdings(db, owner_id)
        _compare(await queries.held_bytes(db, owner_id), 0, most)


def _compare(held: int, arriving: int, most: int) -> None:
    if held + arriving > most:
        raise TooLargeError(
            _("An account may hold %(most)s bytes of large files here; this would make %(sum)s.")
            % {"most": most, "sum": held + arriving},
            fix=_("Delete files that are not needed, or ask who runs this site for more room."),
            code="over_quota",
        )


async def stored_bytes(db: AsyncSession) -> int:
    """Return the bytes of all large files, whoever owns them; shared ones count once."""
    return await queries.stored_bytes(db)
