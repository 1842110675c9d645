"""Second factors: the app, the recovery codes, and proving again who one is."""

import asyncio
import re
import time

import httpx
import pyotp
import pytest
from click.testing import CliRunner
from sqlalchemy import text

from app.cli import main
from app.core.db import Database
from tests.accounts.conftest import Mailbox
from tests.factories.accounts import PASSWORD, make_user, sign_in

LOGIN = {"login": "ada", "password": PASSWORD}


def code_of(secret: str, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(int(time.time()) + 30 * steps)


async def add_app(client: httpx.AsyncClient) -> tuple[str, list[str]]:
    """Add an authenticator app; return its secret and the recovery codes."""
    assert (await client.post("/settings/security/totp")).status_code == 303
    page = (await client.get("/settings/security/totp")).text
    found = re.search(r'id="totp-key">([A-Z2-7 ]+)<', page)
    assert found
    secret = found[1].replace(" ", "")
    # The step before now: the codes of this step and the next are left for the tests.
    form = {"code": code_of(secret, -1)}
    answer = await client.post("/settings/security/totp/confirm", data=form)
    assert answer.status_code == 200, answer.text
    return secret, re.findall(r"<li>([a-z2-9]{5}-[a-z2-9]{5})", answer.text)


@pytest.fixture
async def ada(client: httpx.AsyncClient, database: Database) -> tuple[str, list[str]]:
    """Ada with an app, signed out."""
    await make_user(database, "ada")
    await sign_in(client, "ada")
    added = await add_app(client)
    await client.post("/logout")
    return added


async def is_signed_in(client: httpx.AsyncClient) -> bool:
    return (await client.get("/api/v1/me")).status_code == 200


async def test_the_picture_is_drawn_in_the_page_and_holds_no_style(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    await client.post("/settings/security/totp")
    page = (await client.get("/settings/security/totp")).text
    assert "<svg" in page
    assert "data:" not in page
    assert "otpauth://totp/" in page


async def test_a_password_alone_does_not_sign_in_any_more(
    client: httpx.AsyncClient, ada: tuple[str, list[str]]
) -> None:
    answer = await client.post("/login", data={**LOGIN, "next": "/models"})
    assert answer.headers["location"] == "/login/second-factor"
    assert not await is_signed_in(client)
    form = {"code": code_of(ada[0])}
    answer = await client.post("/login/second-factor", data=form)
    assert answer.headers["location"] == "/models"
    assert await is_signed_in(client)


async def test_a_code_that_was_used_fails_again(
    client: httpx.AsyncClient, ada: tuple[str, list[str]]
) -> None:
    form = {"code": code_of(ada[0])}
    await client.post("/login", data=LOGIN)
    assert (await client.post("/login/second-factor", data=form)).status_code == 303
    await client.post("/logout")
    await client.post("/login", data=LOGIN)
    answer = await client.post("/login/second-factor", data=form)
    assert answer.status_code == 422
    assert 'id="error-code"' in answer.text
    assert not await is_signed_in(client)


async def test_of_two_browsers_with_one_code_one_gets_in(
    client: httpx.AsyncClient, other_browser: httpx.AsyncClient, ada: tuple[str, list[str]]
) -> None:
    form = {"code": code_of(ada[0])}
    for browser in (client, other_browser):
        await browser.post("/login", data=LOGIN)
    answers = await asyncio.gather(
        *(one.post("/login/second-factor", data=form) for one in (client, other_browser))
    )
    assert sorted(answer.status_code for answer in answers) == [303, 422]


async def test_each_of_ten_recovery_codes_works_once(
    client: httpx.AsyncClient, ada: tuple[str, list[str]]
) -> None:
    codes = ada[1]
    assert len(set(codes)) == 10
    for code, status in ((codes[0], 303), (codes[0], 422), (codes[1].upper(), 303)):
        await client.post("/login", data=LOGIN)
        answer = await client.post("/login/second-factor", data={"code": f" {code} "})
        assert answer.status_code == status
        await client.post("/logout")


async def test_new_recovery_codes_end_the_old_ones(
    client: httpx.AsyncClient, ada: tuple[str, list[str]]
) -> None:
    await client.post("/login", data=LOGIN)
    await client.post("/login/second-factor", data={"code": code_of(ada[0])})
    page = (await client.post("/settings/security/codes")).text
    fresh = re.findall(r"<li>([a-z2-9]{5}-[a-z2-9]{5})", page)
    assert len(fresh) == 10
    assert fresh[0] not in (await client.get("/settings/security")).text
    await client.post("/logout")
    await client.post("/login", data=LOGIN)
    old = await client.post("/login/second-factor", data={"code": ada[1][0]})
    new = await client.post("/login/second-factor", data={"code": fresh[0]})
    assert (old.status_code, new.status_code) == (422, 303)


async def test_the_second_step_belongs_to_the_browser_that_gave_the_password(
    other_browser: httpx.AsyncClient, client: httpx.AsyncClient, ada: tuple[str, list[str]]
) -> None:
    await client.post("/login", data=LOGIN)
    answer = await other_browser.post("/login/second-factor", data={"code": code_of(ada[0])})
    assert answer.status_code == 410
    assert not await is_signed_in(other_browser)


async def test_guessing_codes_ends_after_ten(
    client: httpx.AsyncClient, ada: tuple[str, list[str]]
) -> None:
    await client.post("/login", data=LOGIN)
    for _attempt in range(10):
        wrong = await client.post("/login/second-factor", data={"code": "abcdef"})
        assert wrong.status_code == 422
    right = await client.post("/login/second-factor", data={"code": code_of(ada[0])})
    assert right.status_code == 429


async def test_a_password_opens_neither_git_nor_the_api(
    client: httpx.AsyncClient, ada: tuple[str, list[str]]
) -> None:
    for path in ("/api/v1/me", "/ada/net.git/info/refs?service=git-receive-pack"):
        assert (await client.get(path, auth=("ada", PASSWORD))).status_code == 401


async def test_the_secret_lies_sealed_and_the_codes_hashed(
    database: Database, ada: tuple[str, list[str]]
) -> None:
    async with database.transaction() as db:
        sealed = await db.scalar(text("SELECT encode(secret, 'escape') FROM accounts_totp"))
        hashes = list(await db.scalars(text("SELECT code_hash FROM accounts_recovery_code")))
    assert ada[0] not in str(sealed)
    assert not set(ada[1]) & set(hashes)


async def test_an_operator_takes_a_lost_second_factor_away(
    client: httpx.AsyncClient,
    ada: tuple[str, list[str]],
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    arguments = ["user", "reset-second-factor", "ada"]
    run = await asyncio.to_thread(CliRunner().invoke, main, arguments)
    assert run.exit_code == 0, run.output
    await sign_in(client, "ada")
    assert await is_signed_in(client)


async def test_without_the_app_its_recovery_codes_end_too_and_the_person_is_told(
    client: httpx.AsyncClient, database: Database, mailbox: Mailbox
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    await add_app(client)
    await client.post("/settings/security/totp/remove")
    await client.post("/logout")
    await sign_in(client, "ada")
    async with database.transaction() as db:
        assert await db.scalar(text("SELECT count(*) FROM accounts_recovery_code")) == 0
    subjects = [letter.splitlines()[0] for letter in await mailbox.open("ada@example.org")]
    assert subjects == [
        "A second factor was added to your account",
        "A second factor was removed from your account",
    ]


async def stale(database: Database) -> None:
    statement = "UPDATE accounts_session SET confirmed_at = now() - interval '16 minutes'"
    async with database.transaction() as db:
        await db.execute(text(statement))


async def test_a_dangerous_act_asks_again_who_it_is_after_fifteen_minutes(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    assert (await client.get("/settings/security")).status_code == 200
    await stale(database)
    page = {"Accept": "text/html"}
    asked = await client.get("/settings/security", headers=page)
    assert asked.headers["location"] == "/confirm?next=%2Fsettings%2Fsecurity"
    sent = await client.post(
        "/settings/security/totp",
        headers={**page, "Referer": "http://testserver/settings/security"},
    )
    assert sent.headers["location"] == "/confirm?next=%2Fsettings%2Fsecurity"
    assert (await client.post("/settings/security/totp")).status_code == 403
    form = {"password": "wrong password", "next": "/settings/security"}
    assert (await client.post("/confirm", data=form)).status_code == 422
    answer = await client.post("/confirm", data={**form, "password": PASSWORD})
    assert answer.headers["location"] == "/settings/security"
    assert (await client.get("/settings/security")).status_code == 200


async def test_a_code_of_the_app_is_a_proof_too_and_works_once(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    secret, _codes = await add_app(client)
    await stale(database)
    form = {"code": code_of(secret), "next": "/settings/security"}
    assert (await client.post("/confirm", data=form)).status_code == 303
    assert (await client.get("/settings/security")).status_code == 200
    assert (await client.post("/confirm", data=form)).status_code == 422
