"""Organisations: who may do what in them, and that rights end with the membership."""

import httpx
import pytest

from app.accounts import policy
from app.accounts.schemas import Role
from app.core.db import Database
from app.core.security import ANONYMOUS, Viewer
from tests.factories.accounts import (
    bearer,
    make_member,
    make_organization,
    make_token,
    make_user,
    sign_in,
)


async def test_an_organization_is_made_and_run_through_its_pages(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_user(database, "ada")
    await make_user(database, "bob")
    await sign_in(client, "ada")
    form = {"name": "Lab", "display_name": "The lab", "default_private": "1"}
    made = await client.post("/organizations/new", data=form)
    assert made.headers["location"] == "/organizations/Lab/settings"
    await client.post("/organizations/lab/members", data={"user": "Bob", "role": "write"})
    page = await client.get("/organizations/lab/settings")
    assert "The lab" in page.text
    assert 'href="/bob"' in page.text
    lab = (await client.get("/api/v1/organizations/LAB")).json()
    assert lab["default_private"] is True
    assert {m["name"]: m["role"] for m in lab["members"]} == {"ada": "admin", "bob": "write"}
    await client.post("/organizations/lab/members", data={"user": "bob", "role": "no_access"})
    lab = (await client.get("/api/v1/organizations/lab")).json()
    assert [m["name"] for m in lab["members"]] == ["ada"]


async def test_an_unknown_person_is_named_beside_the_field(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_organization(database, await make_user(database, "ada"), "lab")
    await sign_in(client, "ada")
    answer = await client.post("/organizations/lab/members", data={"user": "zoe", "role": "read"})
    assert answer.status_code == 422
    assert 'id="error-user"' in answer.text
    assert 'value="zoe"' in answer.text


@pytest.mark.parametrize(
    ("role", "reads", "changes"),
    [
        (Role.NO_ACCESS, False, False),
        (Role.READ, True, False),
        (Role.CONTRIBUTOR, True, False),
        (Role.WRITE, True, False),
        (Role.ADMIN, True, True),
    ],
)
async def test_only_administrators_change_an_organization(
    client: httpx.AsyncClient, database: Database, role: Role, *, reads: bool, changes: bool
) -> None:
    lab = await make_organization(database, await make_user(database, "ada"), "lab")
    bob = await make_user(database, "bob")
    if role is not Role.NO_ACCESS:
        await make_member(database, lab, bob, role)
    headers = bearer(await make_token(database, bob, "account"))
    got = await client.get("/api/v1/organizations/lab", headers=headers)
    assert (got.status_code == 200) is reads
    changed = await client.patch(
        "/api/v1/organizations/lab", json={"description": "new"}, headers=headers
    )
    assert (changed.status_code == 200) is changes
    put = await client.put(
        "/api/v1/organizations/lab/members/bob", json={"role": "admin"}, headers=headers
    )
    assert (put.status_code == 200) is changes


async def test_rights_end_with_the_membership(
    client: httpx.AsyncClient, database: Database
) -> None:
    ada, bob = await make_user(database, "ada"), await make_user(database, "bob")
    lab = await make_organization(database, ada, "lab")
    await make_member(database, lab, bob, Role.WRITE)
    headers = bearer(await make_token(database, bob, "account"))
    assert (await client.get("/api/v1/organizations/lab", headers=headers)).status_code == 200
    admin = bearer(await make_token(database, ada, "account"))
    gone = await client.delete("/api/v1/organizations/lab/members/bob", headers=admin)
    assert gone.status_code == 204
    assert (await client.get("/api/v1/organizations/lab", headers=headers)).status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "/api/v1/organizations/lab/members/ada", None),
        ("PUT", "/api/v1/organizations/lab/members/ada", {"role": "write"}),
    ],
)
async def test_the_last_administrator_stays(
    client: httpx.AsyncClient, database: Database, method: str, path: str, body: object
) -> None:
    ada = await make_user(database, "ada")
    await make_organization(database, ada, "lab")
    headers = bearer(await make_token(database, ada, "account"))
    answer = await client.request(method, path, json=body, headers=headers)
    assert answer.status_code == 409
    assert answer.json()["code"] == "last_admin"


@pytest.mark.parametrize("path", ["/api/v1/organizations/nothing", "/api/v1/organizations/ada"])
async def test_a_missing_organization_and_a_person_get_the_same_answer(
    client: httpx.AsyncClient, database: Database, path: str
) -> None:
    headers = bearer(await make_token(database, await make_user(database, "ada"), "account"))
    answer = await client.get(path, headers=headers)
    assert answer.status_code == 404
    assert answer.json()["error"] == "There is no such organisation."


async def test_a_role_under_an_owner_is_ones_own_a_members_or_none(database: Database) -> None:
    ada, bob, eve = [await make_user(database) for _number in range(3)]
    lab = await make_organization(database, ada)
    await make_member(database, lab, bob, Role.CONTRIBUTOR)
    async with database.transaction() as db:
        assert await policy.role_for(db, Viewer(ada.id), ada.id) is Role.ADMIN
        assert await policy.role_for(db, Viewer(ada.id), lab.id) is Role.ADMIN
        assert await policy.role_for(db, Viewer(bob.id), lab.id) is Role.CONTRIBUTOR
        assert await policy.role_for(db, Viewer(eve.id), lab.id) is Role.NO_ACCESS
        assert await policy.role_for(db, Viewer(eve.id), ada.id) is Role.NO_ACCESS
        assert await policy.role_for(db, ANONYMOUS, ada.id) is Role.NO_ACCESS
        site_admin = Viewer(eve.id, is_admin=True)
        assert await policy.role_for(db, site_admin, lab.id) is Role.ADMIN


def test_roles_are_ordered_from_none_to_administrator() -> None:
    assert sorted(Role, reverse=True) == [
        Role.ADMIN,
        Role.WRITE,
        Role.CONTRIBUTOR,
        Role.READ,
        Role.NO_ACCESS,
    ]
