"""Accounts: addresses, second factors, tokens, other providers, and leaving."""

import asyncio
import io
import re
import time
import zipfile

import pytest
from click.testing import CliRunner
from fastapi import FastAPI

from app.cli import main
from app.core.settings import Settings
from tests.acceptance.conftest import Village
from tests.accounts.test_personal_data import a_week_passes, dump, erase_due
from tests.accounts.test_providers import come_back, know
from tests.accounts.test_second_factor import add_app, code_of
from tests.factories.accounts import PASSWORD, bearer, make_user, sign_in
from tests.factories.mail import PostOffice, send_letters
from tests.factories.oidc import oidc_provider

NEW = {"name": "nik", "email": "nik@example.org", "password": PASSWORD}


async def _link(village: Village, office: PostOffice, address: str) -> str:
    while await send_letters(village.database, village.site.state.settings):
        continue
    body = office.to(address)[-1].get_body(("plain",))
    assert body is not None
    found = re.search(r"token=(\S+)", body.get_content())
    assert found
    return found[1]


async def test_who_signs_up_proves_the_address_once(
    village: Village, office: PostOffice, posting: Settings
) -> None:
    async with village.browser() as nik:
        assert (await nik.post("/signup", data=NEW)).status_code == 303
        token = {"token": await _link(village, office, "nik@example.org")}
        first = await nik.post("/verify-email", data=token)
        second = await nik.post("/verify-email", data=token)
    assert (first.status_code, second.status_code) == (303, 410)


async def test_a_reset_works_once_and_nobody_learns_who_has_an_account(
    village: Village, office: PostOffice, posting: Settings
) -> None:
    async with village.browser() as browser:
        await browser.post("/forgot-password", data={"email": "bob@example.org"})  # warm
        took, said = [], []
        for address in ("ada@example.org", "nobody@example.org"):
            began = time.monotonic()
            answer = await browser.post("/forgot-password", data={"email": address})
            took.append(time.monotonic() - began)
            said.append((answer.status_code, answer.text))
        assert said[0] == said[1]
        assert abs(took[0] - took[1]) < 0.25
        token = await _link(village, office, "ada@example.org")
        form = {"token": token, "password": "another good password"}
        first = await browser.post("/reset-password", data=form)
        second = await browser.post("/reset-password", data=form)
    assert (first.status_code, second.status_code) == (303, 410)


async def test_a_token_does_what_its_scopes_say_until_it_is_revoked(village: Village) -> None:
    made = await village.post("/api/v1/tokens", {"name": "reader", "scopes": ["jobs:read"]}, "ada")
    assert made.status_code == 201, made.text
    reader = bearer(made.json()["token"])
    refused = await village.client.post("/api/v1/jobs", json={"recipe": "x"}, headers=reader)
    seen = await village.client.get("/api/v1/me", headers=reader)
    (token_id,) = [
        one["id"]
        for one in (await village.get("/api/v1/tokens", "ada")).json()
        if one["name"] == "reader"
    ]
    await village.client.delete(f"/api/v1/tokens/{token_id}", headers=village.headers["ada"])
    gone = await village.client.get("/api/v1/me", headers=reader)
    assert (refused.status_code, seen.status_code, gone.status_code) == (403, 200, 401)


async def test_a_code_works_once_and_so_does_a_recovery_code(village: Village) -> None:
    async with village.browser("ada") as ada:
        secret, recovery = await add_app(ada)
        for code, status in (
            (code_of(secret), 303),
            (code_of(secret), 422),
            (recovery[0], 303),
            (recovery[0], 422),
        ):
            await ada.post("/logout")
            await ada.post("/login", data={"login": "ada", "password": PASSWORD})
            answer = await ada.post("/login/second-factor", data={"code": code})
            assert answer.status_code == status


async def test_an_operator_lets_somebody_in_who_lost_everything(
    village: Village, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with village.browser("ada") as ada:
        await add_app(ada)
        await ada.post("/logout")
        monkeypatch.setenv("DATABASE_URL", postgres_url)
        words = ["user", "reset-second-factor", "ada"]
        done = await asyncio.to_thread(CliRunner().invoke, main, words)
        assert done.exit_code == 0, done.output
        await sign_in(ada, "ada")
        assert (await ada.get("/api/v1/me")).json()["name"] == "ada"


async def test_an_equal_address_at_another_provider_joins_nobody(
    village: Village, app: FastAPI
) -> None:
    async with oidc_provider() as provider, village.browser() as browser:
        know(app, provider)
        provider.claims = {"sub": "s", "email": "ada@example.org", "email_verified": False}
        answer = await come_back(browser, provider)
        assert answer.headers["location"] == "/signup/via"
        assert (await browser.get("/api/v1/me")).status_code == 401


async def test_a_copy_holds_what_one_wrote_and_leaving_leaves_no_name(
    village: Village, app: FastAPI
) -> None:
    name = "zoe-hopper"
    await make_user(village.database, name)
    async with village.browser(name) as zoe:
        profile = {"display_name": name, "bio": f"I am {name}"}
        await zoe.post("/settings/profile", data=profile)
        asked = {"title": "How do I freeze a layer?", "body": "My words", "tags": "nlp"}
        assert (await zoe.post("/questions", data=asked)).status_code == 303
        copy = await zoe.post("/settings/data/export")
        assert (await zoe.post("/settings/data/erase", data={"name": name})).status_code == 303
    with zipfile.ZipFile(io.BytesIO(copy.content)) as archive:
        files = {one: archive.read(one).decode() for one in archive.namelist()}
    assert f"{name}@example.org" in files["data/accounts_user.jsonl"]
    assert "How do I freeze a layer?" in files["data/questions_question.jsonl"]
    assert "My words" in "".join(files.values())
    await a_week_passes(village.database)
    assert await erase_due(app) == 1
    assert [row for row in (await dump(village.database)).splitlines() if name in row] == []
    assert "My words" in await village.page("/questions/1")
