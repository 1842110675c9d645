"""Appeals: once against each act, and never decided by who acted."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from app.core.i18n import _
from app.core.security import Viewer, sign, verify
from app.moderation import policy, queries
from app.moderation.schemas import (
    APPEALABLE,
    ActKind,
    ActView,
    AppealDecisionIn,
    AppealView,
)
from app.moderation.service import acting, log, purging
from app.moderation.tables import Act, Appeal

_PURPOSE = "appeal"
LISTED = 100


@dataclass(frozen=True)
class OpenAppeal:
    """An appeal and what it is against; `may_decide` is not for who acted."""

    appeal: AppealView
    act: ActView
    may_decide: bool


def key_of(secret: str, act_id: int) -> str:
    """Return what lets somebody who cannot sign in appeal against an act."""
    return sign(secret, _PURPOSE, str(act_id))[:40]


def fits(secret: str, act_id: int, key: str) -> bool:
    """Whether a key was made for this act."""
    full = sign(secret, _PURPOSE, str(act_id))
    return len(key) == 40 and verify(secret, _PURPOSE, str(act_id), key + full[40:])  # noqa: PLR2004  # as long as made above


async def appeal(db: AsyncSession, account_id: int | None, act_id: int, words: str) -> AppealView:
    """Say why an act was wrong; `account_id` None if a key shows who it is.

    Raises:
        NotFoundError: there is no such act, or it concerns somebody else.
        ConflictError: there is an appeal already, or nothing to appeal against.
        InvalidError: there are no words.
    """
    act = await queries.act(db, act_id, lock=True)
    if act is None or (account_id is not None and act.account_id != account_id):
        raise NotFoundError(_("There is no such decision."))
    if act.kind not in APPEALABLE or act.undone_at is not None:
        raise ConflictError(_("There is nothing to appeal against."), code="not_appealable")
    if await queries.appeals_of(db, [act_id]):
        raise ConflictError(_("There is an appeal already; it counts once."), code="appealed")
    text = words.replace("\0", "").strip()
    if not text:
        raise InvalidError(_("Say why the decision was wrong."))
    row = Appeal(act_id=act_id, words=text)
    db.add(row)
    await db.flush()
    return log.appeal_view(row)


async def open_appeals(db: AsyncSession, viewer: Viewer) -> Sequence[OpenAppeal]:
    """Return the appeals that wait, the oldest first."""
    policy.require_moderator(viewer)
    rows = await queries.open_appeals(db, LISTED)
    actors = await queries.acts_by_id(db, {row.act_id for row in rows})
    shown = await log.views(db, list(actors.values()), viewer=viewer)
    views = {one.id: one for one in shown}
    return [
        OpenAppeal(log.appeal_view(row), views[row.act_id], _may_decide(viewer, actors[row.act_id]))
        for row in rows
        if row.act_id in views
    ]


def _may_decide(viewer: Viewer, act: Act) -> bool:
    return viewer.user_id not in {act.by_id, act.account_id}


async def decide_appeal(
    db: AsyncSession, viewer: Viewer, appeal_id: int, decision: AppealDecisionIn
) -> AppealView:
    """Grant an appeal, which undoes what was done, or turn it down.

    Raises:
        NotFoundError: there is no such appeal.
        ForbiddenError: the viewer is no moderator, or it is about what they did or suffered.
        ConflictError: it is decided already.
    """
    policy.require_moderator(viewer)
    row = await queries.appeal(db, appeal_id)
    act = await queries.act(db, row.act_id, lock=True) if row else None
    if row is None or act is None:
        raise NotFoundError(_("There is no such appeal."))
    if not _may_decide(viewer, act):
        raise ForbiddenError(_("Another moderator must decide about what you did."))
    if row.is_granted is not None:
        raise ConflictError(_("This was decided already."), code="decided")
    row.is_granted, row.answer = decision.granted, decision.answer
    row.decided_by_id, row.decided_at = viewer.user_id, now()
    if decision.granted:
        await purging.take_back(db, viewer, act)
    await acting.write_down(
        db,
        viewer,
        ActKind.REVERSED if decision.granted else ActKind.UPHELD,
        act.subject,
        act.subject_id,
        account_id=act.account_id,
        reason=decision.answer,
        item_id=act.item_id,
        is_private=act.is_private,
        before={"act": act.id},
    )
    return log.appeal_view(row)
