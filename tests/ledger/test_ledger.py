"""The ledger itself: PostgreSQL refuses what would make it wrong."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.db import Database
from app.ledger import service
from app.ledger.schemas import FORFEITED, Transfer, Unit, What, escrow, of_person
from tests.factories.accounts import make_user


async def _moved(database: Database) -> None:
    person = await make_user(database)
    async with database.transaction() as db:
        put_up = Transfer(What.PUT_UP, Unit.GPU_SECONDS, 600, of_person(person.id), escrow(1), 1)
        await service.move(db, put_up)
        lost = Transfer(What.FORFEITED, Unit.GPU_SECONDS, 200, escrow(1), FORFEITED, 1)
        await service.move(db, lost)


async def test_a_purse_holds_the_sum_of_its_lines(database: Database) -> None:
    await _moved(database)
    person = await make_user(database)
    async with database.transaction() as db:
        won = Transfer(What.AWARDED, Unit.GPU_SECONDS, 400, escrow(1), of_person(person.id), 1)
        await service.move(db, won)
    async with database.transaction() as db:
        found = await service.gpu_seconds_balance(db, [person.id, person.id - 1])
        left = await service.in_escrow(db, Unit.GPU_SECONDS, 1)
    assert (dict(found), left) == ({person.id: 400, person.id - 1: -600}, 0)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_line SET amount = amount * 2",
        "DELETE FROM ledger_line",
        "DELETE FROM ledger_movement",
        "UPDATE ledger_purse SET balance = -1 WHERE holder = 'escrow'",
        "INSERT INTO ledger_line (movement_id, purse_id, amount) VALUES (1, 3, 7)",
    ],
)
async def test_nothing_that_is_written_can_be_changed_or_made_to_disagree(
    database: Database, statement: str
) -> None:
    await _moved(database)
    with pytest.raises(DBAPIError):
        async with database.transaction() as db:
            await db.execute(text(statement))
