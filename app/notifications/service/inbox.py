"""A person's notifications: what they see, how many are unread, and marking them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.accounts import service as accounts
from app.core.db import AsyncSession
from app.core.errors import BadRequestError, InvalidError
from app.core.events import emit
from app.core.i18n import _
from app.core.pagination import Page, decode_cursor, encode_cursor
from app.core.security import Viewer
from app.hub import policy as hub_policy
from app.hub import service as hub
from app.notifications import policy
from app.notifications.events import NotificationsMarked
from app.notifications.queries import notifications as queries
from app.notifications.queries.notifications import ThreadRow
from app.notifications.schemas import (
    MOST_COUNTED,
    Filters,
    NotificationView,
    State,
    SubjectView,
    Target,
    ThreadView,
    What,
)
from app.notifications.service import sources
from app.notifications.tables import Notification

PAGE = 25
_NEVER = 2**62
MOST_AT_ONCE = 200


@dataclass(frozen=True)
class Count:
    """How many notifications a person has not read, and the number of the last of them."""

    unread: int
    newest: int


def before(cursor: str) -> int | None:
    """Return the number that a cursor holds, None for the first page.

    Raises:
        BadRequestError: it is none of ours.
    """
    if not cursor:
        return None
    (last,) = decode_cursor(cursor, 1)
    if not isinstance(last, int):
        raise BadRequestError(_("This page address does not belong to this list."))
    return last


async def threads_page(
    db: AsyncSession, viewer: Viewer, filters: Filters, cursor: str = ""
) -> Page[ThreadView]:
    """Return a page of threads, the one with the newest notification first.

    What the viewer may not see any more is not among them.
    """
    person_id = policy.require_person(viewer)
    rows = await queries.threads(db, person_id, filters, before(cursor), PAGE + 1)
    shown = rows[:PAGE]
    following = encode_cursor([shown[-1].newest]) if len(rows) > PAGE else None
    return Page(await _thread_views(db, person_id, filters, shown), following)


async def _thread_views(
    db: AsyncSession, person_id: int, filters: Filters, rows: Sequence[ThreadRow]
) -> list[ThreadView]:
    newest = await queries.by_ids(db, [row.newest for row in rows])
    subjects = await _subjects(db, person_id, newest.values())
    acting: dict[Target, list[int]] = {}
    threads = [row.thread for row in rows if row.thread in subjects]
    for thread, actor in await queries.actors(db, person_id, filters, threads) if threads else ():
        acting.setdefault(thread, []).append(actor)
    names = await accounts.names_of(db, [actor for actors in acting.values() for actor in actors])
    return [
        ThreadView(
            thread=row.thread,
            subject=subjects[row.thread],
            newest=_view(newest[row.newest], names),
            num_all=row.num_all,
            num_unread=row.num_unread,
            actors=[names[one] for one in acting.get(row.thread, ()) if one in names],
        )
        for row in rows
        if row.thread in subjects
    ]


async def _subjects(
    db: AsyncSession, person_id: int, rows: Collection[Notification]
) -> dict[Target, SubjectView]:
    """Return the threads of these notifications that the person may see."""
    entries: dict[Target, dict[int, What]] = {}
    for row in rows:
        own = entries.setdefault(Target(row.subject, row.subject_id), {})
        if row.entry_id is not None:
            own[row.entry_id] = row.what
    seen = await sources.visible(db, {(person_id, thread) for thread in entries})
    return await sources.views(
        db, {thread: own for thread, own in entries.items() if (person_id, thread) in seen}
    )


def _view(row: Notification, names: Mapping[int | None, str]) -> NotificationView:
    return NotificationView(
        id=row.id,
        what=row.what,
        kind=row.kind,
        reason=row.reason,
        actor=names.get(row.actor_id, "") if row.actor_id is not None else "",
        entry_id=row.entry_id,
        created_at=row.created_at,
        is_read=row.read_at is not None,
        is_done=row.done_at is not None,
    )


async def single_page(
    db: AsyncSession, viewer: Viewer, filters: Filters, cursor: str, limit: int
) -> Page[tuple[NotificationView, Target, SubjectView]]:
    """Return a page of single notifications, the newest first, those that may be seen."""
    person_id = policy.require_person(viewer)
    rows = await queries.list_after(db, person_id, filters, before(cursor), limit + 1)
    shown = rows[:limit]
    following = encode_cursor([shown[-1].id]) if len(rows) > limit else None
    subjects = await _subjects(db, person_id, shown)
    names = await accounts.names_of(db, (row.actor_id for row in shown))
    items = []
    for row in shown:
        thread = Target(row.subject, row.subject_id)
        if thread in subjects:
            items.append((_view(row, names), thread, subjects[thread]))
    return Page(items, following)


async def counts(db: AsyncSession, people: Collection[int]) -> dict[int, Count]:
    """Return how many notifications of each person are unread, without those they may not see."""
    rows = await queries.unread(db, people)
    seen = await sources.visible(db, {(person, thread) for person, thread, _n, _last in rows})
    found = dict.fromkeys(people, Count(0, 0))
    for person, thread, number, last in rows:
        if (person, thread) in seen:
            sofar = found[person]
            total = min(sofar.unread + number, MOST_COUNTED)
            found[person] = Count(total, max(sofar.newest, last))
    return found


async def count(db: AsyncSession, viewer: Viewer) -> Count:
    """Return how many of the viewer's notifications are unread."""
    person_id = policy.require_person(viewer)
    return (await counts(db, [person_id]))[person_id]


