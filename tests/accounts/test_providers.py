"""Signing in with an account at another provider, whose answers are believed only so far."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import RSAKey
from pydantic import ValidationError

from app.core.db import Database
from app.core.settings import Settings, SignInProvider
from tests.accounts.conftest import Mailbox
from tests.accounts.test_second_factor import add_app, code_of
from tests.factories.accounts import PASSWORD, make_user, sign_in
from tests.factories.oidc import Provider, oidc_provider


@pytest.fixture
async def provider(app: FastAPI) -> AsyncIterator[Provider]:
    """A provider that the site of `app` knows and may call."""
    async with oidc_provider() as running:
        know(app, running)
        yield running


def know(app: FastAPI, provider: Provider, kind: str = "oidc", **more: Any) -> None:
    settings: Settings = app.state.settings
    app.state.settings = settings.model_copy(
        update={
            "sign_in_providers": (SignInProvider.model_validate(provider.setting(kind)),),
            "outbound_allow": f"127.0.0.1:{provider.port}",
            **more,
        }
    )
    app.state.runtime.base = app.state.settings


async def come_back(
    client: httpx.AsyncClient, provider: Provider, start: str = "/login/via/corp?next=/models"
) -> httpx.Response:
    """Go to the provider as a browser does, agree, and return the answer to coming back."""
    left = await client.get(start)
    assert left.status_code == 303, left.text
    assert left.headers["location"].startswith(f"{provider.issuer}/")
    return await client.get(provider.agree(left.headers["location"]))


async def name(client: httpx.AsyncClient) -> str:
    answer = await client.get("/api/v1/me")
    return str(answer.json()["name"]) if answer.status_code == 200 else ""


async def test_a_stranger_chooses_a_name_and_signs_in_without_it_the_next_time(
    client: httpx.AsyncClient, provider: Provider
) -> None:
    provider.claims = {"sub": "s-1", "email": "ada@corp.example", "preferred_username": "Ada"}
    assert "Sign in with Corp" in (await client.get("/login")).text
    answer = await come_back(client, provider)
    assert answer.headers["location"] == "/signup/via"
    page = await client.get("/signup/via")
    assert 'value="ada@corp.example"' in page.text
    form = {"name": "ada", "email": "ada@corp.example"}
    answer = await client.post("/signup/via", data=form)
    assert answer.headers["location"] == "/models"
    assert await name(client) == "ada"
    await client.post("/logout")
    assert (await come_back(client, provider)).headers["location"] == "/models"
    assert await name(client) == "ada"


async def test_an_account_without_a_password_is_opened_by_no_password(
    client: httpx.AsyncClient, provider: Provider
) -> None:
    await come_back(client, provider)
    await client.post("/signup/via", data={"name": "ada", "email": "ada@corp.example"})
    await client.post("/logout")
    for password in ("", "the password of nobody"):
        answer = await client.post("/login", data={"login": "ada", "password": password})
        assert answer.status_code == 401


@pytest.mark.parametrize("verified", [True, False])
async def test_an_equal_address_never_joins_two_accounts(
    client: httpx.AsyncClient, database: Database, provider: Provider, *, verified: bool
) -> None:
    await make_user(database, "ada")
    provider.claims = {"sub": "s-1", "email": "ada@example.org", "email_verified": verified}
    answer = await come_back(client, provider)
    assert answer.headers["location"] == "/signup/via"
    assert await name(client) == ""
    form = {"name": "eve", "email": "ADA@example.org"}
    answer = await client.post("/signup/via", data=form)
    assert answer.status_code == 422
    assert 'id="error-email"' in answer.text
    assert await name(client) == ""


@pytest.mark.parametrize(("verified", "may_write"), [(True, True), (False, False)])
async def test_only_an_address_that_the_provider_has_proved_needs_no_letter(
    app: FastAPI,
    client: httpx.AsyncClient,
    mailbox: Mailbox,
    *,
    verified: bool,
    may_write: bool,
) -> None:
    async with oidc_provider() as provider:
        know(app, provider)
        provider.claims = {"sub": "s", "email": "ada@corp.example", "email_verified": verified}
        await come_back(client, provider)
        await client.post("/signup/via", data={"name": "ada", "email": "ada@corp.example"})
        made = await client.post("/api/repos/create", json={"name": "m", "type": "model"})
        assert (made.status_code == 200) is may_write
        assert bool(await mailbox.open("ada@corp.example")) is not may_write


async def test_who_is_signed_in_joins_an_account_and_takes_it_away_again(
    client: httpx.AsyncClient, database: Database, provider: Provider
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    answer = await come_back(client, provider, "/settings/security/join/corp")
    assert answer.headers["location"] == "/settings/security?saved=1"
    await client.post("/logout")
    await come_back(client, provider)
    assert await name(client) == "ada"
    assert provider.issuer in (await client.get("/settings/security")).text
    await client.post("/settings/security/identities/1/remove")
    await client.post("/logout")
    assert (await come_back(client, provider)).headers["location"] == "/signup/via"


async def test_an_account_at_a_provider_signs_in_one_person_only(
    client: httpx.AsyncClient, database: Database, provider: Provider
) -> None:
    for person in ("ada", "eve"):
        await make_user(database, person)
        await sign_in(client, person)
        answer = await come_back(client, provider, "/settings/security/join/corp")
    assert answer.status_code == 409


async def test_nobody_takes_their_only_way_in_away(
    client: httpx.AsyncClient, provider: Provider
) -> None:
    await come_back(client, provider)
    await client.post("/signup/via", data={"name": "ada", "email": "ada@corp.example"})
    assert (await client.post("/settings/security/identities/1/remove")).status_code == 409
    form = {"new_password": PASSWORD}
    assert (await client.post("/settings/password", data=form)).status_code == 303
    assert (await client.post("/settings/security/identities/1/remove")).status_code == 303


async def test_a_second_factor_is_asked_for_here_too(
    client: httpx.AsyncClient, database: Database, provider: Provider
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    await come_back(client, provider, "/settings/security/join/corp")
    secret, _codes = await add_app(client)
    await client.post("/logout")
    assert (await come_back(client, provider)).headers["location"] == "/login/second-factor"
    assert await name(client) == ""
    await client.post("/login/second-factor", data={"code": code_of(secret)})
    assert await name(client) == "ada"


@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce": "another"},
        {"aud": "another site"},
        {"aud": ["site", "another"]},
        {"azp": "another site"},
        {"iss": "http://127.0.0.1:1"},
        {"exp": 1_700_000_000},
        {"sub": ""},
    ],
)
async def test_an_answer_that_was_made_for_something_else_is_refused(
    client: httpx.AsyncClient, provider: Provider, wrong: dict[str, Any]
) -> None:
    provider.wrong = wrong
    assert (await come_back(client, provider)).status_code == 401
    assert (await client.get("/signup/via")).status_code == 410


@pytest.mark.parametrize("signs_with", ["secret", "another key"])
async def test_an_answer_that_the_provider_did_not_sign_is_refused(
    client: httpx.AsyncClient, provider: Provider, signs_with: str
) -> None:
    provider.signs_with = signs_with
    assert (await come_back(client, provider)).status_code == 401


async def test_an_answer_comes_once_and_to_the_browser_that_asked(
    client: httpx.AsyncClient, other_browser: httpx.AsyncClient, provider: Provider
) -> None:
    left = await client.get("/login/via/corp")
    back = provider.agree(left.headers["location"])
    assert (await other_browser.get(back)).status_code == 410
    assert (await client.get(back.replace("state=", "state=x"))).status_code == 401
    assert (await client.get(back)).status_code == 303
    assert (await client.get(back)).status_code == 410


async def test_who_joins_must_still_be_signed_in_as_the_same_person(
    client: httpx.AsyncClient, database: Database, provider: Provider
) -> None:
    await make_user(database, "ada")
    await make_user(database, "eve")
    await sign_in(client, "ada")
    left = await client.get("/settings/security/join/corp")
    await sign_in(client, "eve")
    answer = await client.get(provider.agree(left.headers["location"]))
    assert answer.status_code == 401


async def test_github_is_asked_in_its_own_way(
    app: FastAPI, client: httpx.AsyncClient, provider: Provider
) -> None:
    know(app, provider, "github")
    provider.claims = {"email": "ada@corp.example"}
    assert (await come_back(client, provider)).headers["location"] == "/signup/via"
    assert 'value="ada@corp.example"' in (await client.get("/signup/via")).text
    await client.post("/signup/via", data={"name": "ada", "email": "ada@corp.example"})
    await client.post("/logout")
    await come_back(client, provider)
    assert await name(client) == "ada"


async def test_a_closed_site_takes_no_strangers_from_providers_either(
    app: FastAPI, client: httpx.AsyncClient, provider: Provider
) -> None:
    know(app, provider, signup_open=False)
    assert (await come_back(client, provider)).status_code == 403


async def test_a_provider_that_does_not_answer_is_an_error_with_a_sentence(
    app: FastAPI, client: httpx.AsyncClient, provider: Provider
) -> None:
    know(app, provider, outbound_allow="")
    assert (await client.get("/login/via/corp")).status_code in {422, 502}
    assert (await client.get("/login/via/nobody")).status_code == 404


async def test_nothing_of_the_database_is_held_while_the_provider_thinks(
    client: httpx.AsyncClient, database: Database, provider: Provider
) -> None:
    held: list[int] = []
    pool: Any = database.engine.pool
    provider.meanwhile = lambda: held.append(pool.checkedout())
    await come_back(client, provider)
    assert provider.asked[0] == "/.well-known/openid-configuration"
    assert "/token" in provider.asked
    assert set(held) == {0}


async def test_what_a_provider_says_of_itself_is_asked_once_until_its_keys_change(
    client: httpx.AsyncClient, provider: Provider
) -> None:
    await come_back(client, provider)
    provider.asked.clear()
    assert (await come_back(client, provider)).status_code == 303
    assert provider.asked == ["/token"]
    provider.key = RSAKey.generate_key(2048, {"kid": "k2"})
    provider.kid = "k2"
    assert (await come_back(client, provider)).status_code == 303
    assert provider.asked == ["/token", "/token", "/keys"]


def test_a_provider_that_is_written_down_wrong_stops_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = '[{"name":"c","issuer":"https://id.example","client_id":"a","client_secret":"b"}]'
    monkeypatch.setenv("TUNINGFORK_SIGN_IN_PROVIDERS", right)
    assert Settings().sign_in_providers[0].title == "c"
    monkeypatch.setenv("TUNINGFORK_SIGN_IN_PROVIDERS", right.replace("issuer", "issuers"))
    with pytest.raises(ValidationError, match="issuer"):
        Settings()
