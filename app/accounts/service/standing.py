"""Who may only read, or not come in, for a while: imposed, told, and over by itself at its end."""

from collections.abc import Sequence

import structlog

from app.accounts import queries
from app.accounts.events import StandingChanged
from app.accounts.queries import Person
from app.accounts.queries import links as link_queries
from app.accounts.schemas import LinkPurpose, Measure, StandingKind, StandingView
from app.accounts.tables import Standing, User
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import (
    ConflictError,
    Detail,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnauthorizedError,
)
from app.core.events import announce
from app.core.i18n import _
from app.core.security import Silence

log = structlog.get_logger(__name__)

MAX_REASON = 500


async def impose(db: AsyncSession, account_id: int, measure: Measure) -> StandingView:
    """Silence or suspend somebody; a measure of the same kind that is in force is replaced.

    Raises:
        NotFoundError: there is no such person.
        ForbiddenError: they administer the site.
        InvalidError: there is no reason, or the end has passed.
    """
    user = await _user(db, account_id)
    if user.is_admin:
        raise ForbiddenError(
            _("An administrator can be neither silenced nor suspended."),
            fix=_("Take the role of administrator away first."),
        )
    reason = _checked_reason(measure)
    earlier = await queries.standing_in_force(db, account_id, measure.kind)
    if earlier is not None:
        earlier.lifted_at, earlier.lifted_by_id = now(), measure.by_id
    made = Standing(
        account_id=account_id,
        kind=measure.kind,
        reason=reason,
        until=measure.until,
        by_id=measure.by_id,
        report_id=measure.report_id,
    )
    db.add(made)
    _set(user, made)
    if made.kind is StandingKind.SUSPENDED:
        await link_queries.close_links(db, account_id, LinkPurpose.CHANGE_EMAIL)
    await db.flush()
    await _tell(db, made, lifted=False)
    log.info("standing_imposed", user_id=account_id, kind=made.kind.value, standing_id=made.id)
    return _view(made)


async def lift(db: AsyncSession, account_id: int, kind: StandingKind, by_id: int | None) -> None:
    """End a measure before its time.

    Raises:
        NotFoundError: there is no such person.
        ConflictError: none of this kind is in force.
    """
    user = await _user(db, account_id)
    found = await queries.standing_in_force(db, account_id, kind)
    if found is None and not (kind is StandingKind.SUSPENDED and user.is_suspended):
        raise ConflictError(_("No such measure is in force."), code="not_in_force")
    if kind is StandingKind.SUSPENDED:
        user.suspended_at = user.suspended_until = None
    else:
        user.silenced_at = user.silenced_until = None
    if found is not None:
        found.lifted_at, found.lifted_by_id = now(), by_id
        await db.flush()
        await _tell(db, found, lifted=True)
    log.info("standing_lifted", user_id=account_id, kind=kind.value)


async def require_may_post(db: AsyncSession, account_id: int) -> None:
    """Pass only if this person may write on the site now.

    Raises:
        ForbiddenError: they are silenced or suspended; it says why and until when.
    """
    found = await queries.person_by_id(db, account_id)
    if found is None:
        return  # an organisation, or gone
    if found.user.is_suspended:
        raise ForbiddenError((await suspension_of(db, found)).message, code="account_suspended")
    if found.user.is_silenced:
        raise (await silence_of(db, found)).error()


async def silence_of(db: AsyncSession, found: Person) -> Silence:
    """Return why a silenced person may only read."""
    made = await queries.standing_in_force(db, found.account.id, StandingKind.SILENCED)
    return Silence(made.reason if made else "", found.user.silenced_until)


async def suspension_of(db: AsyncSession, found: Person) -> UnauthorizedError:
    """Return what a suspended person is told who has shown that it is them."""
    made = await queries.standing_in_force(db, found.account.id, StandingKind.SUSPENDED)
    reason = made.reason if made else _("ask an administrator.")
    if found.user.suspended_until is None:
        message = _("This account is suspended: %(reason)s") % {"reason": reason}
    else:
        message = _("This account is suspended until %(until)s: %(reason)s") % {
            "until": f"{found.user.suspended_until:%Y-%m-%d %H:%M} UTC",
            "reason": reason,
        }
    fix = _("If you think this is a mistake, write to the administrators of the site.")
    return UnauthorizedError(message, fix=fix, code="account_suspended")


async def standings_of(db: AsyncSession, account_id: int) -> list[StandingView]:
    """Return every measure against somebody, the newest first."""
    return [_view(row) for row in await queries.standings_of(db, account_id)]


async def standing_of(db: AsyncSession, account_id: int, kind: StandingKind) -> StandingView | None:
    """Return the measure of this kind that is in force."""
    found = await queries.standing_in_force(db, account_id, kind)
    return _view(found) if found else None


async def lock_person(db: AsyncSession, account_id: int) -> None:
    """Let whatever else counts what this person does wait until this transaction has ended."""
    await queries.person_to_change(db, account_id)


async def set_moderator(db: AsyncSession, account_id: int, *, moderates: bool) -> None:
    """Let somebody moderate the site, or no more.

    Raises:
        NotFoundError: there is no such person.
    """
    user = await _user(db, account_id)
    user.is_moderator = moderates
    await db.flush()
    log.info("moderator_set", user_id=account_id, moderates=moderates)


async def moderator_ids(db: AsyncSession) -> Sequence[int]:
    """Return who moderates the site, administrators included."""
    return await queries.moderator_ids(db)


async def _user(db: AsyncSession, account_id: int) -> User:
    found = await queries.person_to_change(db, account_id)
    if found is None:
        raise NotFoundError(_("There is no such person."))
    return found


def _checked_reason(measure: Measure) -> str:
    reason, problem = " ".join(measure.reason.replace("\0", "").split()), ""
    if not reason:
        problem = _("Say why: the person is shown the reason.")
    elif len(reason) > MAX_REASON:
        problem = _("A reason may have at most %(n)d characters.") % {"n": MAX_REASON}
    elif measure.until is not None and measure.until <= now():
        problem = _("The end must lie in the future.")
    if problem:
        raise InvalidError(problem, code="bad_measure", details=[Detail("reason", problem)])
    return reason


def _set(user: User, made: Standing) -> None:
    if made.kind is StandingKind.SUSPENDED:
        user.suspended_at, user.suspended_until = made.since, made.until
    else:
        user.silenced_at, user.silenced_until = made.since, made.until


async def _tell(db: AsyncSession, row: Standing, *, lifted: bool) -> None:
    event = StandingChanged(row.account_id, row.id, row.kind, row.reason, row.until, lifted)
    await announce(db, event)


def _view(row: Standing) -> StandingView:
    ended = row.until is not None and row.until <= now()
    return StandingView(
        id=row.id,
        account_id=row.account_id,
        kind=row.kind,
        reason=row.reason,
        since=row.since,
        until=row.until,
        is_over=row.lifted_at is not None or ended,
        report_id=row.report_id,
    )
