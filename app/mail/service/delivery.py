"""The other end of the outbox: one connection takes what is due, and each answer is judged.

What the server says decides. It is away, or does not let us in: every letter waits. It puts one
letter off: that one waits. It refuses a recipient for good: the letter has failed, and the address
gets no more of them.
"""

from datetime import timedelta
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime

import aiosmtplib
import structlog
from pydantic import SecretStr

from app.core.clock import now
from app.core.db import AsyncSession, Database
from app.core.settings import Settings
from app.mail import queries
from app.mail.schemas import BACK_OFF, MAX_ATTEMPTS, LetterState
from app.mail.smtp import SmtpServer, sender, smtp_server
from app.mail.tables import QueuedLetter

log = structlog.get_logger(__name__)

AT_ONCE = 20
# Longer than a server may take for twenty letters: who holds a letter for longer is dead.
_LEASE_PER_LETTER_S = 45
_FOR_GOOD = range(500, 600)
_MAX_ERROR = 300
# What the library raises at addresses that are none, by how far it has read.
_UNWRITABLE = (ValueError, IndexError, AttributeError, TypeError, MessageError)


class _RefusedForGoodError(Exception):
    """This letter will never be taken; `suppress` says whether the address is why."""

    def __init__(self, reason: str, *, suppress: bool = False) -> None:
        super().__init__(reason)
        self.suppress = suppress


def is_on(settings: Settings) -> bool:
    """Whether this site sends letters at all."""
    return bool(settings.smtp_url.get_secret_value().strip())


def check_address(settings: Settings, url: str) -> None:
    """Pass if the address of a mail server can be read; nobody is called.

    Raises:
        InvalidError: it cannot.
    """
    smtp_server(settings.model_copy(update={"smtp_url": SecretStr(url)}))


async def check_server(settings: Settings) -> str:
    """Return what is wrong with the mail server, the empty string when it lets us in."""
    server = smtp_server(settings)
    if server is None:
        return ""
    try:
        async with server.client() as client:
            await client.noop()
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        return _said(error)
    return ""


async def send_due(database: Database, settings: Settings) -> int:
    """Send what is due and return how many letters were tried; without a server none is.

    Raises:
        InvalidError: the server's address cannot be read.
    """
    server = smtp_server(settings)
    if server is None:
        return 0
    async with database.transaction() as db:
        lease = _lease()
        taken = await queries.take_due(db, AT_ONCE, lease)
    if taken:
        await _send_all(database, settings, server, sorted(taken, key=lambda one: one.id))
    return len(taken)


def _lease() -> timedelta:
    return timedelta(seconds=_LEASE_PER_LETTER_S * AT_ONCE)


async def _send_all(
    database: Database, settings: Settings, server: SmtpServer, letters: list[QueuedLetter]
) -> None:
    """Send over one connection; when it breaks, the letters that are left wait."""
    left = list(letters)
    try:
        async with server.client() as client:
            while left:
                await _send_one(database, settings, client, left[0])
                left.pop(0)
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        log.warning("mail_server_failed", reason=_said(error), waiting=len(left))
        async with database.transaction() as db:
            for letter in left:
                await _postpone(db, letter, _said(error))


async def _send_one(
    database: Database, settings: Settings, client: aiosmtplib.SMTP, letter: QueuedLetter
) -> None:
    """Send one letter and write down what became of it.

    Raises:
        SMTPException: the server is at fault, not the letter.
    """
    async with database.transaction() as db:
        if await queries.is_suppressed(db, letter.recipient.lower()):
            await queries.settle(db, letter, LetterState.FAILED, "This address is suppressed.")
            return
    try:
        await _hand_over(client, _message(settings, letter), letter.recipient)
    except _RefusedForGoodError as refusal:
        await _fail(database, letter, refusal)
        return
    except aiosmtplib.SMTPResponseException as error:
        await client.rset()
        async with database.transaction() as db:
            await _put_off(db, letter, _said(error))
        return
    async with database.transaction() as db:
        await queries.settle(db, letter, LetterState.SENT, "")
    log.info("letter_sent", letter_id=letter.id, kind=letter.kind, attempt=letter.attempts)


async def _hand_over(client: aiosmtplib.SMTP, message: EmailMessage, recipient: str) -> None:
    try:
        await client.send_message(message, recipients=[recipient])
    except aiosmtplib.SMTPRecipientsRefused as error:
        refused = error.recipients[0]
        if refused.code in _FOR_GOOD:
            raise _RefusedForGoodError(_said(refused), suppress=True) from error
        raise refused from error
    except aiosmtplib.SMTPDataError as error:
        if error.code in _FOR_GOOD:
            raise _RefusedForGoodError(_said(error)) from error
        raise
    except (aiosmtplib.SMTPNotSupported, ValueError) as error:
        raise _RefusedForGoodError(_said(error)) from error


def _message(settings: Settings, letter: QueuedLetter) -> EmailMessage:
    """Return the letter as it travels.

    Raises:
        _RefusedForGoodError: no letter can be written to this address.
    """
    message = EmailMessage(policy=SMTP_POLICY)
    try:
        message["From"] = sender(settings)
        message["To"] = letter.recipient
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(letter.created_at)
        message["Auto-Submitted"] = "auto-generated"
        for name, value in letter.headers.items():
            message[name] = value
    except _UNWRITABLE as error:
        raise _RefusedForGoodError(f"The letter cannot be written: {error}") from error
    message.set_content(letter.text)
    if letter.html:
        message.add_alternative(letter.html, subtype="html")
    return message


def is_address(text: str) -> bool:
    """Whether a letter can be written to this, and to nobody else."""
    try:
        [read] = SMTP_POLICY.header_factory("To", text).addresses
    except _UNWRITABLE:
        return False
    return bool(read.addr_spec == text)


async def _fail(database: Database, letter: QueuedLetter, refusal: _RefusedForGoodError) -> None:
    reason = str(refusal)[:_MAX_ERROR]
    async with database.transaction() as db:
        if refusal.suppress and not letter.is_last:
            await queries.suppress(db, letter.recipient.lower(), reason, now())
        await queries.settle(db, letter, LetterState.FAILED, reason)
    log.warning("letter_refused", letter_id=letter.id, kind=letter.kind, reason=reason)


async def _put_off(db: AsyncSession, letter: QueuedLetter, error: str) -> None:
    if letter.attempts >= MAX_ATTEMPTS:
        await queries.settle(db, letter, LetterState.FAILED, error)
    else:
        await _postpone(db, letter, error)


async def _postpone(db: AsyncSession, letter: QueuedLetter, error: str) -> None:
    wait = BACK_OFF[min(letter.attempts, len(BACK_OFF)) - 1]
    await queries.postpone(db, letter, wait, error)


def _said(error: Exception) -> str:
    code = getattr(error, "code", None)
    text = str(getattr(error, "message", "") or error or type(error).__name__)
    return f"{code} {text}".removeprefix("None ")[:_MAX_ERROR]
