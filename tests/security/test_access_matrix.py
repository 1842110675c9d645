"""Who gets what of a repository: every route, made from the route table, for every kind of person.

What somebody may not see looks like what is not there, at every address; what stands behind a gate
or was closed shows its files to nobody outside; and nobody outside moves a branch or a setting,
though a pull request is everybody's to open.
"""

from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.accounts.schemas import AccountRef, Role
from app.core.db import Database
from app.hub.schemas import RepositoryKind
from tests.factories.accounts import (
    bearer,
    make_member,
    make_organization,
    make_token,
    make_user,
)
from tests.factories.hub import make_repository
from tests.security.route_table import Address, addresses

MARKER = b"the-content-that-must-not-leak"
ROUTES = [address for address in addresses() if address.is_of_repository]
OUTSIDERS = ["visitor", "stranger", "suspended"]
# Names of equal length, so that answers can be compared byte for byte.
HIDDEN, GONE, ABSENT = "hidden", "gone-x", "absent"


@dataclass
class World:
    """An organisation's repositories in every state, and a credential for everybody."""

    client: httpx.AsyncClient
    headers: dict[str, dict[str, str]]

    async def call(self, who: str, route: Address, name: str) -> httpx.Response:
        return await self.client.request(
            route.method, route.of("lab", name), headers=self.headers[who]
        )


async def _people(database: Database) -> tuple[AccountRef, dict[str, AccountRef]]:
    owner = await make_user(database, "owner")
    lab = await make_organization(database, owner, "lab")
    people = {"owner": owner}
    for name, role in (("reader", Role.READ), ("writer", Role.WRITE)):
        people[name] = await make_user(database, name)
        await make_member(database, lab, people[name], role)
    people["admin"] = await make_user(database, "siteadmin", is_admin=True)
    for name in ("stranger", "suspended"):
        people[name] = await make_user(database, name)
    return lab, people


@pytest.fixture
async def world(client: httpx.AsyncClient, database: Database, app: FastAPI) -> World:
    lab, people = await _people(database)
    storage = app.state.storage
    files = {"a.txt": MARKER, "README.md": b"# Card\n"}
    for kind in RepositoryKind:
        for name in ("public", HIDDEN, GONE, "gated", "closed"):
            await make_repository(
                database, storage, lab, name, kind=kind, private=name == HIDDEN, files=files
            )
    headers = {"visitor": {}}
    for name, account in people.items():
        headers[name] = bearer(await make_token(database, account, "all"))
    async with database.transaction() as db:
        await db.execute(text("UPDATE hub_repository SET gated = 'manual' WHERE name = 'gated'"))
        await db.execute(text("UPDATE hub_repository SET disabled = true WHERE name = 'closed'"))
        await db.execute(text("DELETE FROM hub_repository WHERE name = 'gone-x'"))
        await db.execute(
            text("UPDATE accounts_user SET suspended_at = now() WHERE email_key LIKE 'suspended@%'")
        )
    return World(client, headers)


def _told(answer: httpx.Response, name: str) -> tuple[int, bytes]:
    """Return what an answer says, without its number and the name that was asked for."""
    said = answer.content.replace(name.encode(), ABSENT.encode())
    return answer.status_code, said.replace(answer.headers["x-request-id"].encode(), b"")


@pytest.mark.parametrize("who", OUTSIDERS)
async def test_what_may_not_be_seen_answers_like_what_is_not_there(world: World, who: str) -> None:
    different = []
    for route in ROUTES:
        nothing = _told(await world.call(who, route, ABSENT), ABSENT)
        hidden = _told(await world.call(who, route, HIDDEN), HIDDEN)
        gone = _told(await world.call(who, route, GONE), GONE)
        if not nothing == hidden == gone:
            different.append((route.method, route.path))
    assert not different, "\n".join(map(str, different))


@pytest.mark.parametrize("who", OUTSIDERS)
async def test_files_behind_a_gate_leave_by_no_address(world: World, who: str) -> None:
    leaks = [
        (route.method, route.path, name)
        for route in ROUTES
        for name in ("gated", "closed")  # a hidden one answers like none, as shown above
        if MARKER in (await world.call(who, route, name)).content
    ]
    assert not leaks, "\n".join(map(str, leaks))


@pytest.mark.parametrize("who", ["owner", "writer", "reader", "admin"])
async def test_the_house_opens_its_own_files(world: World, who: str) -> None:
    path = "/lab/{}/resolve/main/a.txt"
    opened = [
        (await world.client.get(path.format(name), headers=world.headers[who])).content == MARKER
        for name in ("public", HIDDEN, "gated")
    ]
    assert opened == [True] * 3


@pytest.mark.parametrize("who", [*OUTSIDERS, "reader"])
async def test_nobody_outside_changes_a_repository_by_any_address(
    world: World, database: Database, who: str
) -> None:
    before = await _state(database)
    for route in ROUTES:
        if route.method != "GET":
            answer = await world.call(who, route, "public")
            assert answer.status_code in {*range(200, 500), 501}, (route.method, route.path)
    assert await _state(database) == before


async def _state(database: Database) -> list[tuple[object, ...]]:
    statement = """
        SELECT r.id, r.name, r.private, r.gated, r.disabled, r.head, r.owner_id,
               (SELECT string_agg(name || target, ',' ORDER BY name) FROM hub_ref f
                WHERE f.repository_id = r.id AND f.name NOT LIKE 'refs/pr/%')
        FROM hub_repository r ORDER BY r.id
    """
    async with database.transaction() as db:
        return [tuple(row) for row in await db.execute(text(statement))]


def test_the_matrix_covers_the_protocol_the_pages_and_git() -> None:
    paths = {route.path for route in ROUTES}
    assert "/{owner}/{name}/resolve/{rev}/{path:path}" in paths
    assert "/api/models/{owner}/{name}/settings" in paths
    assert "/datasets/{owner}/{name}/tree/{rev}" in paths
    assert len(ROUTES) > 150
