"""Collections, jobs and people are found, each by whom it concerns."""

from typing import Any

import httpx
from sqlalchemy import text

from app.accounts.service import Gone
from app.core.db import AsyncSession, Database
from app.core.storage import BlobStore
from app.questions import service as questions
from app.search import service
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.jobs import make_job
from tests.hub.conftest import Hub, hub, storage

__all__ = ["hub", "storage"]


async def found_by(client: httpx.AsyncClient, query: str, **headers: str) -> Any:
    answer = await client.get("/api/v1/search", params={"q": query}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(found: Any) -> list[str]:
    return [hit["url"] for hit in found["hits"]]


async def test_a_person_is_found_by_name_and_by_what_they_say(
    client: httpx.AsyncClient, database: Database, storage: BlobStore
) -> None:
    eve = await make_user(database, "eve-online")
    token = await make_token(database, eve, "all")
    await service.catch_up(database, storage)
    assert names(await found_by(client, "eve")) == ["/eve-online"]
    change = {"display_name": "Eve Moneypenny", "bio": "Breeds orchids."}
    answer = await client.patch("/api/v1/me", json=change, headers=bearer(token))
    assert answer.status_code == 200, answer.text
    await service.catch_up(database, storage)
    assert names(await found_by(client, "is:account moneypenny orchids")) == ["/eve-online"]


async def test_a_job_is_found_by_its_owner_alone(
    client: httpx.AsyncClient, database: Database, storage: BlobStore, db: AsyncSession
) -> None:
    ada, eve = await make_user(database, "ada"), await make_user(database, "eve")
    root = await make_user(database, "grace", is_admin=True)
    job = await make_job(db, ada.id, name="orchids-at-night")
    await db.commit()
    await service.catch_up(database, storage)
    for owner, scope, wanted in (
        (ada, "read", [f"/jobs/{job.id}"]),
        (ada, "repos:read", []),
        (eve, "read", []),
        (root, "all", [f"/jobs/{job.id}"]),
    ):
        headers = bearer(await make_token(database, owner, scope))
        for query in ("orchids", "is:job", f"job:{job.id}", "image-classification"):
            found = await found_by(client, query, **headers)
            assert names(found) == wanted, (owner.name, scope, query)
            assert found["counts"].get("job", 0) == len(wanted)
    assert names(await found_by(client, "orchids")) == []


async def test_a_collection_is_found_while_the_viewer_may_see_it(
    hub: Hub, database: Database
) -> None:
    made = await hub.post(
        "/api/collections",
        {"title": "Orchids", "namespace": "ada", "description": "Flowers of the night."},
    )
    assert made.status_code == 200, made.text
    slug = made.json()["slug"]
    await service.catch_up(database, hub.storage)
    assert names(await found_by(hub.client, "orchids night")) == [f"/collections/{slug}"]
    hidden = await hub.client.patch(
        f"/api/collections/{slug}", json={"private": True}, headers=hub.headers
    )
    assert hidden.status_code == 200, hidden.text
    gone = await found_by(hub.client, "orchids")
    assert (gone["hits"], gone["total"], gone["counts"], gone["facets"]) == ([], 0, {}, [])
    assert names(await found_by(hub.client, "orchids", **hub.headers)) == [f"/collections/{slug}"]
    deleted = await hub.client.delete(f"/api/collections/{slug}", headers=hub.headers)
    assert deleted.status_code in {200, 204}, deleted.text
    assert names(await found_by(hub.client, "orchids", **hub.headers)) == []


async def test_an_answer_is_found_at_its_place_until_its_question_is_hidden(
    hub: Hub, database: Database
) -> None:
    async with database.transaction() as db:
        await questions.plant_tags(db)
    asked = await hub.post(
        "/api/v1/questions",
        {
            "title": "Why do my orchids droop so early",
            "body": "They fade.",
            "tags": ["computer-vision"],
        },
    )
    assert asked.status_code in {200, 201}, asked.text
    number = asked.json()["id"]
    said = await hub.post(f"/api/v1/questions/{number}/answers", {"body": "Give them *moss*."})
    assert said.status_code in {200, 201}, said.text
    await service.catch_up(database, hub.storage)
    assert "#" not in names(await found_by(hub.client, "is:question orchids droop fade"))[0]
    (place,) = names(await found_by(hub.client, "moss tag:computer-vision"))
    assert place.startswith(f"/questions/{number}/")
    assert "#answer-" in place
    assert place in (await hub.client.get("/search", params={"q": "moss"})).text
    async with database.transaction() as db:
        await db.execute(text("UPDATE questions_question SET is_hidden = true"))
    assert (await found_by(hub.client, "moss"))["total"] == 0


async def test_whoever_left_or_is_suspended_is_not_found(
    client: httpx.AsyncClient, database: Database, storage: BlobStore
) -> None:
    for name in ("eve-gone", "eve-out", "eve-back"):
        await make_user(database, name)
    await service.catch_up(database, storage)
    states = {
        "eve-gone": "erased_at = now()",
        "eve-out": "suspended_at = now()",
        "eve-back": "suspended_at = now(), suspended_until = now() - interval '1 s'",
    }
    async with database.transaction() as db:
        for name, state in states.items():
            user = f"UPDATE accounts_user SET {state} WHERE email = :email"
            await db.execute(text(user), {"email": f"{name}@example.org"})
    found = names(await found_by(client, "is:account eve"))
    listed = (await client.get("/sitemap-0.xml")).text
    assert not {"/eve-gone", "/eve-out"} & set(found)
    assert [name for name in states if f"/{name}<" in listed] == ["eve-back"]


async def test_what_an_erased_person_leaves_is_found_again_and_nothing_else_is_read(
    hub: Hub, database: Database
) -> None:
    opened = await hub.post(
        "/api/models/ada/net/discussions", {"title": "Orchids", "description": "They fade."}
    )
    assert opened.status_code == 200, opened.text
    await service.catch_up(database, hub.storage)
    words, progress = await stored(database)
    async with database.transaction() as db:
        await service.erase_person(
            db, Gone(hub.owner.id, "ada", "gone-1", "ada@example.org", email_proved=True)
        )
    assert names(await found_by(hub.client, "orchids fade")) == []
    left, marked = await stored(database)
    assert left.get("orchids") is None
    assert {name for name in marked if not name.startswith("again ")} == set(progress)
    await service.catch_up(database, hub.storage)
    assert names(await found_by(hub.client, "orchids fade")) == ["/ada/net/discussions/1"]
    again, read = await stored(database)
    assert (again, set(read)) == (words, set(progress))


async def stored(database: Database) -> tuple[dict[str, int], list[str]]:
    async with database.transaction() as db:
        words = await db.execute(text("SELECT word, num_texts FROM search_word"))
        sources = await db.scalars(text("SELECT source FROM search_progress"))
        return {row[0]: row[1] for row in words}, list(sources)
