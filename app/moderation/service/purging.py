"""Removing all of a spammer's at once, and taking that back within a day."""

import contextlib

import structlog

from app.accounts import service as accounts
from app.accounts.schemas import Measure, ProfileIn, StandingKind
from app.comments import service as comments
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from app.core.i18n import _
from app.core.security import Viewer
from app.hub import service as hub
from app.moderation import policy, queries
from app.moderation.schemas import ActKind, State, Subject
from app.moderation.service import acting, deciding
from app.moderation.service.log import may_undo
from app.moderation.tables import Act
from app.questions import service as questions
from app.tutorials import service as tutorials

log = structlog.get_logger(__name__)

# So many posts go at once; of who wrote more, the newest.
MOST = 5_000


async def purge(db: AsyncSession, viewer: Viewer, account_id: int, reason: str) -> Act:
    """Suspend somebody for good, hide all they wrote and close their repositories.

    Posts, tutorials, edits that wait for a decision, and what they say about themselves.

    Raises:
        ForbiddenError: the viewer is no moderator, or it is one of those who run the site.
        InvalidError: it is the viewer, or there is no reason.
        NotFoundError: there is no such person.
    """
    user_id = policy.require_moderator(viewer)
    if account_id == user_id:
        raise InvalidError(_("Nobody can silence or suspend themselves."))
    person = await accounts.person(db, account_id)
    if person.user.is_moderator and not viewer.is_admin:
        raise ForbiddenError(_("Only an administrator may do this to a moderator."))
    measure = Measure(StandingKind.SUSPENDED, reason, None, user_id)
    made = await accounts.impose(db, account_id, measure)
    written = await comments.comments_of_author(db, account_id, MOST)
    held = await comments.hold(db, [one.id for one in written if not one.is_held])
    lessons = await tutorials.hold_all_of(db, account_id, MOST)
    edits = await questions.hold_suggestions_of(db, account_id)
    said = await accounts.empty_profile(db, account_id)
    closed = await hub.close_repositories_of(db, account_id)
    for item in await queries.open_items_of(db, account_id):
        await deciding.close(db, viewer, item, State.AGREED)
    log.info("account_purged", user_id=account_id, num_posts=len(held))
    return await acting.write_down(
        db,
        viewer,
        ActKind.PURGED,
        Subject.ACCOUNT,
        account_id,
        account_id=account_id,
        reason=made.reason,
        after={
            "posts": len(held),
            "tutorials": len(lessons),
            "suggestions": len(edits),
            "repositories": len(closed),
        },
        data={
            "posts": held,
            "tutorials": lessons,
            "suggestions": edits,
            "profile": said.model_dump(include={"display_name", "bio"}),
            "repositories": closed,
            "standing": made.id,
        },
    )


async def undo(db: AsyncSession, viewer: Viewer, act_id: int) -> Act:
    """Take a purge back: what it hid stands again, and the account may come in.

    Raises:
        ForbiddenError: the viewer is no moderator.
        NotFoundError: there is no such act.
        ConflictError: it was no purge, was undone, or is older than a day.
    """
    policy.require_moderator(viewer)
    act = await queries.act(db, act_id, lock=True)
    if act is None:
        raise NotFoundError(_("There is no such decision."))
    if not may_undo(act):
        raise ConflictError(_("Only a purge can be undone, within 24 hours."), code="too_late")
    await take_back(db, viewer, act)
    return await acting.write_down(
        db,
        viewer,
        ActKind.UNDID,
        act.subject,
        act.subject_id,
        account_id=act.account_id,
        before={"act": act.id},
    )


async def take_back(db: AsyncSession, viewer: Viewer, act: Act) -> None:
    """Undo whatever an act did that can be undone."""
    act.undone_at = now()
    await comments.release(db, act.data.get("posts", []))
    await tutorials.release(db, act.data.get("tutorials", []))
    await questions.release_suggestions(db, act.data.get("suggestions", []))
    await _give_profile_back(db, act)
    repositories = await hub.repositories_by_id(db, act.data.get("repositories", []))
    for repository in repositories.values():
        await hub.set_closed(db, repository, closed=False)
    if act.kind in {ActKind.HID, ActKind.CLOSED}:
        await acting.restore(db, act.subject, act.subject_id)
    kind = {
        ActKind.SILENCED: StandingKind.SILENCED,
        ActKind.SUSPENDED: StandingKind.SUSPENDED,
        ActKind.PURGED: StandingKind.SUSPENDED,
    }.get(act.kind)
    if kind is not None and act.account_id is not None:
        await _lift(db, viewer, act, kind)
    await db.flush()


async def _give_profile_back(db: AsyncSession, act: Act) -> None:
    said = act.data.get("profile")
    if said and act.account_id is not None:
        await accounts.change_profile(db, act.account_id, ProfileIn(**said))
        act.data = {key: value for key, value in act.data.items() if key != "profile"}


async def _lift(db: AsyncSession, viewer: Viewer, act: Act, kind: StandingKind) -> None:
    """End the measure of this act, not a later one of the same kind."""
    account_id = act.account_id or 0
    found = await accounts.standing_of(db, account_id, kind)
    if found is not None and found.id == act.data.get("standing"):
        with contextlib.suppress(ConflictError):  # it is over
            await accounts.lift(db, account_id, kind, viewer.user_id)
