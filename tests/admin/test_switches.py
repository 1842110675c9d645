"""Switches close a part of the site, modes the whole of it; both say so to whom they refuse."""

import pytest
from sqlalchemy import func, select

from app.accounts.tables import Account
from app.jobs.tables import Job
from tests.admin.conftest import Office
from tests.factories.accounts import sign_in
from tests.factories.hub import make_repository
from tests.factories.jobs import FakeWorker, make_job

NEW = {"name": "nina", "email": "nina@example.org", "password": "correct horse battery"}


async def switch(office: Office, flag: str, way: str, **more: object) -> None:
    answer = await office.api("PUT", f"/flags/{flag}", {"way": way, **more})
    assert answer.status_code == 200, answer.text


async def mode(office: Office, name: str, *, on: bool = True) -> None:
    answer = await office.api("PUT", f"/modes/{name}", {"on": on, "confirm": name})
    assert answer.status_code == 200, answer.text


async def num_accounts(office: Office) -> int:
    async with office.database.transaction() as db:
        return int(await db.scalar(select(func.count()).select_from(Account)) or 0)


async def test_sign_up_that_is_off_is_refused_in_the_readers_language(office: Office) -> None:
    await switch(office, "sign_up", "off")
    headers = {"Accept": "text/html", "Accept-Language": "zh-CN"}
    answer = await office.client.post("/signup", data=NEW, headers=headers)
    assert answer.status_code == 403
    assert "本站不开放注册" in answer.text
    assert await num_accounts(office) == 2
    await switch(office, "sign_up", "on")
    assert (await office.client.post("/signup", data=NEW)).status_code == 303


async def test_a_switch_leaves_one_audit_row_with_before_and_after(office: Office) -> None:
    await switch(office, "posting", "off")
    (entry,) = await office.audited("flags.")
    assert (entry.before["way"], entry.after["way"]) == ("on", "off")


async def test_posting_that_is_off_writes_nothing(office: Office) -> None:
    await make_repository(office.database, office.app.state.storage, office.people["ada"], "net")
    await switch(office, "posting", "off")
    body = {"title": "Why?", "description": "Words"}
    url = "/api/models/ada/net/discussions"
    answer = await office.client.post(url, json=body, headers=office.headers["ada"])
    assert (answer.status_code, answer.json()["code"]) == (403, "posting_off")


async def test_a_part_can_be_open_to_some_people_first(office: Office) -> None:
    await make_repository(office.database, office.app.state.storage, office.people["ada"], "net")
    await office.join("bob")
    await switch(office, "posting", "people", people=["Bob"])
    body = {"title": "Why?", "description": "Words"}
    url = "/api/models/ada/net/discussions"
    refused = await office.client.post(url, json=body, headers=office.headers["ada"])
    taken = await office.client.post(url, json=body, headers=office.headers["bob"])
    assert (refused.status_code, taken.status_code) == (403, 200)


async def test_a_percentage_lets_the_same_people_in_and_more_as_it_grows(office: Office) -> None:
    names = [f"person{number}" for number in range(400)]
    runtime = office.app.state.runtime
    earlier: set[str] = set()
    for percent in (0, 20, 60, 100):
        await switch(office, "jobs", "percent", percent=percent)
        inside = {name for name in names if runtime.allows("jobs", name)}
        assert earlier <= inside
        assert abs(len(inside) / 4 - percent) < 8
        earlier = inside


async def test_uploads_that_are_off_are_refused_and_reading_goes_on(office: Office) -> None:
    storage = office.app.state.storage
    files = {"README.md": b"# Net\n"}
    await make_repository(office.database, storage, office.people["ada"], "net", files=files)
    await switch(office, "uploads", "off")
    line = '{"key":"header","value":{"summary":"x"}}\n'
    answer = await office.client.post(
        "/api/models/ada/net/commit/main",
        content=line + '{"key":"file","value":{"path":"a","content":"aGk=","encoding":"base64"}}',
        headers={**office.headers["ada"], "Content-Type": "application/x-ndjson"},
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "uploads_off")
    assert (await office.client.get("/ada/net/resolve/main/README.md")).status_code == 200


async def test_nobody_may_submit_jobs_while_they_are_off(office: Office) -> None:
    from app.accounts.service import require_switch
    from app.core.errors import ForbiddenError
    from app.core.runtime import Flag

    await switch(office, "jobs", "off")
    async with office.database.transaction() as db:
        with pytest.raises(ForbiddenError) as refused:
            await require_switch(db, Flag.JOBS, office.people["ada"].id)
    assert refused.value.code == "jobs_off"


async def test_a_write_in_read_only_mode_gets_503_and_leaves_no_row(office: Office) -> None:
    await mode(office, "read_only")
    answer = await office.client.post("/signup", data=NEW)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert await num_accounts(office) == 2
    home = await office.client.get("/", headers={"Accept": "text/html"})
    assert home.status_code == 200
    assert "may only be read" in home.text
    await mode(office, "read_only", on=False)
    assert (await office.client.post("/signup", data=NEW)).status_code == 303


async def test_runs_end_in_read_only_mode_and_none_begins(office: Office) -> None:
    async with office.database.transaction() as db:
        await make_job(db, office.people["ada"].id)
        await make_job(db, office.people["ada"].id)
    worker = FakeWorker(office.client)
    assert await worker.claim()
    await mode(office, "read_only")
    assert (await worker.post("heartbeat", {"progress": 0.5})).status_code == 200
    assert not await FakeWorker(office.client).claim()
    async with office.database.transaction() as db:
        assert await db.scalar(select(func.count()).select_from(Job)) == 2


async def test_in_maintenance_administrators_pass_and_nobody_else(office: Office) -> None:
    await mode(office, "maintenance")
    closed = await office.client.get("/models", headers={"Accept": "text/html"})
    assert closed.status_code == 503
    assert "being worked on" in closed.text
    assert (await office.get("/models", "ada")).status_code == 503
    assert (await office.get("/models", "ruth")).status_code == 200
    assert (await office.client.get("/healthz")).status_code == 200
    await sign_in(office.client, "ruth")  # the entrance stays open
    assert "Open the site again" in await office.page("/admin/switches")


async def test_a_mode_begins_only_with_its_name_typed(office: Office) -> None:
    answer = await office.api("PUT", "/modes/maintenance", {"on": True, "confirm": "yes"})
    assert answer.status_code == 422
    assert office.app.state.runtime.modes == {}
    assert await office.audited("modes.") == []


async def test_switches_and_modes_work_from_forms(office: Office) -> None:
    await office.browse()
    answer = await office.form(
        "/admin/switches/jobs", way="percent", percent="20", people="somebody"
    )
    assert answer.headers["location"] == "/admin/switches?saved=1"
    page = await office.page("/admin/switches?saved=1", who="")
    assert "On for 20 %" in page
    await office.form("/admin/modes/read_only", on="true", confirm="read_only")
    assert "Open the site again" in await office.page("/admin/switches", who="")
    await office.form("/admin/modes/read_only", on="false")
    assert len(await office.audited("modes.")) == 2
