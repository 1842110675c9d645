"""Notifications, for programs: the same words as the pages."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app.core.http import AccountViewer, Db
from app.notifications import service
from app.notifications.schemas import (
    Choice,
    Filters,
    Kind,
    Level,
    NotificationView,
    Pace,
    Reason,
    State,
    SubjectView,
    Target,
    What,
)

router = APIRouter(prefix="/api/v1/notifications", tags=["notifications"])


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NotificationOut(BaseModel):
    """One notification; `thread` names what is marked, watched or muted together."""

    id: int
    what: What
    kind: Kind
    reason: Reason
    thread: str
    title: str
    url: str
    place: str
    actor: str
    created_at: datetime
    read: bool
    done: bool


class PageOut(BaseModel):
    """A page of notifications, the newest first; `next_cursor` asks for the next one."""

    items: list[NotificationOut]
    next_cursor: str | None


class CountOut(BaseModel):
    """How many are unread, at most 100, and the number of the newest of them."""

    unread: int
    newest: int


class MarkIn(_In):
    """What to mark: some threads, or everything that the filters choose up to a number."""

    action: Literal["read", "unread", "done"]
    threads: Annotated[list[str], Field(max_length=200)] = []
    everything: bool = False
    state: State = State.ALL
    kind: Kind | None = None
    repository: int | None = None
    upto: Annotated[int | None, Field(ge=0, lt=1 << 62)] = None


class MarkedOut(BaseModel):
    """How many were changed; `undo` takes it back."""

    marked: int
    undo: datetime | None


class UndoIn(_In):
    """What a change gave for taking it back."""

    undo: datetime


class LevelIO(_In):
    """What one says about a thread, a repository or an account; null is as usual."""

    level: Level | None


class ChoiceIO(_In):
    """What one wants of a kind."""

    in_app: bool
    mail: Pace


class ListIn(_In):
    """What a list is narrowed to."""

    state: State = State.UNREAD
    kind: Kind | None = None
    repository: Annotated[int | None, Field(ge=1, lt=1 << 62)] = None
    cursor: Annotated[str, Field(max_length=200)] = ""
    limit: Annotated[int, Field(ge=1, le=100)] = 50


@router.get("")
async def list_notifications(
    db: Db, viewer: AccountViewer, asked: Annotated[ListIn, Query()]
) -> PageOut:
    """List one's notifications, the newest first."""
    filters = Filters(asked.state, asked.kind, asked.repository)
    page = await service.single_page(db, viewer, filters, asked.cursor, asked.limit)
    return PageOut(items=[_out(*item) for item in page.items], next_cursor=page.next_cursor)


def _out(item: NotificationView, thread: Target, subject: SubjectView) -> NotificationOut:
    return NotificationOut(
        id=item.id,
        what=item.what,
        kind=item.kind,
        reason=item.reason,
        thread=str(thread),
        title=subject.title,
        url=subject.anchors.get(item.entry_id or 0, subject.address),
        place=subject.place,
        actor=item.actor,
        created_at=item.created_at,
        read=item.is_read,
        done=item.is_done,
    )


@router.get("/count")
async def get_count(db: Db, viewer: AccountViewer) -> CountOut:
    """Say how many are unread."""
    found = await service.count(db, viewer)
    return CountOut(unread=found.unread, newest=found.newest)


@router.post("")
async def mark(db: Db, viewer: AccountViewer, wanted: MarkIn) -> MarkedOut:
    """Mark threads, or everything that the filters choose, as read, unread or done."""
    threads = [service.parse_target(name) for name in wanted.threads]
    if not threads and not wanted.everything:
        return MarkedOut(marked=0, undo=None)
    filters = Filters(wanted.state, wanted.kind, wanted.repository) if wanted.everything else None
    moment, count = await service.mark(db, viewer, wanted.action, threads, filters, wanted.upto)
    return MarkedOut(marked=count, undo=moment)


@router.post("/undo")
async def undo(db: Db, viewer: AccountViewer, wanted: UndoIn) -> MarkedOut:
    """Take back a change."""
    return MarkedOut(marked=await service.undo(db, viewer, wanted.undo), undo=None)


@router.get("/choices")
async def list_choices(db: Db, viewer: AccountViewer) -> dict[Kind, ChoiceIO]:
    """Say what one wants of each kind."""
    found = await service.choices(db, viewer)
    return {kind: ChoiceIO(in_app=one.in_app, mail=one.mail) for kind, one in found.items()}


@router.put("/choices/{kind}")
async def set_choice(db: Db, viewer: AccountViewer, kind: Kind, wanted: ChoiceIO) -> ChoiceIO:
    """Say what one wants of a kind."""
    await service.choose(db, viewer, {kind: Choice(wanted.in_app, wanted.mail)})
    return wanted


@router.get("/levels/{target}")
async def get_level(db: Db, viewer: AccountViewer, target: str) -> LevelIO:
    """Say whether one watches or mutes a thing, for example `discussion:12`."""
    found = await service.place(db, viewer, service.parse_target(target))
    return LevelIO(level=found.level)


@router.put("/levels/{target}")
async def set_level(db: Db, viewer: AccountViewer, target: str, wanted: LevelIO) -> LevelIO:
    """Watch or mute a thing, or neither."""
    found = await service.say(db, viewer, service.parse_target(target), wanted.level)
    return LevelIO(level=found.level)
