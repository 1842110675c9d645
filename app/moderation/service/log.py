"""The public log of what moderators did, without a word about the people concerned."""

from collections.abc import Sequence
from datetime import timedelta

from app.accounts import service as accounts
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.pagination import Page
from app.core.security import Viewer
from app.moderation import queries
from app.moderation.schemas import APPEALABLE, ActKind, ActView, AppealView, Subject
from app.moderation.service import acting
from app.moderation.tables import Act, Appeal

PAGE = 30
UNDO_WITHIN = timedelta(hours=24)


async def public_log(db: AsyncSession, before: int | None, limit: int = PAGE) -> Page[ActView]:
    """Return what moderators did, the newest first, as everybody may know it."""
    rows = await queries.acts(db, before=before, limit=limit + 1)
    shown = rows[:limit]
    following = str(shown[-1].id) if len(rows) > limit else None
    return Page(await views(db, shown), following)


async def acts_against(
    db: AsyncSession, viewer: Viewer, account_id: int, before: int | None = None, limit: int = PAGE
) -> Page[ActView]:
    """Return what was done about somebody; private places and appeals only to them and admins."""
    rows = await queries.acts(db, before=before, limit=limit + 1, account_id=account_id)
    shown = rows[:limit]
    following = str(shown[-1].id) if len(rows) > limit else None
    return Page(await views(db, shown, is_for_concerned=viewer.may_steer(account_id)), following)


async def views(
    db: AsyncSession,
    rows: Sequence[Act],
    *,
    is_for_concerned: bool = False,
    viewer: Viewer | None = None,
) -> list[ActView]:
    """Return what is shown of acts; appeals and private places only to who is concerned."""
    spots = await acting.spots_of(db, rows)
    people = {row.by_id for row in rows}
    if viewer is not None:
        people |= {row.account_id for row in rows}
    names = await accounts.names_of(db, people)
    appeals: dict[int, Appeal] = {}
    if is_for_concerned:
        found = await queries.appeals_of(db, [row.id for row in rows])
        appeals = {one.act_id: one for one in found}

    def name(account_id: int | None) -> str:
        return names.get(account_id, "")

    made = []
    for row in rows:
        spot = spots.get((row.subject, row.subject_id))
        is_shown = spot is not None and row.subject is not Subject.ACCOUNT
        if is_shown and spot is not None and (row.is_private or spot.is_private):
            is_shown = is_for_concerned
        appeal = appeals.get(row.id)
        may_appeal = is_for_concerned and row.kind in APPEALABLE
        may_appeal = may_appeal and row.undone_at is None and appeal is None
        made.append(
            ActView(
                id=row.id,
                kind=row.kind,
                subject=row.subject,
                subject_id=row.subject_id,
                by=name(row.by_id),
                reason=row.reason,
                created_at=row.created_at,
                until=row.until,
                address=spot.address if is_shown and spot is not None else "",
                is_undone=row.undone_at is not None,
                may_undo=may_undo(row),
                appeal=appeal_view(appeal) if appeal else None,
                may_appeal=may_appeal,
                concerned=name(row.account_id) if viewer is not None else "",
            )
        )
    return made


def may_undo(row: Act) -> bool:
    """Whether a purge can still be taken back as a whole."""
    return (
        row.kind is ActKind.PURGED
        and row.undone_at is None
        and row.created_at > now() - UNDO_WITHIN
    )


def appeal_view(row: Appeal) -> AppealView:
    """Return what is shown of an appeal."""
    return AppealView(row.id, row.act_id, row.words, row.created_at, row.is_granted, row.answer)
