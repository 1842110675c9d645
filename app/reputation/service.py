"""Vote on posts, move points, and say what somebody's work opens to them."""

from collections.abc import Collection, Mapping

from app.comments.schemas import CommentView
from app.core.db import AsyncSession
from app.core.errors import ConflictError, ForbiddenError
from app.core.i18n import _
from app.core.pagination import Page
from app.core.security import Viewer
from app.reputation import queries
from app.reputation.schemas import (
    POINTS,
    Ability,
    EntryView,
    Reason,
    StandingView,
    abilities_for,
    ratio,
)
from app.reputation.tables import Entry, Standing


async def vote(db: AsyncSession, viewer: Viewer, comment: CommentView, value: int) -> int:
    """Vote `value` (1, -1, or 0 to take it back) on a post; return by how much its score moved.

    Raises:
        UnauthorizedError: nobody is signed in.
        ForbiddenError: it is one's own post, or the ability to vote down is not earned yet.
        ConflictError: the post was hidden.
    """
    voter_id = viewer.require_user()
    if comment.is_hidden:
        raise ConflictError(_("This post was hidden; it cannot be voted on."), code="hidden")
    if comment.author_id == voter_id:
        raise ForbiddenError(_("Nobody votes on their own post."), code="own_post")
    if value < 0:
        await require(db, viewer, Ability.VOTE_DOWN)
    row = await queries.held_vote(db, comment.id, voter_id)
    earlier, row.value = row.value, value
    if comment.author_id is not None and earlier != value:
        await _count(db, comment.author_id, comment.id, earlier, -1)
        await _count(db, comment.author_id, comment.id, value, 1)
    await db.flush()
    return value - earlier


async def _count(db: AsyncSession, author_id: int, comment_id: int, value: int, sign: int) -> None:
    if value == 0:
        return
    reason = Reason.UPVOTED if value > 0 else Reason.DOWNVOTED
    name = "num_up" if value > 0 else "num_down"
    await move(db, author_id, reason, comment_id, sign * POINTS[reason], **{name: sign})


async def move(  # who, why, where, how much
    db: AsyncSession,
    account_id: int,
    reason: Reason,
    comment_id: int | None,
    amount: int,
    **counts: int,
) -> None:
    """Write points into the ledger and add them, and `counts`, to somebody's sums."""
    db.add(Entry(account_id=account_id, amount=amount, reason=reason, comment_id=comment_id))
    await queries.add_to_standing(db, account_id, {"points": amount, **counts})


async def put_up(db: AsyncSession, account_id: int, comment_id: int, amount: int) -> None:
    """Take points that somebody puts up for a post.

    Raises:
        ConflictError: they have fewer.
    """
    if not await queries.take_points(db, account_id, amount):
        has = (await standings(db, [account_id]))[account_id].points
        raise ConflictError(
            _("You have %(has)d points; this takes %(amount)d.") % {"has": has, "amount": amount},
            fix=_("Put up less, or wait until others have voted for what you wrote."),
            code="too_few_points",
        )
    reason = Reason.BOUNTY_PUT_UP
    db.add(Entry(account_id=account_id, amount=-amount, reason=reason, comment_id=comment_id))
    await db.flush()


async def history(
    db: AsyncSession, account_id: int, before: int | None = None, limit: int = 50
) -> Page[EntryView]:
    """Return how somebody's points moved, the newest first."""
    rows = await queries.entries(db, account_id, before, limit + 1)
    shown = rows[:limit]
    items = [EntryView(r.id, r.amount, r.reason, r.comment_id, r.created_at) for r in shown]
    return Page(items, str(shown[-1].id) if len(rows) > limit else None)


async def count_accepted(db: AsyncSession, comment: CommentView, *, accepted: bool) -> None:
    """Credit the author of an accepted answer, or take it back."""
    if comment.author_id is not None:
        sign = 1 if accepted else -1
        amount = sign * POINTS[Reason.ACCEPTED]
        await move(db, comment.author_id, Reason.ACCEPTED, comment.id, amount, num_accepted=sign)


async def count_edit(db: AsyncSession, account_id: int, comment_id: int, *, approved: bool) -> None:
    """Remember whether a suggested edit was found good."""
    if approved:
        amount = POINTS[Reason.EDIT_APPROVED]
        await move(db, account_id, Reason.EDIT_APPROVED, comment_id, amount, num_edits_approved=1)
    else:
        await queries.add_to_standing(db, account_id, {"num_edits_rejected": 1})


async def count_report(db: AsyncSession, account_id: int, *, helpful: bool) -> None:
    """Remember whether a report was found right."""
    name = "num_reports_helpful" if helpful else "num_reports_declined"
    await queries.add_to_standing(db, account_id, {name: 1})


async def count_badge(db: AsyncSession, account_id: int, metal: str) -> None:
    """Remember a badge: `gold`, `silver` or `bronze`."""
    await queries.add_to_standing(db, account_id, {f"num_{metal}": 1})


async def forget_badges(db: AsyncSession, account_id: int) -> None:
    """Forget every badge of somebody who has left."""
    await queries.clear_badges(db, account_id)


async def votes_of(
    db: AsyncSession, viewer: Viewer, comment_ids: Collection[int]
) -> Mapping[int, int]:
    """Return how the viewer voted on these posts; those without a vote are left out."""
    if viewer.user_id is None or not comment_ids:
        return {}
    return await queries.votes_of(db, viewer.user_id, comment_ids)


async def standings(db: AsyncSession, account_ids: Collection[int]) -> dict[int, StandingView]:
    """Return what the work of these people was found to be worth."""
    rows = await queries.standings(db, account_ids) if account_ids else {}
    return {
        account_id: _view(rows[account_id]) if account_id in rows else StandingView(account_id)
        for account_id in account_ids
    }


async def abilities_of(db: AsyncSession, viewer: Viewer) -> frozenset[Ability]:
    """Return what the viewer may do besides asking, answering and voting up."""
    if viewer.user_id is None:
        return frozenset()
    if viewer.is_admin or viewer.is_moderator:
        return frozenset(Ability)
    return (await standings(db, [viewer.user_id]))[viewer.user_id].abilities


async def require(db: AsyncSession, viewer: Viewer, ability: Ability) -> int:
    """Return the viewer's id if they have earned `ability`.

    Raises:
        UnauthorizedError: nobody is signed in.
        ForbiddenError: they have not, yet.
    """
    user_id = viewer.require_user()
    if ability not in await abilities_of(db, viewer):
        raise ForbiddenError(
            _("This needs the ability “%(ability)s”, which good work opens.")
            % {"ability": ability_label(ability)},
            fix=_("Posts that others find useful bring it; the guide says how many."),
            code="ability_needed",
        )
    return user_id


def ability_label(ability: Ability) -> str:
    """Return how people call an ability."""
    return {
        Ability.VOTE_DOWN: _("vote down"),
        Ability.CREATE_TAG: _("make tags"),
        Ability.EDIT: _("edit others' posts"),
        Ability.CLOSE: _("close questions"),
        Ability.CURATE: _("curate"),
    }[ability]


def _view(row: Standing) -> StandingView:
    posts = ratio(row.num_up, row.num_down)
    edits = ratio(row.num_edits_approved, row.num_edits_rejected)
    reports = ratio(row.num_reports_helpful, row.num_reports_declined)
    return StandingView(
        account_id=row.account_id,
        points=row.points,
        posts=posts,
        edits=edits,
        reports=reports,
        abilities=abilities_for(posts, edits, reports),
        num_accepted=row.num_accepted,
        badges=(row.num_gold, row.num_silver, row.num_bronze),
    )
