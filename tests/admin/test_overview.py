"""The overview tells how the site stands, since when, and to administrators only."""

from datetime import timedelta

from sqlalchemy import text, update

from app.admin.background import grounds_of
from app.admin.service.overview import look
from app.admin.tables import Health
from app.core.clock import now
from app.core.storage import BlobStore
from tests.admin.conftest import Office
from tests.conftest import statements
from tests.factories.jobs import FakeWorker


async def part(office: Office, name: str) -> dict[str, object]:
    await look(grounds_of(office.app))
    found = (await office.api("GET", "/overview")).json()
    return next(one for one in found["parts"] if one["name"] == name)


async def be_silent(office: Office, seconds: int) -> None:
    async with office.database.transaction() as db:
        silence = f"clock_timestamp() - interval '{seconds} seconds'"
        await db.execute(text(f"UPDATE jobs_worker SET last_seen_at = {silence}"))


async def test_only_administrators_know_of_these_pages(office: Office) -> None:
    for who in ("ada", ""):
        assert (await office.get("/admin", who)).status_code == 404
        assert (await office.get("/admin/settings", who)).status_code == 404
    assert "Overview" in await office.page("/admin")
    assert (await office.api("GET", "/overview", who="ada")).status_code == 403


async def test_every_part_is_looked_at_and_in_order(office: Office) -> None:
    await FakeWorker(office.client).claim()
    await look(grounds_of(office.app))
    found = (await office.api("GET", "/overview")).json()
    levels = {one["name"]: one["level"] for one in found["parts"]}
    assert levels["broker"] == levels["mail"] == "off"
    for name in ("web", "database", "storage", "clock", "workers"):
        assert levels[name] == "ok", found
    page = await office.page("/admin?lang=zh-CN")
    assert "对象存储" in page


async def test_a_worker_that_stops_is_amber_and_then_red(office: Office) -> None:
    await FakeWorker(office.client).claim()
    assert (await part(office, "workers"))["level"] == "ok"
    await be_silent(office, 45)
    assert (await part(office, "workers"))["level"] == "warn"
    await be_silent(office, 150)
    assert (await part(office, "workers"))["level"] == "fail"
    assert "No worker has spoken for minutes" in await office.page("/admin")


async def test_since_when_stays_until_the_level_changes(office: Office) -> None:
    await FakeWorker(office.client).claim()
    first = (await part(office, "workers"))["since"]
    assert (await part(office, "workers"))["since"] == first
    await be_silent(office, 45)
    assert str((await part(office, "workers"))["since"]) > str(first)


async def test_a_store_that_takes_nothing_is_told_as_broken(office: Office) -> None:
    storage: BlobStore = office.app.state.storage
    office.app.state.storage = _Nowhere()
    found = await part(office, "storage")
    office.app.state.storage = storage
    assert (found["level"], found["problem"]) == ("fail", "no_answer")


class _Nowhere:
    async def writer(self, **_how: bool) -> None:
        raise OSError("No space left on device")


async def test_what_nobody_looked_at_for_a_while_is_not_called_in_order(office: Office) -> None:
    await look(grounds_of(office.app))
    async with office.database.transaction() as db:
        await db.execute(update(Health).values(checked_at=now() - timedelta(minutes=5)))
    found = (await office.api("GET", "/overview")).json()
    assert next(one for one in found["parts"] if one["name"] == "database")["problem"] == "stale"


async def test_todays_numbers_count_what_happened(office: Office) -> None:
    found = (await office.api("GET", "/overview")).json()
    numbers = {one["name"]: one["value"] for one in found["figures"]}
    assert numbers["joined"] == 2
    assert numbers["jobs_queued"] == numbers["reports"] == 0


async def test_the_overview_costs_a_bounded_number_of_statements(office: Office) -> None:
    await look(grounds_of(office.app))
    await office.page("/admin")
    with statements(office.database.engine) as sent:
        await office.page("/admin")
    assert len(sent) <= 20, sent
