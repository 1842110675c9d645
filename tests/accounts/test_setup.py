"""The first administrator: a printed link that works once."""

import asyncio

import httpx

from app.accounts import service
from app.core.db import Database
from tests.factories.accounts import PASSWORD, make_token, make_user, sign_in


async def _link(database: Database) -> str:
    async with database.transaction() as db:
        link = await service.first_admin_link(db)
    assert link is not None
    return link


def _form(link: str, name: str = "root-1") -> dict[str, str]:
    token = link.partition("token=")[2]
    return {"token": token, "name": name, "email": f"{name}@example.org", "password": PASSWORD}


async def test_the_link_makes_an_administrator_and_no_second_one(
    client: httpx.AsyncClient, database: Database
) -> None:
    link = await _link(database)
    assert (await client.get(link)).status_code == 200
    assert (await client.post("/setup", data=_form(link))).status_code == 303
    assert (await client.get("/api/v1/me")).json()["is_admin"] is True
    assert (await client.get(link)).status_code == 404
    assert (await client.post("/setup", data=_form(link, "root-2"))).status_code == 404
    async with database.transaction() as db:
        assert await service.first_admin_link(db) is None


async def test_of_ten_who_follow_the_link_at_once_one_succeeds(
    client: httpx.AsyncClient, database: Database
) -> None:
    link = await _link(database)
    answers = await asyncio.gather(
        *[client.post("/setup", data=_form(link, f"root-{number}")) for number in range(10)]
    )
    assert sorted(answer.status_code for answer in answers) == [303] + [404] * 9


async def test_a_mistake_in_the_form_does_not_use_the_link_up(
    client: httpx.AsyncClient, database: Database
) -> None:
    link = await _link(database)
    wrong = await client.post("/setup", data={**_form(link), "password": "short"})
    assert wrong.status_code == 422
    assert (await client.post("/setup", data=_form(link))).status_code == 303


async def test_a_newer_link_ends_the_older_one(
    client: httpx.AsyncClient, database: Database
) -> None:
    older = await _link(database)
    newer = await _link(database)
    assert (await client.get(older)).status_code == 404
    assert (await client.get(newer)).status_code == 200


async def test_only_a_credential_made_for_it_administers(
    client: httpx.AsyncClient, database: Database
) -> None:
    root = await make_user(database, "root-1", is_admin=True)
    await make_user(database, "ada")
    await sign_in(client, "ada")
    assert "admin" not in (await client.get("/api/v1/me")).json()["scopes"]
    await sign_in(client, "root-1")
    assert "admin" in (await client.get("/api/v1/me")).json()["scopes"]
    client.cookies.clear()
    token = await make_token(database, root, "write")
    answer = await client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert "admin" not in answer.json()["scopes"]
