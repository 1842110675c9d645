"""One's own settings: profile, password, sessions, language and theme."""

from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI

from app.core.db import Database
from tests.factories.accounts import PASSWORD, make_user, sign_in


@pytest.fixture
async def other_browser(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://testserver")


async def test_the_profile_keeps_what_is_typed(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    form = {"display_name": "艾达", "bio": "Numbers & <notes>"}
    assert (await client.post("/settings/profile", data=form)).status_code == 303
    me = (await client.get("/api/v1/me")).json()
    assert (me["display_name"], me["bio"]) == tuple(form.values())
    page = await client.get("/settings/profile")
    assert "Numbers &amp; &lt;notes&gt;" in page.text


async def test_a_new_password_signs_every_other_browser_out(
    client: httpx.AsyncClient, database: Database, other_browser: httpx.AsyncClient
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    await sign_in(other_browser, "ada")
    before = client.cookies["session"]
    form = {"current_password": PASSWORD, "new_password": "a different sentence"}
    assert (await client.post("/settings/password", data=form)).status_code == 303
    assert client.cookies["session"] != before
    assert (await client.get("/api/v1/me")).status_code == 200
    assert (await other_browser.get("/api/v1/me")).status_code == 401
    await sign_in(other_browser, "ada", "a different sentence")
    await other_browser.aclose()


async def test_the_password_stays_when_the_current_one_is_wrong(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    form = {"current_password": "wrong password", "new_password": "a different sentence"}
    answer = await client.post("/settings/password", data=form)
    assert answer.status_code == 422
    assert 'id="error-current_password"' in answer.text
    await sign_in(client, "ada", PASSWORD)


async def test_a_session_can_be_ended_from_afar_by_its_owner_only(
    client: httpx.AsyncClient, database: Database, other_browser: httpx.AsyncClient
) -> None:
    await make_user(database, "ada")
    await make_user(database, "eve")
    other_browser.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"
    await sign_in(other_browser, "ada")
    await sign_in(client, "eve")
    assert (await client.post("/settings/sessions/1/revoke")).status_code == 404
    assert (await other_browser.get("/api/v1/me")).status_code == 200
    await sign_in(client, "ada")
    page = await client.get("/settings/sessions")
    assert "/settings/sessions/1/revoke" in page.text
    assert "Firefox · Linux" in page.text
    assert (await client.post("/settings/sessions/1/revoke")).status_code == 303
    assert (await other_browser.get("/api/v1/me")).status_code == 401
    await other_browser.aclose()


@pytest.mark.parametrize(
    "path",
    [
        "/settings/profile",
        "/settings/email",
        "/settings/password",
        "/settings/security",
        "/settings/sessions",
        "/settings/tokens",
        "/settings/organizations",
        "/organizations/new",
    ],
)
async def test_settings_are_for_people_who_are_signed_in(
    client: httpx.AsyncClient, database: Database, path: str
) -> None:
    assert (await client.get(path)).status_code == 401
    asked = await client.get(f"{path}?a=b", headers={"Accept": "text/html"})
    assert asked.headers["location"] == f"/login?next={quote(path, safe='')}%3Fa%3Db"
    await make_user(database, "ada")
    await sign_in(client, "ada")
    page = await client.get(path)
    assert page.status_code == 200
    assert "no-store" in page.headers["cache-control"]


async def test_a_visitors_language_and_theme_last_without_an_account(
    client: httpx.AsyncClient,
) -> None:
    form = {"language": "zh-CN", "theme": "dark", "next": "/login?next=/models"}
    answer = await client.post("/preferences", data=form)
    assert answer.headers["location"] == "/login?next=/models"
    page = await client.get("/login", headers={"Accept-Language": "en"})
    assert 'lang="zh-CN"' in page.text
    assert 'data-bs-theme="dark"' in page.text


async def test_a_persons_language_and_theme_follow_them_to_another_browser(
    client: httpx.AsyncClient, database: Database, other_browser: httpx.AsyncClient
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    await client.post("/preferences", data={"language": "zh-CN"})
    await client.post("/preferences", data={"theme": "dark"})
    await sign_in(other_browser, "ada")
    page = await other_browser.get("/settings/profile", headers={"Accept-Language": "en"})
    assert '<html lang="zh-CN" data-bs-theme="dark">' in page.text
    await other_browser.aclose()


@pytest.mark.parametrize("form", [{"theme": "pink"}, {"language": "xx"}, {"is_admin": "1"}])
async def test_a_choice_that_does_not_exist_is_refused(
    client: httpx.AsyncClient, form: dict[str, str]
) -> None:
    assert (await client.post("/preferences", data=form)).status_code == 422


@pytest.mark.parametrize("key", ["is_admin", "id", "email", "suspended_at", "password_hash"])
async def test_nobody_sets_what_is_not_theirs_to_set(
    client: httpx.AsyncClient, database: Database, key: str
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    before = (await client.get("/api/v1/me")).json()
    assert (await client.patch("/api/v1/me", json={key: True})).status_code == 422
    assert (await client.get("/api/v1/me")).json() == before


async def test_the_current_password_is_not_guessed_without_end(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    form = {"current_password": "wrong password", "new_password": "a different sentence"}
    answers = [await client.post("/settings/password", data=form) for _n in range(11)]
    assert [answer.status_code for answer in answers] == [422] * 10 + [429]
