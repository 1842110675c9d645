"""The audit log is a chain: a row that somebody changes in the database is found."""

import psycopg
import pytest

from app.core import audit
from tests.admin.conftest import Office


async def act(office: Office, times: int = 4) -> None:
    for number in range(times):
        await office.api("PUT", "/settings/newcomer_links", {"value": str(number + 3)})


async def verdict(office: Office) -> audit.Verdict:
    async with office.database.transaction() as db:
        return await audit.verify(db)


async def tamper(cleaner: psycopg.AsyncConnection, statement: str) -> None:
    """Do what only who rules the database can do."""
    await cleaner.execute("ALTER TABLE core_audit DISABLE TRIGGER core_audit_stays")
    await cleaner.execute(statement.encode())
    await cleaner.execute("ALTER TABLE core_audit ENABLE TRIGGER core_audit_stays")


async def test_an_untouched_log_holds(office: Office) -> None:
    await act(office)
    found = await verdict(office)
    assert (found.num_entries, found.broken_at) == (4, None)
    assert len(found.head) == 64


@pytest.mark.parametrize(
    ("statement", "at"),
    [
        ("UPDATE core_audit SET actor_id = 99 WHERE id = 2", 2),
        ("UPDATE core_audit SET after = '{\"value\": 1}' WHERE id = 3", 3),
        ("DELETE FROM core_audit WHERE id = 2", 3),
        ("UPDATE core_audit SET hash = NULL WHERE id = 3", 3),
    ],
)
async def test_a_change_in_the_database_is_found_where_it_was_made(
    office: Office, cleaner: psycopg.AsyncConnection, statement: str, at: int
) -> None:
    await act(office)
    await tamper(cleaner, statement)
    assert (await verdict(office)).broken_at == at
