"""News between features: delivered after the commit, and never able to undo it."""

from dataclasses import dataclass

import pytest

from app.core.db import Database
from app.core.events import emit


@dataclass(frozen=True)
class Rang:
    """A test's own event."""

    number: int


async def test_a_subscriber_that_fails_stops_neither_the_others_nor_the_request(
    database: Database,
) -> None:
    heard: list[int] = []

    async def fail(event: Rang) -> None:
        raise RuntimeError(str(event))

    async def listen(event: Rang) -> None:
        heard.append(event.number)

    database.events.subscribe(Rang, fail)
    database.events.subscribe(Rang, listen)
    async with database.transaction() as db:
        emit(db, Rang(7))
    assert heard == [7]


async def test_news_of_a_transaction_that_is_rolled_back_is_never_told(database: Database) -> None:
    heard: list[int] = []

    async def listen(event: Rang) -> None:
        heard.append(event.number)

    database.events.subscribe(Rang, listen)
    with pytest.raises(ZeroDivisionError):
        await _fail_after_news(database)
    assert heard == []


async def _fail_after_news(database: Database) -> None:
    async with database.transaction() as db:
        emit(db, Rang(1))
        raise ZeroDivisionError
