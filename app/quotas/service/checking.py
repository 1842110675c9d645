"""Is there room? Asked before bytes are sent, and again when what they made is counted.

What a client announces is a promise, so the first answer is a courtesy: it saves sending what
would be refused. The second one counts. The triggers hold the account's row from the first
change to the end of the transaction, so of two uploads that both want the last bytes the second
one sees what the first has taken: an account never holds more than it may.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from app.core.db import AsyncSession
from app.core.errors import AppError, ConflictError, TooLargeError
from app.quotas import queries
from app.quotas.queries import Held
from app.quotas.schemas import STORED, Kind
from app.quotas.service import limits, warnings
from app.quotas.service.words import fix_of, refusal


async def require_room(
    db: AsyncSession, account_id: int, needed: Mapping[Kind, int], *, on_its_way: int = 0
) -> None:
    """Check that an account may take so much more; `on_its_way` are bytes promised before.

    Raises:
        TooLargeError: with what it holds and what is on its way, it is too much.
    """
    held = await queries.held(db, account_id)
    most = await limits.limits_for(db, account_id, held.own)
    for kind, more in needed.items():
        used = held.stored[kind] + (on_its_way if kind is Kind.BYTES else 0)
        if more > 0 and most[kind] and used + more > most[kind]:
            raise full(kind, used, most[kind], more)


async def require_room_for(db: AsyncSession, account_id: int, sizes: Sequence[int]) -> None:
    """Check that files of which only the sizes are known may be sent.

    What an account holds already costs nothing when it is sent again; a file of the very size of
    such a content is taken for it. The count that matters is made when the bytes are there.

    Raises:
        TooLargeError: they do not fit.
    """
    left = await room_left(db, account_id)
    if left is None or sum(sizes) <= left:
        return
    known = await queries.held_sizes(db, account_id, sizes)
    await require_room(db, account_id, {Kind.BYTES: sum(s for s in sizes if s not in known)})


@asynccontextmanager
async def growing(db: AsyncSession, account_id: int) -> AsyncIterator[None]:
    """Check after the block that an account holds no more than it may, if it holds more by it.

    Who is over a limit that was lowered may still delete, and change what does not grow.

    Raises:
        TooLargeError: it is too much; the caller's transaction is rolled back, nothing stays.
    """
    before = await queries.held(db, account_id)
    yield
    await db.flush()
    after = await queries.held(db, account_id)
    most = await limits.limits_for(db, account_id, after.own)
    for kind in STORED:
        more = after.stored[kind] - before.stored[kind]
        if most[kind] and more > 0 and after.stored[kind] > most[kind]:
            raise full(kind, before.stored[kind], most[kind], more)
    await _warn(db, account_id, before, after, most)


async def _warn(
    db: AsyncSession, account_id: int, before: Held, after: Held, most: Mapping[Kind, int]
) -> None:
    for kind in STORED:
        if warnings.has_crossed(before.stored[kind], after.stored[kind], most[kind]):
            await warnings.watch(db, account_id, kind, after.stored[kind], most[kind])


def full(kind: Kind, used: int, most: int, more: int) -> AppError:
    """Return the answer to who wants more than there is room for."""
    sort = TooLargeError if kind in STORED else ConflictError
    return sort(refusal(kind, used, most, more), fix=fix_of(kind), code="over_quota")


async def room_left(db: AsyncSession, account_id: int) -> int | None:
    """Return how many bytes an account may still take; None without a limit."""
    held = await queries.held(db, account_id)
    most = (await limits.limits_for(db, account_id, held.own))[Kind.BYTES]
    return max(0, most - held.stored[Kind.BYTES]) if most else None
