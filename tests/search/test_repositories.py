"""Models, data sets and what is said about them: found when they change, by who may see them."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.core.db import Database
from app.search import service
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.hub import make_repository
from tests.hub.conftest import Hub, hub, storage

__all__ = ["hub", "storage"]

CARD = (
    b"---\nlicense: mit\ntags:\n- vision\n---\n# Flowers\n\n## Training\nFrozen layers, then all.\n"
)


async def found_by(client: httpx.AsyncClient, query: str, **headers: str) -> Any:
    answer = await client.get("/api/v1/search", params={"q": query}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(found: Any) -> list[str]:
    return [hit["url"] for hit in found["hits"]]


async def test_a_model_is_found_by_its_card_name_and_tags(hub: Hub, database: Database) -> None:
    await make_repository(database, hub.storage, hub.owner, "petals", files={"README.md": CARD})
    await service.catch_up(database, hub.storage)
    for query in (
        "frozen layers",
        "petals",
        "ada/petals",
        "tag:vision",
        "license:mit",
        "user:ada flowers",
    ):
        assert "/ada/petals" in names(await found_by(hub.client, query)), query
    assert names(await found_by(hub.client, "petals -tag:vision")) == []
    assert names(await found_by(hub.client, "frozen model:ada/petals")) == ["/ada/petals"]


async def test_a_card_made_to_be_hard_to_read_is_indexed(hub: Hub, database: Database) -> None:
    hostile = b"# Petals ##\n# a" + b" " * 1_000_000 + b"b\n" + b"## ##" * 100_000
    await make_repository(database, hub.storage, hub.owner, "bloom", files={"README.md": hostile})
    await service.catch_up(database, hub.storage)
    assert names(await found_by(hub.client, "petals")) == ["/ada/bloom"]


async def test_a_private_model_is_in_no_hit_and_no_count(hub: Hub, database: Database) -> None:
    made = await make_repository(
        database, hub.storage, hub.owner, "petals", files={"README.md": CARD}, private=True
    )
    discussion = {"title": "Frozen how long", "description": "petals fade"}
    answer = await hub.post(f"/api/models/ada/{made.name}/discussions", discussion)
    assert answer.status_code == 200, answer.text
    await service.catch_up(database, hub.storage)
    eve = await make_user(database, "eve")
    stranger = bearer(await make_token(database, eve, "read"))
    for query in ("petals", "fade", "frozen", "model:ada/petals", "user:ada", "is:model petals"):
        for headers in ({}, stranger):
            found = await found_by(hub.client, query, **headers)
            assert not [name for name in names(found) if "petals" in name]
            assert "petals" not in str(found["hits"])
    mine = await found_by(hub.client, "petals", **hub.headers)
    assert set(names(mine)) == {"/ada/petals", "/ada/petals/discussions/1"}
    assert mine["counts"] == {"model": 1, "discussion": 1}


async def test_what_becomes_private_is_gone_at_once(hub: Hub, database: Database) -> None:
    await make_repository(database, hub.storage, hub.owner, "petals", files={"README.md": CARD})
    await service.catch_up(database, hub.storage)
    answer = await hub.client.put(
        "/api/models/ada/petals/settings", json={"private": True}, headers=hub.headers
    )
    assert answer.status_code == 200, answer.text
    found = await found_by(hub.client, "petals")
    assert (found["hits"], found["total"], found["counts"]) == ([], 0, {})


async def test_a_comment_is_found_until_it_is_hidden(hub: Hub, database: Database) -> None:
    opened = await hub.post(
        "/api/models/ada/net/discussions", {"title": "A question", "description": "first words"}
    )
    assert opened.status_code == 200, opened.text
    said = await hub.post(
        "/api/models/ada/net/discussions/1/comment", {"comment": "learning rate warm-up"}
    )
    assert said.status_code in {200, 201}, said.text
    await service.catch_up(database, hub.storage)
    (hit,) = (await found_by(hub.client, "warmup"))["hits"]
    assert hit["url"].startswith("/ada/net/discussions/1#comment-")
    number = hit["url"].rpartition("-")[2]
    comments = (await hub.get("/api/models/ada/net/discussions/1")).json()["events"]
    shown = next(c["id"] for c in comments if "warm-up" in str(c))
    hidden = await hub.post(f"/api/models/ada/net/discussions/1/comment/{shown}/hide", {})
    assert hidden.status_code == 200, (hidden.text, number)
    await service.catch_up(database, hub.storage)
    assert (await found_by(hub.client, "warmup"))["hits"] == []


async def test_a_renamed_model_is_shown_under_its_name(hub: Hub, database: Database) -> None:
    await service.catch_up(database, hub.storage)
    moved = await hub.post(
        "/api/repos/move", {"fromRepo": "ada/net", "toRepo": "ada/mesh", "type": "model"}
    )
    assert moved.status_code == 200, moved.text
    await service.catch_up(database, hub.storage)
    assert names(await found_by(hub.client, "mesh")) == ["/ada/mesh"]


@pytest.mark.parametrize("page", ["0", "26", "x"])
async def test_a_page_that_is_none_is_refused(client: httpx.AsyncClient, page: str) -> None:
    answer = await client.get("/api/v1/search", params={"q": "net", "page": page})
    assert answer.status_code == 422


async def test_what_was_indexed_is_not_read_for_ever(
    hub: Hub, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.search.service.indexing._OVERLAP", timedelta())
    assert await service.catch_up(database, hub.storage) == 2  # ada and her model
    assert await service.catch_up(database, hub.storage) == 0
