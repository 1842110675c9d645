"""Reports of people: one from each for a thing, weighed by how often they were right before."""

from collections.abc import Sequence

import structlog

from app.accounts import service as accounts
from app.comments import service as comments
from app.core.clock import now
from app.core.db import AsyncSession, limits_of
from app.core.errors import ConflictError, Detail, ForbiddenError, InvalidError, NotFoundError
from app.core.i18n import _
from app.core.pagination import Page
from app.core.security import Viewer
from app.moderation import queries
from app.moderation.schemas import (
    Cause,
    Reason,
    ReportIn,
    ReportView,
    Spot,
    State,
    Subject,
)
from app.moderation.service import places
from app.moderation.tables import Item, Report

log = structlog.get_logger(__name__)

_LEAST, _MOST = 0.25, 1.75


async def reported(db: AsyncSession, viewer: Viewer, subject: Subject, subject_id: int) -> Spot:
    """Return the thing that somebody is about to report.

    Raises:
        UnauthorizedError: nobody is signed in.
        NotFoundError: there is none, or the viewer may not see it.
        ForbiddenError: it is the viewer's own.
    """
    user_id = viewer.require_user()
    spot = await places.may_see(db, viewer, subject, subject_id)
    if spot is None:
        raise NotFoundError(_("There is nothing here to report."))
    if spot.account_id == user_id:
        raise ForbiddenError(_("This is yours: edit or remove it yourself."), code="own")
    return spot


async def report(db: AsyncSession, viewer: Viewer, new: ReportIn) -> ReportView:
    """Report something; a newcomer's post that enough people report is held.

    Raises:
        UnauthorizedError: nobody is signed in.
        NotFoundError: there is no such thing, or the viewer may not see it.
        ForbiddenError: it is the viewer's own, or they may only read.
        InvalidError: `other` without words.
        ConflictError: they reported it before.
    """
    user_id = viewer.require_user()
    await accounts.require_may_post(db, user_id)
    spot = await reported(db, viewer, new.subject, new.subject_id)
    _check_words(new)
    item = await find_or_open(db, new.subject, new.subject_id, spot)
    if await queries.report_of(db, new.subject, new.subject_id, user_id) is not None:
        raise ConflictError(
            _("You reported this already."),
            fix=_("Settings, Reports shows what became of it."),
            code="reported",
        )
    row = Report(
        item_id=item.id,
        subject=new.subject,
        subject_id=new.subject_id,
        reporter_id=user_id,
        reason=new.reason,
        words=new.words,
        weight=await _weight(db, user_id),
    )
    db.add(row)
    count_in(item, Cause.FLAG, row.weight)
    item.num_reports += 1
    await db.flush()
    await _hold_if_enough(db, item)
    log.info("reported", subject=new.subject.value, subject_id=new.subject_id, item_id=item.id)
    return view(row)


def _check_words(new: ReportIn) -> None:
    if new.reason is Reason.OTHER and not new.words:
        problem = _("Say what is wrong with it.")
        raise InvalidError(problem, code="no_words", details=[Detail("words", problem)])


async def find_or_open(db: AsyncSession, subject: Subject, subject_id: int, spot: Spot) -> Item:
    """Return what is open about a thing, held; it is put into the queue if nothing is."""
    found = await queries.open_item(db, subject, subject_id)
    if found is None:
        new = Item(
            subject=subject,
            subject_id=subject_id,
            account_id=spot.account_id,
            is_private=spot.is_private,
            created_at=now(),
        )
        await queries.add_item(db, new)
        found = await queries.open_item(db, subject, subject_id)
    if found is None:
        raise ConflictError(_("Somebody decided about this just now."), code="decided")
    return found


def count_in(item: Item, cause: Cause, weight: float) -> None:
    """Let an item weigh more, for one more cause."""
    item.score += weight
    if cause.value not in item.causes:
        item.causes = [*item.causes, cause.value]


async def _weight(db: AsyncSession, user_id: int) -> float:
    """Return 1 for who never reported, up to 1.75 for who was right, down to 0.25."""
    agreed, disagreed = await queries.record_of(db, user_id)
    share = (agreed + 1) / (agreed + disagreed + 2)
    return min(max(2 * share, _LEAST), _MOST)


async def _hold_if_enough(db: AsyncSession, item: Item) -> None:
    if item.subject is not Subject.COMMENT or item.account_id is None:
        return
    weight = sum(row.weight for row in await queries.reports_of_items(db, [item.id]))
    if weight < limits_of(db).newcomers.flags_to_hold:
        return
    if await comments.is_newcomer(db, item.account_id):
        if await comments.hold(db, [item.subject_id]):
            count_in(item, Cause.HELD, 0.0)
        await db.flush()


async def reports_by(
    db: AsyncSession, user_id: int, before: int | None, limit: int
) -> Page[ReportView]:
    """Return what somebody reported and what became of it, the newest first."""
    rows = await queries.reports_by(db, user_id, before, limit + 1)
    shown = rows[:limit]
    following = str(shown[-1].id) if len(rows) > limit else None
    return Page([view(row) for row in shown], following)


async def reports_of(db: AsyncSession, items: Sequence[Item]) -> dict[int, list[ReportView]]:
    """Return what people said of each of these items, with their names."""
    rows = await queries.reports_of_items(db, [item.id for item in items])
    names = await accounts.names_of(db, {row.reporter_id for row in rows})
    found: dict[int, list[ReportView]] = {item.id: [] for item in items}
    for row in rows:
        by = names.get(row.reporter_id, "")
        found[row.item_id].append(view(row, by))
    return found


def view(row: Report, by: str = "") -> ReportView:
    """Return what is shown of a report."""
    return ReportView(
        id=row.id,
        subject=row.subject,
        subject_id=row.subject_id,
        reason=row.reason,
        words=row.words,
        outcome=State(row.outcome),
        created_at=row.created_at,
        by=by,
        weight=row.weight,
    )
