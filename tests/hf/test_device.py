"""`hf auth login` without a token: the client shows a code, a person confirms it in the browser."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from app.core.db import Database
from tests.conftest import Site
from tests.factories.accounts import PASSWORD, bearer, make_token, make_user, sign_in

CLIENT = {"client_id": "26be6b09-91c5-47da-9861-d2d2bb7a7e36"}
GRANT = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", **CLIENT}
READ = {"decision": "approve", "role": "read"}


@contextmanager
def browser(site: Site, name: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url, headers={"Accept": "text/html"}) as client:
        client.post("/login", data={"login": name, "password": PASSWORD})
        yield client


async def ask(client: httpx.AsyncClient) -> dict[str, str]:
    answer = await client.post("/oauth/device", data=CLIENT)
    assert answer.status_code == 200, answer.text
    codes: dict[str, str] = answer.json()
    return codes


async def poll(client: httpx.AsyncClient, codes: dict[str, str]) -> httpx.Response:
    form = {**GRANT, "device_code": codes["device_code"]}
    return await client.post("/oauth/token", data=form)


async def approved(client: httpx.AsyncClient, database: Database) -> dict[str, str]:
    """Return codes to which a person called ada has said yes."""
    await make_user(database, "ada")
    codes = await ask(client)
    await sign_in(client, "ada")
    await client.post("/device", data={"user_code": codes["user_code"], **READ})
    client.cookies.clear()
    return codes


def test_the_stock_client_signs_in_through_the_browser(
    site: Site, environment: dict[str, str], tmp_path: Path
) -> None:
    del environment["HF_TOKEN"]
    command = [str(Path(sys.executable).parent / "hf"), "auth", "login"]
    with subprocess.Popen(
        command,
        env={**environment, "PYTHONUNBUFFERED": "1"},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as login:
        watchdog = threading.Timer(60, login.kill)
        watchdog.start()
        assert login.stdout is not None
        shown = ""
        for line in login.stdout:
            shown += line
            found = re.search(r"(/device\?user_code=\S+)", shown)
            code = re.search(r"enter the code[: ]+([A-Z]{4}-[A-Z]{4})", shown)
            if found and code:
                break
        assert found, shown
        assert code, shown
        with browser(site, "ada") as page:
            asked = page.get(found[1])
            assert "Hugging Face client" in asked.text
            assert code[1] in asked.text
            form = {"user_code": code[1], "decision": "approve", "role": "write"}
            assert page.post("/device", data=form).status_code == 200
        rest = login.stdout.read()
        watchdog.cancel()
    assert login.returncode == 0, shown + rest
    whoami = subprocess.run(
        [command[0], "auth", "whoami"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "ada" in whoami.stdout, whoami.stderr
    with browser(site, "ada") as page:
        assert "device-login-" in page.get("/settings/tokens").text


async def test_a_client_waits_until_somebody_answers_and_is_told_to_slow_down(
    client: httpx.AsyncClient, database: Database
) -> None:
    codes = await ask(client)
    first = await poll(client, codes)
    assert (first.status_code, first.json()["error"]) == (400, "authorization_pending")
    assert (await poll(client, codes)).json()["error"] == "slow_down"
    async with database.transaction() as db:
        assert await db.scalar(text("SELECT interval_s FROM accounts_device_login")) == 10


async def test_a_code_gives_one_token_once_and_it_is_limited_to_what_was_allowed(
    client: httpx.AsyncClient, database: Database
) -> None:
    codes = await approved(client, database)
    issued = (await poll(client, codes)).json()
    assert issued["scope"] == "jobs:read repos:read"
    headers = bearer(issued["access_token"])
    assert (await client.get("/api/whoami-v2", headers=headers)).json()["name"] == "ada"
    assert (await poll(client, codes)).json()["error"] == "invalid_grant"


async def test_a_refused_program_gets_nothing(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_user(database, "ada")
    codes = await ask(client)
    await sign_in(client, "ada")
    form = {"user_code": codes["user_code"].lower().replace("-", " "), "decision": "deny"}
    assert (await client.post("/device", data=form)).status_code == 200
    assert (await poll(client, codes)).json()["error"] == "access_denied"
    assert (await client.post("/device", data={**form, "decision": "approve"})).status_code == 404


async def test_an_ended_code_is_refused_on_both_sides(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_user(database, "ada")
    codes = await ask(client)
    async with database.transaction() as db:
        await db.execute(
            text("UPDATE accounts_device_login SET expires_at = now() - interval '1 second'")
        )
    assert (await poll(client, codes)).json()["error"] == "expired_token"
    await sign_in(client, "ada")
    page = await client.get("/device", params={"user_code": codes["user_code"]})
    assert page.status_code == 404
    assert "No program waits with this code." in page.text


async def test_codes_cannot_be_guessed(client: httpx.AsyncClient, database: Database) -> None:
    await make_user(database, "eve")
    await sign_in(client, "eve")
    codes = await ask(client)
    for _try in range(10):
        wrong = await client.get("/device", params={"user_code": "BBBB-BBBB"})
        assert wrong.status_code == 404
    right = await client.post("/device", data={"user_code": codes["user_code"], **READ})
    assert right.status_code == 429
    assert "Retry-After" in right.headers


async def test_neither_code_lies_in_the_database_in_the_clear(
    client: httpx.AsyncClient, database: Database
) -> None:
    codes = await ask(client)
    async with database.transaction() as db:
        rows = (await db.scalars(text("SELECT t::text FROM accounts_device_login t"))).all()
    assert rows
    for secret in (codes["device_code"], codes["user_code"], codes["user_code"].replace("-", "")):
        assert not [row for row in rows if secret in row]


async def test_a_visitor_is_sent_to_sign_in_and_back(client: httpx.AsyncClient) -> None:
    headers = {"Accept": "text/html"}
    answer = await client.get("/device?user_code=BCDF-GHJK", headers=headers)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Fdevice%3Fuser_code%3DBCDF-GHJK"


@pytest.mark.parametrize("scope", ["read", "write"])
async def test_a_token_without_the_account_scope_lets_nobody_in(
    client: httpx.AsyncClient, database: Database, scope: str
) -> None:
    token = await make_token(database, await make_user(database), scope)
    codes = await ask(client)
    form = {"user_code": codes["user_code"], **READ}
    assert (await client.post("/device", data=form, headers=bearer(token))).status_code == 403
    assert (await poll(client, codes)).json()["error"] == "authorization_pending"


async def test_a_token_is_renewed_and_the_old_pair_ends(
    client: httpx.AsyncClient, database: Database
) -> None:
    old = (await poll(client, await approved(client, database))).json()
    form = {"grant_type": "refresh_token", "refresh_token": old["refresh_token"], **CLIENT}
    new = (await client.post("/oauth/token", data=form)).json()
    statuses = [
        (await client.get("/api/whoami-v2", headers=bearer(pair["access_token"]))).status_code
        for pair in (old, new)
    ]
    assert statuses == [401, 200]
    again = await client.post("/oauth/token", data=form)
    assert again.json()["error"] == "invalid_grant"


async def test_a_refresh_token_used_again_later_ends_the_login(
    client: httpx.AsyncClient, database: Database
) -> None:
    old = (await poll(client, await approved(client, database))).json()
    form = {"grant_type": "refresh_token", "refresh_token": old["refresh_token"], **CLIENT}
    new = (await client.post("/oauth/token", data=form)).json()
    async with database.transaction() as db:
        await db.execute(
            text("UPDATE accounts_refresh_token SET rotated_at = now() - interval '1 hour'")
        )
    assert (await client.post("/oauth/token", data=form)).json()["error"] == "invalid_grant"
    headers = bearer(new["access_token"])
    assert (await client.get("/api/whoami-v2", headers=headers)).status_code == 401


async def test_revoking_the_access_token_ends_its_renewal(
    client: httpx.AsyncClient, database: Database
) -> None:
    pair = (await poll(client, await approved(client, database))).json()
    await sign_in(client, "ada")
    (listed,) = (await client.get("/api/v1/tokens")).json()
    await client.post(f"/settings/tokens/{listed['id']}/revoke")
    client.cookies.clear()
    form = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"], **CLIENT}
    assert (await client.post("/oauth/token", data=form)).json()["error"] == "invalid_grant"


async def test_other_grants_are_refused_in_the_words_of_oauth(client: httpx.AsyncClient) -> None:
    answer = await client.post("/oauth/token", data={"grant_type": "password", **CLIENT})
    assert answer.status_code == 400
    assert answer.json()["error"] == "unsupported_grant_type"
