"""Decisions about what is in the queue."""

import structlog

from app.accounts.events import ReportDecided
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ConflictError, Detail, InvalidError
from app.core.events import emit
from app.core.i18n import _
from app.core.security import Viewer
from app.moderation import policy, queries
from app.moderation.schemas import (
    ActKind,
    DecisionIn,
    Fate,
    ItemView,
    Penalty,
    Spot,
    State,
    Subject,
    Verdict,
)
from app.moderation.service import acting, places
from app.moderation.service.queue import take, views
from app.moderation.tables import Item
from app.reputation import service as reputation

log = structlog.get_logger(__name__)

_STATES = {
    Verdict.AGREE: State.AGREED,
    Verdict.DISAGREE: State.DISAGREED,
    Verdict.IGNORE: State.IGNORED,
}


async def decide(db: AsyncSession, viewer: Viewer, item_id: int, decision: DecisionIn) -> ItemView:
    """Decide about something in the queue and tell all who reported it.

    To agree hides or erases it and may silence or suspend its author; to disagree lets it stand.

    Raises:
        NotFoundError: there is none, or the viewer may not see it.
        ForbiddenError: the viewer is no moderator, or it concerns themselves or an administrator.
        ConflictError: it is decided already, another moderator works on it, or a held post would
            be left without a decision.
        InvalidError: one agrees without saying why.
    """
    item = await policy.access_to_decide(db, viewer, item_id)
    await take(db, viewer, item)
    spot = await places.spot(db, item.subject, item.subject_id)
    spot = spot or Spot("", "", item.account_id, item.is_private, is_gone=True)
    if decision.verdict is Verdict.AGREE:
        await _agree(db, viewer, item, spot, decision)
    elif decision.verdict is Verdict.DISAGREE:
        await _disagree(db, viewer, item, spot, decision)
    elif spot.is_held and item.subject is Subject.COMMENT:
        raise ConflictError(
            _("This post is held: nobody reads it until you agree or disagree."),
            code="held",
        )
    await close(db, viewer, item, _STATES[decision.verdict])
    log.info("report_decided", item_id=item.id, verdict=decision.verdict.value)
    return (await views(db, viewer, [item]))[0]


async def _agree(
    db: AsyncSession, viewer: Viewer, item: Item, spot: Spot, decision: DecisionIn
) -> None:
    if not decision.reason:
        problem = _("Say why: the person is shown the reason.")
        raise InvalidError(problem, code="no_reason", details=[Detail("reason", problem)])
    fate = Fate.LEAVE if spot.is_gone else decision.fate
    if spot.is_held and fate is Fate.LEAVE and not spot.is_gone:
        fate = Fate.HIDE
    await acting.decide_fate(
        db,
        viewer,
        item.subject,
        item.subject_id,
        fate,
        spot=spot,
        reason=decision.reason,
        item_id=item.id,
    )
    if item.account_id is not None and decision.penalty is not Penalty.NONE:
        await acting.punish(
            db,
            viewer,
            item.account_id,
            decision.penalty,
            decision.days,
            reason=decision.reason,
            item_id=item.id,
        )


async def _disagree(
    db: AsyncSession, viewer: Viewer, item: Item, spot: Spot, decision: DecisionIn
) -> None:
    if item.subject in {Subject.COMMENT, Subject.TUTORIAL}:
        await acting.restore(db, item.subject, item.subject_id)
    await acting.write_down(
        db,
        viewer,
        ActKind.KEPT,
        item.subject,
        item.subject_id,
        account_id=item.account_id,
        reason=decision.reason,
        item_id=item.id,
        is_private=spot.is_private,
        before={"held": spot.is_held},
        after={"held": False},
    )


async def close(db: AsyncSession, viewer: Viewer, item: Item, state: State) -> None:
    """Take an item out of the queue, and tell those who reported it what became of it."""
    item.state, item.decided_by_id, item.decided_at = state, viewer.user_id, now()
    item.claimed_by_id = item.claimed_until = None
    rows = await queries.reports_of_items(db, [item.id])
    # In the order of the people: two moderators who decide at once wait for each other, not both.
    for row in sorted(rows, key=lambda one: one.reporter_id):
        if row.outcome is State.OPEN:
            row.outcome = state
            await _count(db, row.reporter_id, state)
            emit(db, ReportDecided(row.reporter_id, row.id, state.value))
    await db.flush()


async def _count(db: AsyncSession, reporter_id: int, state: State) -> None:
    if state in {State.AGREED, State.DISAGREED}:
        await reputation.count_report(db, reporter_id, helpful=state is State.AGREED)
