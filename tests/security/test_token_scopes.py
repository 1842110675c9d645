"""A credential opens only what it was made for: every route of the route table, by every carrier.

The attacks: a token made for one thing shown at another address, as `Bearer`, as the password that
git sends, or beside the cookie of a browser that may do more; a job's credential used as a
person's; a credential for one file, one store or one machine shown where people sign in.
"""

import base64
from collections.abc import Callable, Iterator
from itertools import cycle

import httpx
import pytest
from fastapi import FastAPI

from app.accounts.schemas import AccountRef
from app.core.db import Database
from app.core.security import Scope
from app.hfapi.signing import BytesGrant, Grant, expiry, issue, issue_bytes
from tests.factories.accounts import bearer, make_token, make_user, sign_in
from tests.factories.jobs import FakeWorker, make_job
from tests.security.route_table import Address, addresses

Carrier = Callable[[str], dict[str, str]]
SCOPED = [address for address in addresses() if address.scopes]
NOT_READING = [address for address in SCOPED if Scope.REPOS_READ.value not in address.scopes]


@pytest.fixture
async def admin(database: Database) -> AccountRef:
    return await make_user(database, "ada", is_admin=True)


def _basic(token: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"user:{token}".encode()).decode()}


def _lacking(route: Address) -> Scope:
    """Return a scope that is of no use at this address."""
    return next(scope for scope in Scope if scope.value not in route.scopes)


async def _cookie(client: httpx.AsyncClient, name: str) -> str:
    await sign_in(client, name)
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    client.cookies.clear()
    return cookie


async def test_a_token_without_the_scope_is_refused_at_every_address(
    client: httpx.AsyncClient, database: Database, admin: AccountRef
) -> None:
    """Also beside the cookie of a session that has every right: what was shown first counts."""
    tokens = {scope: await make_token(database, admin, scope.value) for scope in Scope}
    cookie = await _cookie(client, admin.name)
    carriers: list[Carrier] = [
        bearer,
        _basic,
        lambda token: {**bearer(token), "Cookie": cookie},
    ]
    opened = []
    for route, carrier in zip(SCOPED, cycle(carriers), strict=False):
        answer = await client.request(
            route.method, route.of("ada", "net"), headers=carrier(tokens[_lacking(route)])
        )
        if answer.status_code != 403 or b"missing_scope" not in answer.content:
            opened.append((route.method, route.path, answer.status_code))
    assert not opened, "\n".join(map(str, opened))


async def test_the_credential_of_a_job_reads_repositories_and_does_nothing_else(
    client: httpx.AsyncClient, database: Database, admin: AccountRef
) -> None:
    async with database.transaction() as db:
        await make_job(db, admin.id)
    worker = FakeWorker(client)
    assert await worker.claim()
    opened = []
    for route in NOT_READING:
        answer = await client.request(route.method, route.of("ada", "net"), headers=worker.headers)
        if answer.status_code != 403 or b"missing_scope" not in answer.content:
            opened.append((route.method, route.path, answer.status_code))
    assert not opened, "\n".join(map(str, opened))


async def test_a_credential_that_is_no_persons_opens_nothing(
    client: httpx.AsyncClient, database: Database, admin: AccountRef, app: FastAPI
) -> None:
    async with database.transaction() as db:
        await make_job(db, admin.id)
    worker = FakeWorker(client)
    assert await worker.claim()
    refused = cycle(_foreign(app, admin, worker))
    opened = []
    for route, (kind, headers) in zip(SCOPED, refused, strict=False):
        answer = await client.request(route.method, route.of("ada", "net"), headers=headers)
        if answer.status_code != 401:
            opened.append((kind, route.method, route.path, answer.status_code))
    assert not opened, "\n".join(map(str, opened))


def _foreign(
    app: FastAPI, admin: AccountRef, worker: FakeWorker
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield what others show elsewhere, each as the header that people sign in with."""
    key = app.state.settings.secret_key.get_secret_value()
    yield "unknown", bearer("hf_" + "0" * 48)
    for action in ("xet-read", "xet-write", "upload", "download"):
        grant = Grant(action, admin.id, 1, expiry(300), sha256="0" * 64)
        yield action, bearer(issue(key, grant))
    yield "bytes", bearer(issue_bytes(key, BytesGrant("lfs/x", 0, 9, expiry(300))))
    yield "worker key", bearer("test-worker-key")
    token = worker.headers["Authorization"].removeprefix("Bearer ")
    yield "job as password", _basic(token)
    yield "job of another attempt", bearer(token.replace("tfj_1_1_", "tfj_1_2_"))
    yield "session as token", bearer("session")


async def test_a_persons_token_is_no_credential_of_the_stores(
    client: httpx.AsyncClient, database: Database, admin: AccountRef
) -> None:
    """Bundles, objects by address, and attempts of jobs take what was made for them alone."""
    headers = bearer(await make_token(database, admin, "all"))
    cookie = {"Cookie": await _cookie(client, admin.name), "Sec-Fetch-Site": "same-origin"}
    others = [
        address for address in addresses()
        if address.path.startswith(("/xet", "/api/lfs/", "/api/v1/worker/jobs/"))
    ]  # fmt: skip
    opened = []
    for route in others:
        for shown in (headers, cookie):
            answer = await client.request(route.method, route.of("ada", "net"), headers=shown)
            if answer.status_code != 401:
                opened.append((route.method, route.path, answer.status_code, answer.text))
    assert not opened, "\n".join(map(str, opened))
    assert len(others) > 15


def test_the_matrix_covers_most_of_the_site() -> None:
    assert len(SCOPED) > 250
