"""From notifications to letters: one at once, or one that gathers a day or a week.

What somebody may not see any more, or has read already, is not mailed. Each letter can be ended
with one click (RFC 8058), and that ends only letters of its kind.
"""

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit

import structlog

from app.accounts import service as accounts
from app.accounts.schemas import PersonRef
from app.core.db import AsyncSession, Database
from app.core.settings import Settings
from app.mail import service as mail
from app.mail.schemas import Letter
from app.notifications.queries import happenings
from app.notifications.queries import letters as queries
from app.notifications.schemas import Channel, Pace, SubjectView, Target, Why
from app.notifications.service import sources, unsubscribing, words
from app.notifications.service.unsubscribing import site_address
from app.notifications.tables import Notification

log = structlog.get_logger(__name__)

AT_ONCE = 50
_LONGEST_DIGEST = 200
_LONGEST_TEXT = 4000
_PERIODS = {Pace.DAILY: timedelta(days=1), Pace.WEEKLY: timedelta(days=7)}


async def mail_instant(database: Database, settings: Settings) -> int:
    """Write the letters that are due at once; return how many notifications were looked at."""
    async with database.transaction() as db:
        rows = await queries.take_instant(db, AT_ONCE)
        if rows:
            people = await accounts.people_by_id(db, {row.person_id for row in rows})
            why = {row.id: await _mail_one(db, settings, people, row) for row in rows}
            await _settle(db, rows, why)
        return len(rows)


async def mail_digests(database: Database, settings: Settings) -> int:
    """Write the gathered letters that are due; return how many people were looked at."""
    count = 0
    for pace, period in _PERIODS.items():
        async with database.transaction() as db:
            people = await queries.due_for_digest(db, pace, period, AT_ONCE)
        for person_id in people:
            async with database.transaction() as db:
                await _mail_digest(db, settings, person_id, pace)
        count += len(people)
    return count


async def _settle(db: AsyncSession, rows: Sequence[Notification], why: dict[int, Why]) -> None:
    await queries.settle(db, [row.id for row in rows])
    numbers = await happenings.numbers_of(db, {row.key for row in rows})
    decisions = {
        (row.person_id, numbers[row.key]): {
            "person_id": row.person_id,
            "happening_id": numbers[row.key],
            "channel": Channel.MAIL,
            "is_told": why[row.id] is Why.MAILED,
            "why": why[row.id],
        }
        for row in rows
        if row.key in numbers
    }
    await happenings.decide_mail(db, list(decisions.values()))


async def _refusal(db: AsyncSession, settings: Settings, person: PersonRef | None) -> Why | None:
    """Return why nobody can be written to at all."""
    if person is None or person.is_suspended:
        return Why.SUSPENDED
    if not mail.is_on(settings):
        return Why.NO_SERVER
    if not person.is_confirmed:
        return Why.UNCONFIRMED
    return Why.NO_ADDRESS if await mail.is_suppressed(db, person.email) else None


async def _subject(db: AsyncSession, row: Notification) -> SubjectView | None:
    thread = Target(row.subject, row.subject_id)
    entries = {row.entry_id: row.what} if row.entry_id is not None else {}
    if not await sources.visible(db, {(row.person_id, thread)}):
        return None
    return (await sources.views(db, {thread: entries})).get(thread)


async def _mail_one(
    db: AsyncSession, settings: Settings, people: dict[int, PersonRef], row: Notification
) -> Why:
    person = people.get(row.person_id)
    if row.read_at is not None or row.done_at is not None:
        return Why.READ_BEFORE
    refusal = await _refusal(db, settings, person)
    if person is None or refusal is not None:
        return refusal or Why.SUSPENDED
    subject = await _subject(db, row)
    if subject is None:
        return Why.NOT_ALLOWED
    await mail.enqueue(db, await _instant(db, settings, person, row, subject))
    return Why.MAILED


