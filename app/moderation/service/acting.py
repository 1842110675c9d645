"""What moderators do, each with a line in the public log and one in the audit."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from app.accounts import service as accounts
from app.accounts.schemas import Measure, StandingKind
from app.comments import service as comments
from app.core import audit
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ForbiddenError, InvalidError, NotFoundError
from app.core.events import announce
from app.core.i18n import _
from app.core.security import Viewer
from app.hub import service as hub
from app.moderation.events import ModeratorActed
from app.moderation.schemas import ActKind, Fate, Penalty, Spot, Subject
from app.moderation.service import places
from app.moderation.tables import Act
from app.tutorials import service as tutorials

_KINDS = {
    Penalty.SILENCE: (StandingKind.SILENCED, ActKind.SILENCED),
    Penalty.SUSPEND: (StandingKind.SUSPENDED, ActKind.SUSPENDED),
}


async def write_down(  # noqa: PLR0913  # what an act is made of
    db: AsyncSession,
    viewer: Viewer,
    kind: ActKind,
    subject: Subject,
    subject_id: int,
    *,
    account_id: int | None,
    reason: str = "",
    item_id: int | None = None,
    until: datetime | None = None,
    is_private: bool = False,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    data: dict[str, Any] | None = None,
) -> Act:
    """Write an act into the log and the audit."""
    made = Act(
        kind=kind,
        subject=subject,
        subject_id=subject_id,
        is_private=is_private,
        account_id=account_id,
        by_id=viewer.require_user(),
        item_id=item_id,
        reason=reason,
        until=until,
        data=data or {},
    )
    db.add(made)
    await db.flush()
    await audit.record(
        db,
        viewer.user_id,
        f"moderation.{kind.value}",
        f"{subject.value}:{subject_id}",
        before=before,
        after={"act": made.id, "reason": reason, **(after or {})},
    )
    await announce(db, ModeratorActed(made.id))
    return made


async def decide_fate(  # noqa: PLR0913  # of what, by whom, why
    db: AsyncSession,
    viewer: Viewer,
    subject: Subject,
    subject_id: int,
    fate: Fate,
    *,
    spot: Spot,
    reason: str = "",
    item_id: int | None = None,
) -> Act | None:
    """Hide or erase a post, hide a tutorial, or close a repository; an account is left as it is.

    A tutorial is hidden whole also where it should be erased: others' runs hang on its versions.
    """
    if fate is Fate.LEAVE or subject is Subject.ACCOUNT:
        return None
    kind = ActKind.HID if fate is Fate.HIDE else ActKind.ERASED
    if subject is Subject.REPOSITORY:
        kind = ActKind.CLOSED
        await _set_closed(db, subject_id, closed=True)
    elif subject is Subject.TUTORIAL:
        kind = ActKind.HID
        await tutorials.hold(db, [subject_id])
    elif fate is Fate.HIDE:
        await comments.hold(db, [subject_id])
    else:
        row = (await comments.comments_by_id(db, [subject_id])).get(subject_id)
        if row is not None:
            await comments.hide_comment(db, row.thread_id, subject_id, viewer.require_user())
    return await write_down(
        db,
        viewer,
        kind,
        subject,
        subject_id,
        account_id=spot.account_id,
        reason=reason,
        item_id=item_id,
        is_private=spot.is_private,
        before={"held": spot.is_held},
        after={"fate": fate.value},
    )


async def restore(db: AsyncSession, subject: Subject, subject_id: int) -> bool:
    """Let a post or a tutorial stand, or a repository be open, again; whether it was not."""
    if subject is Subject.COMMENT:
        return bool(await comments.release(db, [subject_id]))
    if subject is Subject.TUTORIAL:
        return bool(await tutorials.release(db, [subject_id]))
    if subject is Subject.REPOSITORY:
        return await _set_closed(db, subject_id, closed=False)
    return False


async def _set_closed(db: AsyncSession, repository_id: int, *, closed: bool) -> bool:
    found = (await hub.repositories_by_id(db, [repository_id])).get(repository_id)
    if found is None or found.disabled == closed:
        return False
    await hub.set_closed(db, found, closed=closed)
    return True


async def punish(  # noqa: PLR0913  # whom, how, why
    db: AsyncSession,
    viewer: Viewer,
    account_id: int,
    penalty: Penalty,
    days: int,
    *,
    reason: str,
    item_id: int | None = None,
) -> Act | None:
    """Silence or suspend somebody; 0 days is until it is lifted.

    Raises:
        ForbiddenError: they administer the site, or moderate it and the viewer only does so too.
        InvalidError: it is the viewer, or there is no reason.
        NotFoundError: there is no such person.
    """
    if penalty is Penalty.NONE:
        return None
    if account_id == viewer.user_id:
        raise InvalidError(_("Nobody can silence or suspend themselves."))
    person = await accounts.person(db, account_id)
    if person.user.is_moderator and not viewer.is_admin:
        raise ForbiddenError(_("Only an administrator may do this to a moderator."))
    standing, kind = _KINDS[penalty]
    before = await accounts.standing_of(db, account_id, standing)
    until = now() + timedelta(days=days) if days else None
    measure = Measure(standing, reason, until, viewer.user_id, item_id)
    made = await accounts.impose(db, account_id, measure)
    return await write_down(
        db,
        viewer,
        kind,
        Subject.ACCOUNT,
        account_id,
        account_id=account_id,
        reason=made.reason,
        item_id=item_id,
        until=until,
        before={"until": str(before.until) if before else None},
        after={"until": str(until), "standing": made.id},
        data={"standing": made.id},
    )


async def pardon(
    db: AsyncSession, viewer: Viewer, account_id: int, kind: StandingKind, reason: str
) -> Act:
    """End a silence or a suspension before its time.

    Raises:
        ConflictError: none is in force.
        NotFoundError: there is no such person.
    """
    before = await accounts.standing_of(db, account_id, kind)
    await accounts.lift(db, account_id, kind, viewer.require_user())
    return await write_down(
        db,
        viewer,
        ActKind.LIFTED,
        Subject.ACCOUNT,
        account_id,
        account_id=account_id,
        reason=reason,
        before={"kind": kind.value, "until": str(before.until) if before else None},
        after={"lifted": True},
    )


async def person_id(db: AsyncSession, name: str) -> int:
    """Return the account of this name.

    Raises:
        NotFoundError: there is none.
    """
    found = await accounts.find_account(db, name)
    if found is None:
        raise NotFoundError(_("There is no such account."))
    return found.id


async def spots_of(db: AsyncSession, acts: Sequence[Act]) -> dict[tuple[Subject, int], Spot]:
    """Return where the things are that were acted on."""
    return await places.spots(db, {(act.subject, act.subject_id) for act in acts})
