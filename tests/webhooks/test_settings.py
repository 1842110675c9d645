"""Setting webhooks up: by forms and messages, each person their own."""

import httpx
import pytest
from sqlalchemy import text

from app.core.db import Database
from app.core.storage import BlobStore
from tests.factories.accounts import bearer, make_token, make_user, sign_in
from tests.factories.hub import make_repository
from tests.webhooks.conftest import Receiver

API = "/api/settings/webhooks"
FORM = {"watched": "user ada\r\n", "domains": ["repo"], "secret": "s3cret"}


async def test_a_webhook_is_made_changed_and_removed_by_forms(
    client: httpx.AsyncClient, database: Database, receiver: Receiver
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    made = await client.post("/settings/webhooks", data={"url": receiver.url, **FORM})
    assert made.status_code == 303, made.text
    here = made.headers["location"]
    assert receiver.url in (await client.get("/settings/webhooks")).text
    changed = {**FORM, "url": receiver.url, "domains": ["discussion"]}
    assert (await client.post(here, data=changed)).status_code == 303
    assert (await client.post(f"{here}/disable")).status_code == 303
    assert "Switch on" in (await client.get(here)).text
    assert (await client.post(f"{here}/delete")).status_code == 303
    assert (await client.get(here)).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://example.org/"},
        {"url": "http://user:pass@example.org/"},
        {"url": "http://10.0.0.1/"},
        {"url": "http://[::1]/"},
        {"url": "http://169.254.169.254/latest"},
        {"url": "https://localhost/"},
        {"url": "https://example.org:99999/"},
        {"watched": "something ada"},
        {"watched": ""},
        {"watched": "user nobody"},
        {"domains": []},
        {"secret": "x" * 201},
        {"secret": "schlüssel"},
    ],
    ids=str,
)
async def test_a_wrong_form_comes_back_with_what_was_typed(
    client: httpx.AsyncClient, database: Database, wrong: dict[str, str]
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    form = {"url": "https://example.org/hook", **FORM, **wrong}
    answer = await client.post("/settings/webhooks", data=form)
    assert answer.status_code in {404, 422}
    assert 'role="alert"' in answer.text
    async with database.transaction() as db:
        assert await db.scalar(text("SELECT count(*) FROM webhooks_webhook")) == 0


async def test_nobody_reaches_another_persons_webhook(
    client: httpx.AsyncClient, database: Database, receiver: Receiver
) -> None:
    ada, eve = await make_user(database, "ada"), await make_user(database, "eve")
    mine, theirs = bearer(await make_token(database, ada)), bearer(await make_token(database, eve))
    body = {"url": receiver.url, "watched": [{"type": "user", "name": "ada"}]}
    made = (await client.post(API, json=body, headers=mine)).json()["webhook"]
    here = f"{API}/{made['id']}"
    for method, path in (
        ("GET", here),
        ("POST", here),
        ("DELETE", here),
        ("POST", f"{here}/enable"),
        ("POST", f"{here}/disable"),
        ("GET", f"{API}/zzz"),
        ("GET", f"{API}/{'f' * 24}"),
    ):
        answer = await client.request(method, path, json={}, headers=theirs)
        assert answer.status_code == 404, (method, path)
    assert (await client.get(API, headers=theirs)).json() == []
    await sign_in(client, "eve")
    assert (await client.get(f"/settings/webhooks/{int(made['id'], 16)}")).status_code == 404


async def test_what_is_hidden_cannot_be_watched(
    client: httpx.AsyncClient, database: Database, app_storage: BlobStore
) -> None:
    ada, eve = await make_user(database, "ada"), await make_user(database, "eve")
    await make_repository(database, app_storage, ada, "hidden", private=True)
    headers = bearer(await make_token(database, eve))
    answers = [
        await client.post(
            API,
            json={"url": "https://example.org/", "watched": [{"type": "model", "name": name}]},
            headers=headers,
        )
        for name in ("ada/hidden", "ada/missing")
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json()["error"] == answers[1].json()["error"]


async def test_the_secret_does_not_lie_in_the_database_in_the_clear(
    client: httpx.AsyncClient, database: Database
) -> None:
    ada = await make_user(database, "ada")
    headers = bearer(await make_token(database, ada))
    body = {
        "url": "https://example.org/",
        "watched": [{"type": "user", "name": "ada"}],
        "secret": "canary-secret",
    }
    made = (await client.post(API, json=body, headers=headers)).json()["webhook"]
    assert made["secret"] == "canary-secret"
    async with database.transaction() as db:
        row = await db.scalar(text("SELECT encode(secret, 'escape') FROM webhooks_webhook"))
    assert row
    assert "canary" not in row


async def test_a_read_token_sets_nothing_up(client: httpx.AsyncClient, database: Database) -> None:
    token = await make_token(database, await make_user(database), "read")
    for method in ("GET", "POST"):
        answer = await client.request(method, API, json={}, headers=bearer(token))
        assert answer.status_code == 403
