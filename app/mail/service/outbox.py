"""Handing letters in, and looking after those that wait."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import make_msgid

import structlog

from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import NotFoundError
from app.core.events import emit
from app.core.i18n import _
from app.mail import queries
from app.mail.events import LetterQueued
from app.mail.schemas import STALE_AFTER, Letter, LetterState
from app.mail.tables import QueuedLetter, SuppressedAddress

log = structlog.get_logger(__name__)

PAGE = 50
_LISTED = 1000
_KEPT = timedelta(days=60)


async def enqueue(db: AsyncSession, letter: Letter) -> bool:
    """Hand a letter in with the caller's transaction; False if its key was used before.

    Nothing is sent here, so nothing can fail here: the letter leaves after the commit, and waits
    for as long as no server takes it.
    """
    headers = {_one_line(name): _one_line(value) for name, value in letter.headers.items()}
    headers.setdefault("Message-ID", make_msgid(domain="tuningfork.invalid"))
    letter = replace(
        letter,
        recipient=_one_line(letter.recipient),
        subject=_one_line(letter.subject),
        headers=headers,
    )
    number = await queries.insert_letter(db, letter, now())
    if number is None:
        return False
    emit(db, LetterQueued(letter.kind))
    log.info("letter_queued", letter_id=number, kind=letter.kind)
    return True


def _one_line(text: str) -> str:
    """A line break in a header would begin another header."""
    return " ".join(text.replace("\0", "").split())


async def waiting(db: AsyncSession) -> int:
    """Return how many letters wait to be sent."""
    return await queries.count_queued(db)


@dataclass(frozen=True)
class Waiting:
    """The letters that wait to be sent, and for how many seconds the oldest of them has."""

    num: int
    oldest_s: float


async def waiting_since(db: AsyncSession) -> Waiting:
    """Return how many letters wait, and for how long."""
    return Waiting(await queries.count_queued(db), await queries.oldest_queued_s(db))


async def letters_page(
    db: AsyncSession, state: LetterState | None = None, before: int | None = None
) -> Sequence[QueuedLetter]:
    """Return a page of letters for an administrator, the newest first."""
    return await queries.letters(db, state, before, PAGE)


async def try_again(db: AsyncSession, letter_id: int) -> None:
    """Send a letter that waits or has failed, as soon as possible.

    Raises:
        NotFoundError: it was sent, or there is none.
    """
    if not await queries.requeue(db, letter_id):
        raise NotFoundError(_("There is no such letter, or it was sent."))
    emit(db, LetterQueued("again"))
    log.info("letter_requeued", letter_id=letter_id)


async def is_suppressed(db: AsyncSession, address: str) -> bool:
    """Whether letters to this address are not even tried, because its server refused it."""
    return await queries.is_suppressed(db, address.lower())


async def suppressed_page(
    db: AsyncSession, after: str | None = None
) -> Sequence[SuppressedAddress]:
    """Return a page of addresses that take no letters."""
    return await queries.suppressed(db, after, PAGE)


async def lift_suppression(db: AsyncSession, address: str) -> None:
    """Let letters go to this address again.

    Raises:
        NotFoundError: they do already.
    """
    if not await queries.lift_suppression(db, address.lower()):
        raise NotFoundError(_("Letters to this address are sent already."))
    log.info("suppression_lifted")


async def letters_to(db: AsyncSession, address: str) -> Sequence[QueuedLetter]:
    """Return the newest letters to an address, for the person who reads them there."""
    return await queries.letters_to(db, address.lower(), _LISTED)


async def forget_address(db: AsyncSession, address: str) -> None:
    """Forget every letter to an address whose person has left."""
    await queries.forget_address(db, address.lower())


async def tidy(db: AsyncSession) -> None:
    """Give up news that is news no more, and forget letters that ended long ago."""
    await queries.give_up_stale(db, STALE_AFTER, "It waited for 30 days.")
    await queries.forget_ended(db, _KEPT)
