"""The audit log and the outbox, as administrators read them."""

import csv
import io
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from app.accounts import service as accounts
from app.core import audit, i18n
from app.core.audit import AuditEntry
from app.core.db import AsyncSession, Database
from app.core.errors import Detail, InvalidError
from app.core.i18n import _
from app.core.settings import Settings
from app.mail import service as mail
from app.mail.schemas import LetterState

_AT_ONCE = 500
_FIELDS = ("id", "created_at", "actor_id", "action", "target", "before", "after", "request_id")
_LEADS = ("=", "+", "-", "@", "\t", "\r")


async def entries(  # what narrows the log
    db: AsyncSession, who: str, action: str, target: str, before_id: int | None, limit: int = 0
) -> Sequence[AuditEntry]:
    """Return a page of the log and one more; of somebody who does not exist there is nothing."""
    actor_id: int | None = None
    if who.strip():
        account = await accounts.find_account(db, who.strip())
        if account is None:
            return []
        actor_id = account.id
    return await audit.entries(
        db,
        before_id=before_id,
        actor_id=actor_id,
        action=action.strip(),
        target=target.strip(),
        limit=limit or audit.PAGE + 1,
    )


async def export(
    database: Database, kind: str, who: str, action: str, target: str
) -> AsyncIterator[str]:
    """Yield the log as CSV or as a JSON object a line, the newest first, some at a time."""
    before_id: int | None = None
    if kind == "csv":
        yield ",".join((*_FIELDS, "hash")) + "\r\n"
    while True:
        async with database.transaction() as db:
            rows = await entries(db, who, action, target, before_id, _AT_ONCE)
            told = [_told(row) for row in rows]
        if not told:
            return
        yield _csv(told) if kind == "csv" else "".join(_line(one) for one in told)
        before_id = told[-1]["id"]


def _told(row: AuditEntry) -> dict[str, Any]:
    found = {name: getattr(row, name) for name in _FIELDS}
    found["created_at"] = row.created_at.isoformat()
    return {**found, "hash": (row.hash or b"").hex()}


def _line(one: dict[str, Any]) -> str:
    return json.dumps(one, ensure_ascii=False) + "\n"


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    for row in rows:
        writer.writerow([_cell(value) for value in row.values()])
    return out.getvalue()


def _cell(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
    # A sheet would run what begins like a formula.
    return f"'{text}" if text.startswith(_LEADS) else text


async def letters(
    db: AsyncSession, settings: Settings, state: LetterState | str, cursor: int | None
) -> dict[str, Any]:
    """Return a page of the outbox, and the addresses that take no letters."""
    wanted = LetterState(state) if state else None
    rows = await mail.letters_page(db, wanted, cursor)
    return {
        "rows": rows,
        "state": state,
        "states": list(LetterState),
        "waiting": await mail.waiting(db),
        "is_on": mail.is_on(settings),
        "suppressed": await mail.suppressed_page(db),
        "next_cursor": rows[-1].id if len(rows) == mail.PAGE else None,
    }


async def send_again(db: AsyncSession, actor_id: int | None, letter_id: int) -> None:
    """Try a letter again at once.

    Raises:
        NotFoundError: it was sent, or there is none.
    """
    await mail.try_again(db, letter_id)
    await audit.record(
        db, actor_id, "mail.sent_again", f"letter:{letter_id}", after={"state": "queued"}
    )


async def send_test(db: AsyncSession, actor_id: int | None, address: str, site_url: str) -> None:
    """Hand in a test letter.

    Raises:
        InvalidError: nobody can be written to at this address.
    """
    address = address.strip()
    if "@" not in address or not mail.is_address(address):
        problem = _("Write an e-mail address like name@example.org.")
        raise InvalidError(problem, details=[Detail("address", problem)])
    letter = mail.compose("test_letter", address, language=i18n.language(), site_url=site_url)
    await mail.enqueue(db, letter)
    await audit.record(db, actor_id, "mail.tested", f"address:{address}")


async def lift_suppression(db: AsyncSession, actor_id: int | None, address: str) -> None:
    """Let letters go to an address again.

    Raises:
        NotFoundError: they do already.
    """
    await mail.lift_suppression(db, address)
    await audit.record(
        db,
        actor_id,
        "mail.suppression_lifted",
        f"address:{address.lower()}",
        before={"suppressed": True},
        after={"suppressed": False},
    )
