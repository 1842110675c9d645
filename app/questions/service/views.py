"""From rows to what pages and the API show."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from app.accounts import service as accounts
from app.core.db import AsyncSession
from app.questions.queries import lists
from app.questions.queries import tags as tag_queries
from app.questions.schemas import Prize, QuestionRow, QuestionView, Snapshot, TwinRef
from app.questions.service.words import slug
from app.questions.tables import Question

_MOST_DUPLICATES = 10


async def rows(db: AsyncSession, found: Sequence[Question]) -> list[QuestionRow]:
    """Return questions as lists show them: two reads for all of them."""
    if not found:
        return []
    names = await accounts.names_of(db, (one.author_id for one in found))
    tags: dict[int, list[str]] = defaultdict(list)
    for question_id, _tag, name in await tag_queries.tags_of(db, [one.id for one in found]):
        tags[question_id].append(name)
    return [QuestionRow(**_facts(one, names, tags[one.id])) for one in found]


def _facts(one: Question, names: dict[int | None, str], tags: Sequence[str]) -> dict[str, Any]:
    return {
        "id": one.id,
        "title": one.title,
        "slug": slug(one.title),
        "language": one.language,
        "author": names.get(one.author_id or 0, ""),
        "author_id": one.author_id,
        "status": one.status,
        "close_reason": one.close_reason,
        "score": one.score,
        "num_answers": one.num_answers,
        "is_answered": one.accepted_id is not None,
        "pinned": one.pinned,
        "locked": one.locked,
        "tags": tuple(tags),
        "created_at": one.created_at,
        "active_at": one.active_at,
        "is_hidden": one.is_hidden,
        "prize": prize_of(one),
    }


def prize_of(one: Question) -> Prize | None:
    """Return what is put up for an answer."""
    if one.bounty_until is None:
        return None
    return Prize(one.bounty_amount, one.bounty_unit, one.bounty_until, one.bounty_by_id)


async def view(db: AsyncSession, one: Question) -> QuestionView:
    """Return a question with what its page shows around the posts."""
    again, twins, target = await _related(db, one)
    names = await accounts.names_of(db, (one.author_id, one.closed_by_id))
    tags = [name for _q, _tag, name in await tag_queries.tags_of(db, [one.id])]
    return QuestionView(
        **_facts(one, names, tags),
        thread_id=one.thread_id,
        body_id=one.body_id,
        accepted_id=one.accepted_id,
        duplicate_of=target,
        duplicates=tuple(again),
        twin=next(iter(twins), None),
        snapshot=Snapshot(**one.snapshot) if one.snapshot else None,
        closed_by=names.get(one.closed_by_id or 0, ""),
        closed_at=one.closed_at,
    )


async def _related(
    db: AsyncSession, one: Question
) -> tuple[list[QuestionRow], list[TwinRef], QuestionRow | None]:
    """Return those that ask this one again, its twin, and the question this one asks again."""
    around = await lists.around(db, one.id, _MOST_DUPLICATES)
    found = {question.id: question for question, _linked_at in around}
    if one.duplicate_of_id is not None:
        targets = await lists.by_ids(db, [one.duplicate_of_id])
        found |= {key: target for key, target in targets.items() if not target.is_hidden}
    shown = {row.id: row for row in await rows(db, list(found.values()))}
    again = [shown[question.id] for question, linked_at in around if linked_at is None]
    twins = [
        TwinRef(shown[question.id], question.body_id, question.accepted_id, linked_at)
        for question, linked_at in around
        if linked_at is not None
    ]
    return again, twins, shown.get(one.duplicate_of_id or 0)
