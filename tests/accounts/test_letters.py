"""Addresses that are proved, passwords that are lost, and the letters about both."""

import asyncio

import httpx
import pytest
from click.testing import CliRunner
from fastapi import FastAPI
from sqlalchemy import text

from app.accounts import service
from app.accounts.schemas import Measure, Site, StandingKind
from app.cli import main
from app.core.db import Database
from tests.accounts.conftest import Mailbox
from tests.accounts.test_second_factor import add_app
from tests.factories.accounts import PASSWORD, bearer, make_token, make_user, sign_in

NEW = "a different sentence"
SIGN_UP = {"name": "ada", "email": "ada@example.org", "password": PASSWORD}


def token_of(link: str) -> dict[str, str]:
    return {"token": link.partition("token=")[2]}


async def test_whoever_signs_up_may_write_once_the_letter_was_opened(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await client.post("/signup", data=SIGN_UP)
    refused = await client.post("/api/repos/create", json={"name": "m", "type": "model"})
    assert refused.status_code == 403
    assert refused.json()["code"] == "email_not_confirmed"
    assert "Confirm your e-mail address" in (await client.get("/models")).text
    link = await mailbox.link("ada@example.org")
    assert "ada@example.org" in (await client.get(link)).text
    assert (await client.post("/verify-email", data=token_of(link))).status_code == 303
    made = await client.post("/api/repos/create", json={"name": "m", "type": "model"})
    assert made.status_code == 200


async def test_a_link_works_once(client: httpx.AsyncClient, mailbox: Mailbox) -> None:
    await client.post("/signup", data=SIGN_UP)
    link = await mailbox.link("ada@example.org")
    assert (await client.get(link)).status_code == 200  # looking does not use it up
    assert (await client.post("/verify-email", data=token_of(link))).status_code == 303
    assert (await client.post("/verify-email", data=token_of(link))).status_code == 410
    assert (await client.get(link)).status_code == 410
    assert (await client.get("/verify-email?token=tfl_unknown")).status_code == 404


async def test_a_link_ends_after_an_hour(
    client: httpx.AsyncClient, database: Database, mailbox: Mailbox
) -> None:
    await client.post("/signup", data=SIGN_UP)
    link = await mailbox.link("ada@example.org")
    async with database.transaction() as db:
        await db.execute(text("UPDATE accounts_link SET expires_at = now() - interval '1 second'"))
    assert (await client.post("/verify-email", data=token_of(link))).status_code == 410


async def test_the_letter_comes_again_but_not_for_ever_and_the_old_link_ends(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await client.post("/signup", data=SIGN_UP)
    first = await mailbox.link("ada@example.org")
    statuses = [(await client.post("/settings/email/resend")).status_code for _n in range(6)]
    assert statuses == [303] * 5 + [429]
    assert (await client.get(first)).status_code == 410
    assert (await client.get(await mailbox.link("ada@example.org"))).status_code == 200


async def test_without_a_mail_server_nobody_has_to_confirm_anything(
    client: httpx.AsyncClient,
) -> None:
    await client.post("/signup", data=SIGN_UP)
    made = await client.post("/api/repos/create", json={"name": "m", "type": "model"})
    assert made.status_code == 200


async def test_a_letter_speaks_the_readers_language(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await client.post("/signup", data=SIGN_UP, headers={"Accept-Language": "zh-CN"})
    [letter] = await mailbox.open("ada@example.org")
    assert "确认" in letter


async def test_a_lost_password_is_replaced_and_everything_else_signed_out(
    client: httpx.AsyncClient,
    other_browser: httpx.AsyncClient,
    database: Database,
    mailbox: Mailbox,
) -> None:
    ada = await make_user(database, "ada")
    async with database.transaction() as db:
        await db.execute(text("UPDATE accounts_user SET email_confirmed_at = now()"))
    own = await make_token(database, ada, "all")
    await sign_in(other_browser, "ada")
    await client.post("/forgot-password", data={"email": "ADA@example.org"})
    link = await mailbox.link("ada@example.org")
    assert (await client.get(link)).status_code == 200
    weak = {**token_of(link), "password": "short"}
    assert (await client.post("/reset-password", data=weak)).status_code == 422
    form = {**token_of(link), "password": NEW}
    assert (await client.post("/reset-password", data=form)).status_code == 303
    assert (await client.post("/reset-password", data=form)).status_code == 410
    assert (await other_browser.get("/api/v1/me")).status_code == 401
    assert (await other_browser.get("/api/v1/me", headers=bearer(own))).status_code == 200
    await sign_in(client, "ada", NEW)
    assert "Your password was changed" in (await mailbox.open("ada@example.org"))[-1]


async def test_whoever_signed_up_with_anothers_address_is_out_once_its_owner_comes(
    client: httpx.AsyncClient, other_browser: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await other_browser.post("/signup", data=SIGN_UP)
    token = (await other_browser.post("/api/v1/tokens", json={"name": "t"})).json()["token"]
    await client.post("/forgot-password", data={"email": "ada@example.org"})
    form = {**token_of(await mailbox.link("ada@example.org")), "password": NEW}
    assert (await client.post("/reset-password", data=form)).status_code == 303
    assert (await other_browser.get("/api/v1/me")).status_code == 401
    assert (await client.get("/api/v1/me", headers=bearer(token))).status_code == 401
    await sign_in(client, "ada", NEW)


async def test_a_reset_ends_what_programs_renew_by_themselves(
    client: httpx.AsyncClient, database: Database, mailbox: Mailbox
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    asked = (await client.post("/oauth/device", data={"client_id": "hf"})).json()
    code = {"user_code": asked["user_code"], "role": "read", "decision": "approve"}
    await client.post("/device", data=code)
    grant = {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": asked["device_code"],
        "client_id": "hf",
    }
    issued = (await client.post("/oauth/token", data=grant)).json()
    await client.post("/forgot-password", data={"email": "ada@example.org"})
    form = {**token_of(await mailbox.link("ada@example.org")), "password": NEW}
    await client.post("/reset-password", data=form)
    client.cookies.clear()
    renewal = {
        "grant_type": "refresh_token",
        "refresh_token": issued["refresh_token"],
        "client_id": "hf",
    }
    assert (await client.post("/oauth/token", data=renewal)).status_code == 400
    old = bearer(issued["access_token"])
    assert (await client.get("/api/v1/me", headers=old)).status_code == 401


async def test_nobody_learns_from_the_answer_whether_an_address_has_an_account(
    client: httpx.AsyncClient, database: Database, mailbox: Mailbox
) -> None:
    await make_user(database, "ada")
    known = await client.post("/forgot-password", data={"email": "ada@example.org"})
    unknown = await client.post("/forgot-password", data={"email": "eve@example.org"})
    assert known.status_code == unknown.status_code == 200
    assert known.text == unknown.text
    assert await mailbox.open("eve@example.org") == []
    assert len(await mailbox.open("ada@example.org")) == 1


async def test_nobody_floods_a_mailbox_with_reset_letters(
    client: httpx.AsyncClient, database: Database, mailbox: Mailbox
) -> None:
    await make_user(database, "ada")
    form = {"email": "ada@example.org"}
    statuses = [(await client.post("/forgot-password", data=form)).status_code for _n in range(6)]
    assert statuses == [200] * 5 + [429]
    assert len(await mailbox.open("ada@example.org")) == 5


async def test_a_suspended_person_gets_no_reset_letter(
    client: httpx.AsyncClient, database: Database, mailbox: Mailbox
) -> None:
    await make_user(database, "ada")
    async with database.transaction() as db:
        await db.execute(text("UPDATE accounts_user SET suspended_at = now()"))
    await client.post("/forgot-password", data={"email": "ada@example.org"})
    assert await mailbox.open("ada@example.org") == []


async def test_an_operator_makes_a_reset_link_where_no_letters_are_sent(
    client: httpx.AsyncClient,
    database: Database,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await make_user(database, "ada")
    assert "administrator" in (await client.get("/forgot-password")).text
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    run = await asyncio.to_thread(CliRunner().invoke, main, ["user", "reset-password", "ada"])
    assert run.exit_code == 0, run.output
    form = {**token_of(run.output.strip()), "password": NEW}
    assert (await client.post("/reset-password", data=form)).status_code == 303
    await sign_in(client, "ada", NEW)


async def test_a_new_address_counts_once_its_letter_was_opened_and_the_old_one_is_told(
    client: httpx.AsyncClient, database: Database, mailbox: Mailbox
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    form = {"email": "new@example.org", "password": PASSWORD}
    assert (await client.post("/settings/email", data=form)).status_code == 303
    assert (await client.get("/api/v1/me")).json()["email"] == "ada@example.org"
    link = await mailbox.link("new@example.org")
    assert (await client.post("/verify-email/new", data=token_of(link))).status_code == 303
    assert (await client.get("/api/v1/me")).json()["email"] == "new@example.org"
    assert "was changed" in (await mailbox.open("ada@example.org"))[-1]


async def test_a_new_address_needs_the_password(
    client: httpx.AsyncClient, database: Database, mailbox: Mailbox
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    form = {"email": "new@example.org", "password": "wrong password"}
    answer = await client.post("/settings/email", data=form)
    assert answer.status_code == 422
    assert 'id="error-password"' in answer.text
    assert await mailbox.open("new@example.org") == []


async def test_a_taken_address_is_refused_also_when_it_was_taken_meanwhile(
    client: httpx.AsyncClient, database: Database, mailbox: Mailbox
) -> None:
    await make_user(database, "eve")
    await make_user(database, "ada")
    await sign_in(client, "ada")
    form = {"email": "EVE@example.org", "password": PASSWORD}
    assert (await client.post("/settings/email", data=form)).status_code == 422
    await client.post("/settings/email", data={**form, "email": "bob@example.org"})
    link = await mailbox.link("bob@example.org")
    await make_user(database, "bob")
    assert (await client.post("/verify-email/new", data=token_of(link))).status_code == 422
    assert (await client.get("/api/v1/me")).json()["email"] == "ada@example.org"


async def test_without_letters_a_new_address_counts_at_once(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    form = {"email": "new@example.org", "password": PASSWORD}
    assert (await client.post("/settings/email", data=form)).status_code == 303
    assert (await client.get("/api/v1/me")).json()["email"] == "new@example.org"


async def test_a_reset_link_to_the_old_address_ends_when_the_address_changes(
    client: httpx.AsyncClient, database: Database, mailbox: Mailbox, app: FastAPI
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    await client.post("/forgot-password", data={"email": "ada@example.org"})
    reset = await mailbox.link("ada@example.org")
    await client.post("/settings/email", data={"email": "n@example.org", "password": PASSWORD})
    link = await mailbox.link("n@example.org")
    await client.post("/verify-email/new", data=token_of(link))
    assert (await client.get(reset)).status_code == 410


@pytest.mark.parametrize("address", ['.:a@a",', "a:b@[", "a,b@example.org", "(a@example.org"])
async def test_an_address_that_no_letter_can_be_written_to_is_refused(
    client: httpx.AsyncClient, mailbox: Mailbox, address: str
) -> None:
    answer = await client.post("/signup", data={**SIGN_UP, "email": address})
    assert answer.status_code == 422
    assert 'id="error-email"' in answer.text
    await client.post("/signup", data={**SIGN_UP, "email": "ada@example.org"})
    assert len(await mailbox.open("ada@example.org")) == 1


async def test_a_change_of_address_ends_with_the_password_and_the_old_address_knows_of_it(
    client: httpx.AsyncClient, database: Database, mailbox: Mailbox
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    asked = {"email": "thief@example.org", "password": PASSWORD}
    await client.post("/settings/email", data=asked)
    link = await mailbox.link("thief@example.org")
    assert "wants letters to go to another" in (await mailbox.open("ada@example.org"))[-1]
    form = {"current_password": PASSWORD, "new_password": NEW}
    assert (await client.post("/settings/password", data=form)).status_code == 303
    assert (await client.post("/verify-email/new", data=token_of(link))).status_code == 410
    assert (await client.get("/api/v1/me")).json()["email"] == "ada@example.org"


async def test_a_change_of_address_ends_with_a_suspension(
    client: httpx.AsyncClient, database: Database, mailbox: Mailbox
) -> None:
    ada = await make_user(database, "ada")
    await sign_in(client, "ada")
    asked = {"email": "other@example.org", "password": PASSWORD}
    await client.post("/settings/email", data=asked)
    link = await mailbox.link("other@example.org")
    async with database.transaction() as db:
        await service.impose(db, ada.id, Measure(StandingKind.SUSPENDED, "Spam."))
    assert (await client.post("/verify-email/new", data=token_of(link))).status_code == 410


async def test_an_address_of_somebody_who_was_sent_away_is_not_taken_by_changing_ones_own(
    client: httpx.AsyncClient, database: Database, mailbox: Mailbox, app: FastAPI
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    form = {"email": "mal@example.org", "password": PASSWORD}
    assert (await client.post("/settings/email", data=form)).status_code == 303
    link = await mailbox.link("mal@example.org")
    await ban(app, "MAL@example.org")
    used = await client.post("/verify-email/new", data=token_of(link))
    asked = await client.post("/settings/email", data=form)
    assert (used.status_code, asked.status_code) == (422, 422)
    assert 'id="error-email"' in asked.text
    assert (await client.get("/api/v1/me")).json()["email"] == "ada@example.org"


async def ban(app: FastAPI, email: str) -> None:
    """Keep of an address what is kept when somebody who is suspended leaves."""
    key = app.state.settings.secret_key.get_secret_value()
    banned = service.email_hash(Site("http://testserver", True, key), email)
    async with app.state.database.transaction() as db:
        statement = text("INSERT INTO accounts_banned_email VALUES (:hash, now())")
        await db.execute(statement, {"hash": banned})


async def test_a_reset_that_a_second_factor_stops_proves_no_address(
    client: httpx.AsyncClient, database: Database, mailbox: Mailbox
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    await add_app(client)
    await client.post("/forgot-password", data={"email": "ada@example.org"})
    form = {**token_of(await mailbox.link("ada@example.org")), "password": NEW}
    assert (await client.post("/reset-password", data=form)).status_code == 303
    async with database.transaction() as db:
        proved = await db.scalar(text("SELECT email_confirmed_at FROM accounts_user"))
    assert proved is None
