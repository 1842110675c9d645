"""From rows to what pages and the API show."""

from collections.abc import Sequence

from app.accounts import service as accounts
from app.bounties import queries
from app.bounties.schemas import BountyView, LogLine
from app.bounties.tables import Bounty
from app.core.db import AsyncSession
from app.core.pagination import Page
from app.core.security import Viewer
from app.ledger import service as ledger
from app.ledger.schemas import Holder, Place
from app.questions import policy as question_policy
from app.questions import service as questions

_OF_A_QUESTION = 20


async def views(db: AsyncSession, rows: Sequence[Bounty]) -> list[BountyView]:
    """Return what is shown of bounties."""
    names = await accounts.names_of(
        db, {one for row in rows for one in (row.giver_id, row.winner_id)}
    )
    return [
        BountyView(
            id=row.id,
            question_id=row.question_id,
            giver=names.get(row.giver_id or 0, ""),
            giver_id=row.giver_id,
            unit=row.unit,
            amount=row.amount,
            state=row.state,
            begun_at=row.begun_at,
            ends_at=row.ends_at,
            settled_at=row.settled_at,
            answer_id=row.answer_id,
            winner=names.get(row.winner_id or 0, ""),
            paid=row.paid,
        )
        for row in rows
    ]


async def bounties_of(db: AsyncSession, viewer: Viewer, question_id: int) -> list[BountyView]:
    """Return the bounties of a question, the newest first.

    Raises:
        NotFoundError: there is no such question the viewer may see.
    """
    question = await question_policy.access_question(db, viewer, question_id)
    return await views(db, await queries.of_question(db, question.id, _OF_A_QUESTION))


async def last_giver(db: AsyncSession, question_id: int) -> int | None:
    """Return who put up the last bounty of a question."""
    found = await queries.of_question(db, question_id, 1)
    return found[0].giver_id if found else None


async def public_log(
    db: AsyncSession, before: int | None = None, limit: int = ledger.PAGE
) -> Page[LogLine]:
    """Return every movement for a bounty, the newest first; hidden questions are nameless."""
    page = await ledger.movements(db, before, limit)
    found = await queries.by_ids(db, {one.number for one in page.items})
    asked = await questions.questions_by_id(db, {row.question_id for row in found.values()})
    people = {p.number for m in page.items for p in (m.source, m.target) if _is_person(p)}
    names = await accounts.names_of(db, people)
    items = []
    for one in page.items:
        bounty = found.get(one.number)
        question = asked.get(bounty.question_id) if bounty else None
        items.append(
            LogLine(
                id=one.id,
                what=one.what,
                unit=one.unit,
                amount=one.amount,
                bounty_id=one.number,
                question_id=question.id if question else None,
                question_title=question.title if question else "",
                question_url=question.url if question else "",
                giver=names.get(one.source.number, "") if _is_person(one.source) else "",
                winner=names.get(one.target.number, "") if _is_person(one.target) else "",
                created_at=one.created_at,
            )
        )
    return Page(items, page.next_cursor)


def _is_person(place: Place) -> bool:
    return place.holder is Holder.PERSON
