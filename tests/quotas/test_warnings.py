"""Who comes near a limit is told so, once, while there is still room."""

from fastapi import FastAPI

from app.accounts.schemas import Role
from app.notifications.background import tell_waiting
from app.quotas.schemas import Kind
from app.quotas.service import limits
from tests.factories.accounts import bearer, make_member, make_organization, make_token, make_user
from tests.hub.conftest import Hub, hub, storage

__all__ = ["hub", "storage"]


async def _told(hub: Hub, app: FastAPI, token: str) -> list[tuple[str, str, str]]:
    await tell_waiting(hub.database, app.state.wakeups)
    answer = await hub.client.get("/api/v1/notifications?state=all", headers=bearer(token))
    assert answer.status_code == 200, answer.text
    return [(one["what"], one["title"], one["url"]) for one in answer.json()["items"]]


async def _create(hub: Hub, name: str, organization: str | None = None) -> None:
    body = {"name": name, "organization": organization}
    assert (await hub.post("/api/repos/create", body)).status_code == 200


async def test_four_fifths_of_a_limit_are_told_once(hub: Hub, app: FastAPI) -> None:
    async with hub.database.transaction() as db:
        await limits.set_limit(db, None, hub.owner.id, Kind.REPOSITORIES, 5)
    token = await make_token(hub.database, hub.owner, "all")
    for number in range(2):
        await _create(hub, f"few-{number}")
    assert await _told(hub, app, token) == []
    await _create(hub, "few-3")  # with the repository of the fixture, four of five
    await _create(hub, "few-4")
    assert len(await _told(hub, app, token)) == 1


async def test_an_organisations_limit_is_told_to_who_administers_it(hub: Hub, app: FastAPI) -> None:
    lab = await make_organization(hub.database, hub.owner, "lab")
    bob = await make_user(hub.database, "bob")
    await make_member(hub.database, lab, bob, Role.WRITE)
    async with hub.database.transaction() as db:
        await limits.set_limit(db, None, lab.id, Kind.REPOSITORIES, 1)
    await _create(hub, "one", "lab")
    told = await _told(hub, app, await make_token(hub.database, hub.owner, "all"))
    assert told == [("limit_near", "Repositories · lab", "/organizations/lab/usage")]
    assert await _told(hub, app, await make_token(hub.database, bob, "all")) == []
