"""Why somebody was told of something, or was not."""

from app.accounts import service as accounts
from app.core.db import AsyncSession
from app.core.pagination import Page, encode_cursor
from app.core.security import Viewer
from app.notifications import policy
from app.notifications.queries import happenings as queries
from app.notifications.queries import notifications
from app.notifications.schemas import KEPT_DONE, KEPT_LEDGER, LedgerView, Target
from app.notifications.service import sources
from app.notifications.service.inbox import before

PAGE = 30


async def ledger_page(db: AsyncSession, viewer: Viewer, cursor: str = "") -> Page[LedgerView]:
    """Return what was decided about the viewer in the last thirty days, the newest first.

    What the viewer may not see is not among it.
    """
    person_id = policy.require_person(viewer)
    rows = await queries.ledger(db, person_id, before(cursor), PAGE + 1)
    shown = rows[:PAGE]
    following = encode_cursor([shown[-1][0].id]) if len(rows) > PAGE else None
    threads = {Target(row.subject, row.subject_id) for row, _lines in shown}
    seen = await sources.visible(db, {(person_id, thread) for thread in threads})
    views = await sources.views(db, {thread: {} for _person, thread in seen})
    names = await accounts.names_of(db, {row.actor_id for row, _lines in shown})
    items = [
        LedgerView(
            subject=views[Target(row.subject, row.subject_id)],
            what=row.what,
            actor=names.get(row.actor_id, ""),
            channel=line.channel,
            is_told=line.is_told,
            why=line.why,
            created_at=row.created_at,
        )
        for row, lines in shown
        if Target(row.subject, row.subject_id) in views
        for line in lines
    ]
    return Page(items, following)


async def forget_old(db: AsyncSession) -> None:
    """Forget the ledger after thirty days, and what was put aside after ninety."""
    await queries.forget_old(db, KEPT_LEDGER)
    await notifications.forget_done(db, KEPT_DONE)
