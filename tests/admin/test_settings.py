"""Settings change while the site runs: typed, in every process, with a history."""

import asyncio
import time
from collections.abc import Callable

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from sqlalchemy import update

from app.accounts.tables import LoginSession
from app.core.runtime import run_runtime
from app.main import create_app
from tests.admin.conftest import Office


async def setting(office: Office, name: str) -> dict[str, object]:
    rows = (await office.api("GET", "/settings")).json()
    return next(row for row in rows if row["name"] == name)


async def test_a_changed_setting_holds_at_once_and_leaves_one_audit_row(office: Office) -> None:
    answer = await office.api("PUT", "/settings/newcomer_links", {"value": "7"})
    assert answer.json() == {"changed": True}
    assert (await setting(office, "newcomer_links"))["value"] == 7
    assert office.app.state.settings.newcomer_links == 7
    (entry,) = await office.audited("settings.")
    assert (entry.before, entry.after) == ({"value": None}, {"value": 7})
    assert entry.actor_id == office.people["ruth"].id


async def test_setting_what_is_set_leaves_no_trace(office: Office) -> None:
    await office.api("PUT", "/settings/newcomer_links", {"value": "7"})
    again = await office.api("PUT", "/settings/newcomer_links", {"value": "7"})
    assert again.json() == {"changed": False}
    assert len(await office.audited("settings.")) == 1


async def test_what_is_no_number_or_too_large_is_refused_with_the_bounds(office: Office) -> None:
    for wrong in ("many", "-1", "1e3", "99999999999", ""):
        answer = await office.api("PUT", "/settings/newcomer_links", {"value": wrong})
        assert answer.status_code == 422, wrong
        assert "from 0 to 100000" in answer.json()["error"]
    assert await office.audited("settings.") == []


async def test_a_reset_lets_the_environment_decide_again(office: Office) -> None:
    default = (await setting(office, "newcomer_links"))["default"]
    await office.api("PUT", "/settings/newcomer_links", {"value": "7"})
    await office.api("DELETE", "/settings/newcomer_links")
    row = await setting(office, "newcomer_links")
    assert (row["value"], row["is_changed"]) == (default, False)
    changes = (await office.api("GET", "/changes?name=newcomer_links")).json()
    assert [(one["before"], one["after"]) for one in changes] == [(7, None), (None, 7)]


async def test_a_secret_is_written_and_never_read(office: Office) -> None:
    secret = "smtp://me:pa55word@127.0.0.1:25"
    await office.api("PUT", "/settings/smtp_url", {"value": secret})
    assert office.app.state.settings.smtp_url.get_secret_value() == secret
    told = (await office.api("GET", "/settings")).text
    told += (await office.api("GET", "/changes")).text + await office.page("/admin/settings")
    told += await office.page("/admin/settings/history")
    told += str([(one.before, one.after) for one in await office.audited("settings.")])
    assert "pa55word" not in told
    assert (await setting(office, "smtp_url"))["value"] == "•••"


async def test_an_address_of_no_mail_server_is_refused(office: Office) -> None:
    answer = await office.api("PUT", "/settings/smtp_url", {"value": "gopher://x"})
    assert answer.status_code == 422


async def test_a_setting_that_cannot_be_changed_here_is_unknown(office: Office) -> None:
    answer = await office.api("PUT", "/settings/secret_key", {"value": "x"})
    assert answer.status_code == 404


async def test_a_browser_proves_who_it_is_before_it_changes_a_setting(office: Office) -> None:
    await office.browse()
    saved = await office.form("/admin/settings/newcomer_links", value="9")
    assert saved.headers["location"].startswith("/admin/settings?saved=")
    async with office.database.transaction() as db:
        await db.execute(update(LoginSession).values(confirmed_at=None))
    asked = await office.form("/admin/settings/newcomer_links", value="11")
    assert asked.headers["location"].startswith("/confirm?")
    assert office.app.state.settings.newcomer_links == 9


async def test_a_mistyped_value_stays_in_its_form_beside_the_reason(office: Office) -> None:
    await office.browse()
    answer = await office.form("/admin/settings/newcomer_links", value="lots")
    assert answer.status_code == 422
    assert 'value="lots"' in answer.text
    assert "Write a whole number" in answer.text


async def test_another_process_hears_of_a_change_within_two_seconds(office: Office) -> None:
    other: FastAPI = create_app(office.app.state.runtime.base)
    other.state.database.engine = office.database.engine
    task = asyncio.create_task(run_runtime(other))
    try:
        await _until(lambda: other.state.runtime.rules != {})
        begun = time.perf_counter()
        await office.api("PUT", "/settings/newcomer_links", {"value": "5"})
        await _until(lambda: other.state.settings.newcomer_links == 5)
        assert time.perf_counter() - begun < 2
        await office.api("PUT", "/flags/sign_up", {"way": "off"})
        await _until(lambda: not other.state.runtime.may_open("sign_up"))
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with AsyncClient(transport=ASGITransport(other), base_url="http://testserver") as one:
        assert (await one.post("/signup", data=_NEW)).status_code == 403


_NEW = {"name": "nina", "email": "nina@example.org", "password": "correct horse battery"}


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110  # the other process tells nobody here
            await asyncio.sleep(0.01)
