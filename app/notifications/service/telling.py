"""From what happened to who is told: news is written down at once, and told in batches later.

A request never waits for its readers: it writes one row, and a loop beside the requests tells
500 people a transaction, going on where it stopped if the process dies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from app.accounts import service as accounts
from app.core.clock import now
from app.core.db import AsyncSession, Database
from app.notifications.queries import happenings as queries
from app.notifications.schemas import News, Occasion, Reason
from app.notifications.service import sources
from app.notifications.service.deciding import Verdict, decision_rows, judge, notification_row
from app.notifications.tables import Happening

log = structlog.get_logger(__name__)

BATCH = 500
_LEASE = timedelta(seconds=60)


@dataclass(frozen=True)
class Told:
    """Who was told in one batch, and whether there are more."""

    people: Sequence[int]
    is_over: bool


async def record(db: AsyncSession, news: News) -> bool:
    """Write down some news to be told; False if it was known already."""
    return await queries.add(db, news)


async def tell_again(db: AsyncSession, comment_id: int) -> bool:
    """Tell of a comment that nobody was told of, because it waited for the moderators."""
    return await queries.reopen(db, comment_id)


async def take(database: Database) -> int | None:
    """Take news that waits; None if there is none."""
    async with database.transaction() as db:
        return await queries.take_due(db, _LEASE)


async def tell_some(database: Database, number: int) -> Told:
    """Tell one batch of people, in a transaction of its own."""
    async with database.transaction() as db:
        row = await queries.happening(db, number)
        if row is None or row.finished_at is not None:
            return Told((), is_over=True)
        news = sources.news_of(row)
        occasion = await sources.occasion(db, news)
        if occasion is None:
            await queries.finish(db, number)
            return Told((), is_over=True)
        return await _tell(db, row, news, occasion)


async def _tell(db: AsyncSession, row: Happening, news: News, occasion: Occasion) -> Told:
    occasion = replace(occasion, people=await _addressed(db, occasion))
    if row.told_to is None:
        people: Mapping[int, Reason] = occasion.people
        last = 0
    else:
        watching = await queries.watchers(db, occasion.watched, row.told_to, BATCH)
        people = dict.fromkeys(set(watching) - set(occasion.people), Reason.WATCH)
        last = watching[-1] if len(watching) == BATCH else -1
    told = await _write(db, row.id, news, await judge(db, news, occasion, people))
    if last >= 0:
        await queries.went_on(db, row.id, last, _LEASE)
    else:
        await queries.finish(db, row.id)
        log.info("news_told", happening_id=row.id, waited_s=(now() - row.created_at).seconds)
    return Told(told, is_over=last < 0)


async def _addressed(db: AsyncSession, occasion: Occasion) -> dict[int, Reason]:
    """Return the people of the thread and those who are named, each with the strongest reason."""
    people = dict(occasion.people)
    for named in await accounts.people_named(db, occasion.named):
        people[named.id] = Reason.MENTION
    return people


async def _write(
    db: AsyncSession, number: int, news: News, verdicts: Sequence[Verdict]
) -> Sequence[int]:
    moment = now()
    rows = [
        {**notification_row(news, one), "created_at": moment} for one in verdicts if one.is_told
    ]
    told = await queries.write(db, rows)
    await queries.write_decisions(
        db, [line for one in verdicts for line in decision_rows(number, one)]
    )
    return told
