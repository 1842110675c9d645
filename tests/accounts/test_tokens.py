"""Access tokens: shown once, limited by scope and time, revoked at once."""

import base64
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import text

from app.accounts import service
from app.accounts.schemas import TokenRole
from app.core.clock import now
from app.core.db import Database
from tests.factories.accounts import bearer, make_token, make_user, sign_in


async def _status(client: httpx.AsyncClient, token: str, path: str = "/api/v1/me") -> int:
    return (await client.get(path, headers=bearer(token))).status_code


async def test_a_token_is_shown_once_and_works_until_it_is_revoked(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    made = await client.post("/api/v1/tokens", json={"name": "laptop", "role": "write"})
    assert made.status_code == 201
    secret = made.json()["token"]
    listed = await client.get("/api/v1/tokens")
    assert secret not in listed.text
    client.cookies.clear()
    assert await _status(client, secret) == 200
    await sign_in(client, "ada")
    revoked = await client.delete(f"/api/v1/tokens/{listed.json()[0]['id']}")
    assert revoked.status_code == 204
    client.cookies.clear()
    assert await _status(client, secret) == 401


async def test_the_page_shows_a_new_token_and_afterwards_only_its_name(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    form = {"name": "laptop", "role": "fineGrained", "scopes": ["jobs:read", "account"]}
    made = await client.post("/settings/tokens", data=form)
    assert "tf_" in made.text
    assert made.headers["cache-control"] == "no-store"
    later = await client.get("/settings/tokens")
    assert "laptop" in later.text
    assert "account jobs:read" in later.text
    assert "tf_" not in later.text


async def test_a_token_ends_after_ninety_days_unless_told_otherwise(
    client: httpx.AsyncClient, database: Database
) -> None:
    token = await make_token(database, await make_user(database), "account")
    (listed,) = (await client.get("/api/v1/tokens", headers=bearer(token))).json()
    assert listed["created_at"][:10] < listed["expires_at"][:10]
    answer = await client.post(
        "/api/v1/tokens", json={"name": "x", "expires_in_days": 9999}, headers=bearer(token)
    )
    assert answer.status_code == 422


async def test_an_ended_token_is_refused(client: httpx.AsyncClient, database: Database) -> None:
    user = await make_user(database)
    async with database.transaction() as db:
        ended = now() - timedelta(seconds=1)
        token = await service.create_token(db, user.id, "old", TokenRole.READ, ended)
    assert await _status(client, token) == 401


@pytest.mark.parametrize("scope", ["read", "write", "repos:read", "jobs:write"])
async def test_a_token_without_the_account_scope_reaches_no_account_page(
    client: httpx.AsyncClient, database: Database, scope: str
) -> None:
    token = await make_token(database, await make_user(database), scope)
    assert await _status(client, token) == 200
    for path in ("/api/v1/tokens", "/settings/profile", "/settings/tokens", "/organizations/new"):
        answer = await client.get(path, headers=bearer(token))
        assert answer.status_code == 403, path
        assert answer.json()["code"] == "missing_scope"


async def test_a_token_cannot_make_a_stronger_one(
    client: httpx.AsyncClient, database: Database
) -> None:
    token = await make_token(database, await make_user(database), "account")
    for wanted in ({"role": "write"}, {"scopes": ["account", "jobs:read"]}, {"scopes": ["admin"]}):
        answer = await client.post(
            "/api/v1/tokens", json={"name": "more", **wanted}, headers=bearer(token)
        )
        assert answer.status_code == 403
    answer = await client.post(
        "/api/v1/tokens", json={"name": "same", "scopes": ["account"]}, headers=bearer(token)
    )
    assert answer.status_code == 201


async def test_git_may_send_a_token_as_its_password(
    client: httpx.AsyncClient, database: Database
) -> None:
    token = await make_token(database, await make_user(database, "ada"), "read")
    for pair in (f"ada:{token}", f"anything:{token}", f"{token}:"):
        basic = base64.b64encode(pair.encode()).decode()
        answer = await client.get("/api/v1/me", headers={"Authorization": f"Basic {basic}"})
        assert answer.json()["name"] == "ada"


async def test_a_token_in_the_address_is_not_looked_at(
    client: httpx.AsyncClient, database: Database
) -> None:
    token = await make_token(database, await make_user(database))
    answer = await client.get("/api/v1/me", params={"access_token": token, "token": token})
    assert answer.status_code == 401


async def test_no_secret_lies_in_the_database_in_the_clear(
    client: httpx.AsyncClient, database: Database
) -> None:
    user = await make_user(database, "ada", password="canary-password")
    await sign_in(client, "ada", "canary-password")
    secrets = [await make_token(database, user), client.cookies["session"], "canary-password"]
    async with database.transaction() as db:
        for table in ("accounts_user", "accounts_session", "accounts_token"):
            rows = (await db.scalars(text(f"SELECT t::text FROM {table} t"))).all()
            assert rows
            assert not [row for row in rows if any(secret in row for secret in secrets)]


async def test_another_persons_token_cannot_be_revoked(
    client: httpx.AsyncClient, database: Database
) -> None:
    token = await make_token(database, await make_user(database, "ada"))
    stranger = await make_token(database, await make_user(database, "eve"), "account")
    answer = await client.delete("/api/v1/tokens/1", headers=bearer(stranger))
    missing = await client.delete("/api/v1/tokens/999", headers=bearer(stranger))
    assert answer.status_code == missing.status_code == 404
    assert answer.json()["error"] == missing.json()["error"]
    assert await _status(client, token) == 200
