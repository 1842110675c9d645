"""The queue of the moderators, and who works on what."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from app.accounts import service as accounts
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import BadRequestError, ConflictError
from app.core.i18n import _
from app.core.pagination import Page, decode_cursor, encode_cursor
from app.core.security import Viewer
from app.moderation import policy, queries
from app.moderation.schemas import Cause, Finding, ItemView, Spot, Subject
from app.moderation.service import places
from app.moderation.tables import Item

CLAIM = timedelta(minutes=10)
PAGE = 25


async def list_items(  # noqa: PLR0913  # a page, one argument a choice
    db: AsyncSession,
    viewer: Viewer,
    *,
    is_open: bool = True,
    cause: Cause | None = None,
    subject: Subject | None = None,
    cursor: str = "",
    limit: int = PAGE,
) -> Page[ItemView]:
    """Return a page of the queue, what weighs most first.

    Raises:
        ForbiddenError: the viewer is no moderator.
        BadRequestError: the cursor is not one of this list.
    """
    policy.require_moderator(viewer)
    rows = await queries.items(
        db,
        is_open=is_open,
        with_private=viewer.is_admin,
        cause=cause,
        subject=subject,
        after=_after(cursor),
        limit=limit + 1,
    )
    shown = rows[:limit]
    following = None
    if len(rows) > limit:
        following = encode_cursor([shown[-1].score, shown[-1].id])
    return Page(await views(db, viewer, shown), following)


def _after(cursor: str) -> tuple[float, int] | None:
    if not cursor:
        return None
    score, number = decode_cursor(cursor, 2)
    if not isinstance(score, int | float) or not isinstance(number, int):
        raise BadRequestError(_("This page address does not belong to this list."))
    return float(score), max(min(number, 2**63 - 1), 0)


async def num_open(db: AsyncSession, viewer: Viewer) -> int:
    """Return how much waits for this moderator."""
    return await queries.num_open(db, with_private=viewer.is_admin)


async def claim(db: AsyncSession, viewer: Viewer, item_id: int) -> ItemView:
    """Work on something for ten minutes, in which no other moderator decides about it.

    Raises:
        NotFoundError: there is none, or the viewer may not see it.
        ForbiddenError: the viewer is no moderator, or it concerns themselves.
        ConflictError: it is decided already, or another moderator works on it.
    """
    item = await policy.access_to_decide(db, viewer, item_id)
    await take(db, viewer, item)
    return (await views(db, viewer, [item]))[0]


async def take(db: AsyncSession, viewer: Viewer, item: Item) -> None:
    """Let nobody else decide about a held item for ten minutes.

    Raises:
        ConflictError: another moderator works on it.
    """
    user_id = viewer.require_user()
    if policy.is_claimed_by_another(item, user_id):
        names = await accounts.account_refs(db, {item.claimed_by_id or 0})
        who = next((ref.name for ref in names.values()), _("Another moderator"))
        raise ConflictError(
            _("%(who)s works on this until %(until)s UTC.")
            % {"who": who, "until": f"{item.claimed_until:%H:%M}"},
            fix=_("Take another one meanwhile."),
            code="claimed",
        )
    item.claimed_by_id, item.claimed_until = user_id, now() + CLAIM
    await db.flush()


async def give_back(db: AsyncSession, viewer: Viewer, item_id: int) -> None:
    """Let others decide about something that one works on.

    Raises:
        NotFoundError: there is none, or the viewer may not see it.
        ForbiddenError: the viewer is no moderator.
        ConflictError: it is decided already, or another moderator works on it.
    """
    item = await policy.access_to_decide(db, viewer, item_id)
    await take(db, viewer, item)
    item.claimed_by_id = item.claimed_until = None
    await db.flush()


async def views(db: AsyncSession, viewer: Viewer, rows: Sequence[Item]) -> list[ItemView]:
    """Return what this moderator is shown of these items."""
    spots = await places.spots(db, {(row.subject, row.subject_id) for row in rows})
    people = {row.account_id for row in rows} | {row.claimed_by_id for row in rows}
    names = await accounts.names_of(db, people)

    def name(account_id: int | None) -> str:
        return names.get(account_id, "")

    found = []
    for row in rows:
        gone = Spot(_("It is gone."), "", row.account_id, is_gone=True)
        spot = spots.get((row.subject, row.subject_id), gone)
        if spot.is_private and not viewer.is_admin:  # it was public when it was reported
            spot = Spot(_("In a private repository"), "", row.account_id, is_held=spot.is_held)
        is_claimed = row.claimed_until is not None and row.claimed_until > now()
        found.append(
            ItemView(
                id=row.id,
                subject=row.subject,
                subject_id=row.subject_id,
                causes=tuple(Cause(cause) for cause in row.causes),
                score=round(row.score, 2),
                num_reports=row.num_reports,
                findings=tuple(_finding(one) for one in row.findings),
                state=row.state,
                spot=spot,
                author=name(row.account_id),
                created_at=row.created_at,
                claimed_by=name(row.claimed_by_id) if is_claimed else "",
                claimed_by_id=row.claimed_by_id if is_claimed else None,
                claimed_until=row.claimed_until if is_claimed else None,
            )
        )
    return found


def _finding(stored: dict[str, Any]) -> Finding:
    return Finding(str(stored["code"]), float(stored["weight"]), str(stored.get("value", "")))