async def follow(db: AsyncSession, viewer: Viewer, number: int) -> str:
    """Mark the thread of a notification as read, and return the address it leads to.

    Raises:
        NotFoundError: it is not the viewer's, or its thread is not to be seen any more.
    """
    row = await policy.access_notification(db, viewer, number)
    thread = Target(row.subject, row.subject_id)
    found = (await _subjects(db, row.person_id, [row])).get(thread)
    if found is None:
        raise policy.not_found()
    await queries.mark_read(db, row.person_id, Filters(State.ALL), [thread], _NEVER)
    emit(db, NotificationsMarked(row.person_id))
    return found.anchors.get(row.entry_id or 0, found.address)


async def mark(
    db: AsyncSession,
    viewer: Viewer,
    state: str,
    threads: Collection[Target],
    filters: Filters | None = None,
    upto: int | None = None,
) -> tuple[datetime | None, int]:
    """Mark threads, or everything that filters choose, as `read`, `done` or `unread`.

    Returns:
        The moment that `undo` takes back, and how many notifications were changed.

    Raises:
        InvalidError: there is no such state, or too many threads are named.
    """
    person_id = policy.require_person(viewer)
    if len(threads) > MOST_AT_ONCE:
        raise InvalidError(_("Choose at most %(n)d threads at once.") % {"n": MOST_AT_ONCE})
    last = _NEVER if upto is None else upto
    emit(db, NotificationsMarked(person_id))
    if state == "unread":
        return None, await queries.mark_unread(db, person_id, threads) if threads else 0
    if state not in {"read", "done"}:
        raise InvalidError(_("A notification can be marked as read, unread or done."))
    where = filters or Filters(State.ALL)
    mark_as = queries.mark_read if state == "read" else queries.mark_done
    return await mark_as(db, person_id, where, threads, last)


async def undo(db: AsyncSession, viewer: Viewer, moment: datetime) -> int:
    """Take back what was marked at a moment; return how many notifications were changed."""
    person_id = policy.require_person(viewer)
    emit(db, NotificationsMarked(person_id))
    return await queries.unmark(db, person_id, moment)


async def repositories(db: AsyncSession, viewer: Viewer, limit: int = 30) -> list[tuple[int, str]]:
    """Return the repositories that the viewer's notifications belong to, the last told first."""
    person_id = policy.require_person(viewer)
    numbers = list(await queries.repositories(db, person_id, limit))
    found = await hub.repositories_by_id(db, numbers) if numbers else {}
    return [
        (number, f"{row.owner_name}/{row.name}")
        for number in numbers
        if (row := found.get(number)) is not None
        and await hub_policy.readers_among(db, row, [person_id])
    ]
