"""Signing up, in and out: sessions live on the server and die there."""

import httpx
import pytest
from sqlalchemy import text

from app.accounts import passwords
from app.core.db import Database
from app.core.settings import Settings
from app.main import create_app
from tests.conftest import COSTLY_HASHER
from tests.factories.accounts import PASSWORD, make_user, sign_in


async def _is_signed_in(client: httpx.AsyncClient) -> bool:
    return (await client.get("/api/v1/me")).status_code == 200


async def test_whoever_signs_up_is_signed_in(client: httpx.AsyncClient) -> None:
    form = {"name": "Ada", "email": "ada@example.org", "password": PASSWORD, "next": "/models"}
    answer = await client.post("/signup", data=form)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/models"
    assert (await client.get("/api/v1/me")).json()["name"] == "Ada"


@pytest.mark.parametrize("login", ["ada", "ADA", "ada@example.org", "Ada@Example.Org"])
async def test_a_name_or_an_email_address_in_any_case_signs_in(
    client: httpx.AsyncClient, database: Database, login: str
) -> None:
    await make_user(database, "ada")
    await sign_in(client, login)
    assert await _is_signed_in(client)


@pytest.mark.parametrize(("login", "password"), [("ada", "wrong password"), ("nobody", PASSWORD)])
async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(
    client: httpx.AsyncClient, database: Database, login: str, password: str
) -> None:
    await make_user(database, "ada")
    answer = await client.post("/login", data={"login": login, "password": password})
    assert answer.status_code == 401
    assert "Name and password do not match." in answer.text
    assert answer.text.count(f'value="{login}"') == 1
    assert password not in answer.text
    assert not await _is_signed_in(client)


async def test_signing_out_kills_the_session_on_the_server(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    stolen = client.cookies["session"]
    await client.post("/logout")
    assert not await _is_signed_in(client)
    client.cookies.set("session", stolen)
    assert not await _is_signed_in(client)


async def test_a_password_that_is_too_cheap_to_guess_is_hashed_anew_at_the_next_sign_in(
    client: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_user(database, "ada")
    monkeypatch.setattr(passwords, "_hasher", COSTLY_HASHER)
    await sign_in(client, "ada")
    async with database.transaction() as db:
        stored = await db.scalar(text("SELECT password_hash FROM accounts_user"))
    assert str(stored).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    await client.post("/logout")
    await sign_in(client, "ada")
    assert await _is_signed_in(client)


async def test_a_session_is_renewed_at_every_sign_in(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    first = client.cookies["session"]
    await sign_in(client, "ada")
    second = client.cookies["session"]
    client.cookies.clear()
    client.cookies.set("session", first)
    assert not await _is_signed_in(client)
    client.cookies.clear()
    client.cookies.set("session", second)
    assert await _is_signed_in(client)


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_user(database, "ada")
    form = {"login": "ada", "password": PASSWORD}
    plain = (await client.post("/login", data=form)).headers["set-cookie"]
    assert plain.startswith("session=")
    assert "HttpOnly" in plain
    assert "SameSite=lax" in plain
    secure = (await client.post("https://testserver/login", data=form)).headers["set-cookie"]
    assert secure.startswith("__Host-session=")
    assert "Secure" in secure


async def test_the_eleventh_wrong_password_closes_the_door_to_the_right_one_too(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_user(database, "ada")
    for _attempt in range(10):
        answer = await client.post("/login", data={"login": "ada", "password": "wrong password"})
        assert answer.status_code == 401
    answer = await client.post("/login", data={"login": "ada", "password": PASSWORD})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 300


async def test_a_forged_forwarding_header_does_not_open_a_fresh_count(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_user(database, "ada")
    statuses = []
    for number in range(11):
        form = {"login": f"person{number}", "password": "wrong password"}
        forged = {"X-Forwarded-For": f"192.0.2.{number}", "Forwarded": f"for=192.0.2.{number}"}
        statuses.append((await client.post("/login", data=form, headers=forged)).status_code)
    assert statuses == [401] * 10 + [429]


async def test_signing_in_often_with_the_right_password_is_no_attack(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_user(database, "ada")
    for _attempt in range(12):
        await sign_in(client, "ada")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "Ada", "This name is taken."),
        ("name", "", "Choose a name."),
        ("name", "settings", "The site keeps this name for itself."),
        ("email", "ADA@example.org", "There is an account with this e-mail address already."),
        ("email", "ada", "Write an e-mail address like"),
        ("password", "short", "A password has at least 8 characters."),
        ("password", "aaaaaaaaaaaa", "This password repeats too few characters."),
        ("password", "Charles-B", "A password is not your name"),
    ],
)
async def test_a_mistake_is_named_beside_its_field_and_what_was_typed_stays(
    client: httpx.AsyncClient, database: Database, field: str, value: str, sentence: str
) -> None:
    await make_user(database, "ada")
    form = {"name": "charles-b", "email": "charles@example.org", "password": PASSWORD}
    answer = await client.post("/signup", data={**form, field: value})
    assert answer.status_code == 422
    assert f'id="error-{field}"' in answer.text
    assert sentence in answer.text
    kept = "charles@example.org" if field != "email" else "charles-b"
    assert f'value="{kept}"' in answer.text


@pytest.mark.parametrize("path", ["/login", "/signup"])
async def test_the_forms_are_there_in_both_languages(client: httpx.AsyncClient, path: str) -> None:
    english = await client.get(path, headers={"Accept-Language": "en"})
    chinese = await client.get(path, headers={"Accept-Language": "zh-CN"})
    assert english.status_code == chinese.status_code == 200
    assert "Password" in english.text
    assert "密码" in chinese.text


async def test_a_site_may_take_no_sign_ups(settings: Settings) -> None:
    closed = create_app(settings.model_copy(update={"signup_open": False}))
    transport = httpx.ASGITransport(app=closed)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        page = await client.get("/signup")
        assert "This site does not take sign-ups." in page.text
        assert 'name="password"' not in page.text
        form = {"name": "ada", "email": "ada@example.org", "password": PASSWORD}
        assert (await client.post("/signup", data=form)).status_code == 403
    await closed.state.database.close()