async def _instant(
    db: AsyncSession,
    settings: Settings,
    person: PersonRef,
    row: Notification,
    subject: SubjectView,
) -> Letter:
    actor = (await accounts.names_of(db, [row.actor_id])).get(row.actor_id, "")
    text = await sources.text(db, row)
    return mail.compose(
        "notification",
        person.email,
        language=person.language,
        headers=_headers(settings, row),
        dedupe_key=f"notification:{row.id}",
        site_url=site_address(settings),
        subject_line=_subject_line(row, subject),
        what=row.what,
        actor=actor,
        reason=row.reason,
        kind=row.kind,
        text=text[:_LONGEST_TEXT],
        place=subject.place,
        title=subject.title,
        address=site_address(settings) + subject.anchors.get(row.entry_id or 0, subject.address),
        end=unsubscribing.address(settings, person.id, row.kind),
        words=words,
    )


def _subject_line(row: Notification, subject: SubjectView) -> str:
    again = "" if row.what in sources.FIRST else "Re: "
    return f"{again}[{subject.place}] {subject.title}" if subject.place else subject.title


def _headers(settings: Settings, row: Notification) -> dict[str, str]:
    """Let mail programs put a thread together, name it, and end letters of this kind."""
    host = urlsplit(site_address(settings)).hostname or "tuningfork.invalid"
    root = f"<{row.subject}.{row.subject_id}@{host}>"
    return {
        "Message-ID": f"<notification.{row.id}.{row.person_id}@{host}>",
        "In-Reply-To": root,
        "References": root,
        "List-ID": f"<{row.subject}-{row.subject_id}.{host}>",
        **_ending(unsubscribing.address(settings, row.person_id, row.kind)),
    }


def _ending(address: str) -> dict[str, str]:
    return {
        "List-Unsubscribe": f"<{address}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


async def _mail_digest(db: AsyncSession, settings: Settings, person_id: int, pace: Pace) -> None:
    rows = await queries.take_digest(db, person_id, pace, _LONGEST_DIGEST)
    person = (await accounts.people_by_id(db, [person_id])).get(person_id)
    refusal = await _refusal(db, settings, person)
    why = {row.id: refusal or _gathers(row) for row in rows}
    fresh = [row for row in rows if why[row.id] is Why.MAILED]
    lines = await _lines(db, fresh)
    for row in fresh:
        if Target(row.subject, row.subject_id) not in lines:
            why[row.id] = Why.NOT_ALLOWED
    if person is not None and lines:
        await mail.enqueue(db, await _digest(db, settings, person, pace, fresh, lines))
    await _settle(db, rows, why)


def _gathers(row: Notification) -> Why:
    return Why.MAILED if row.read_at is None and row.done_at is None else Why.READ_BEFORE


async def _lines(db: AsyncSession, rows: Sequence[Notification]) -> dict[Target, SubjectView]:
    """Return the threads of these notifications that their person may see."""
    threads = {Target(row.subject, row.subject_id) for row in rows}
    seen = await sources.visible(db, {(rows[0].person_id, one) for one in threads} if rows else ())
    return await sources.views(db, {thread: {} for _person, thread in seen})


async def _digest(  # who, when, what
    db: AsyncSession,
    settings: Settings,
    person: PersonRef,
    pace: Pace,
    rows: Sequence[Notification],
    subjects: dict[Target, SubjectView],
) -> Letter:
    names = await accounts.names_of(db, {row.actor_id for row in rows})
    told: dict[Target, list[tuple[Notification, str]]] = {}
    for row in rows:
        actor = names.get(row.actor_id, "")
        told.setdefault(Target(row.subject, row.subject_id), []).append((row, actor))
    return mail.compose(
        "digest",
        person.email,
        language=person.language,
        headers=_ending(unsubscribing.address(settings, person.id, pace)),
        dedupe_key=f"digest:{person.id}:{rows[-1].id}",
        site_url=site_address(settings),
        pace=pace.value,
        threads=[(subjects[thread], news) for thread, news in told.items() if thread in subjects],
        num_threads=len(subjects),
        ends=[
            (kind, unsubscribing.address(settings, person.id, kind))
            for kind in sorted({row.kind for row in rows})
        ],
        end=unsubscribing.address(settings, person.id, pace),
        words=words,
    )
