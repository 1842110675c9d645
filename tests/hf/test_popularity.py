"""Likes, downloads that are counted honestly, and the order that both make."""

import httpx
import pytest
from fastapi import FastAPI

from app.accounts.schemas import AccountRef
from app.core.db import Database
from app.hub.background import count
from app.hub.tables import Repository
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.hub import make_commit, make_repository
from tests.hf.conftest import Client

_COUNTER = {"X-HF-Download-Counter": "1"}
_FILE = "/ada/net/resolve/main/a.txt"


@pytest.fixture
async def ada(database: Database) -> AccountRef:
    return await make_user(database, "ada")


@pytest.fixture
async def repository(database: Database, app: FastAPI, ada: AccountRef) -> Repository:
    """ada/net."""
    return await make_repository(database, app.state.storage, ada, "net", files={"a.txt": b"1"})


@pytest.fixture
async def net(
    client: httpx.AsyncClient,
    database: Database,
    app: FastAPI,
    ada: AccountRef,
    repository: Repository,
) -> httpx.AsyncClient:
    """ada's client and her repositories ada/net and ada/still."""
    await make_repository(database, app.state.storage, ada, "still")
    client.headers.update(bearer(await make_token(database, ada)))
    return client


async def _info(net: httpx.AsyncClient, name: str = "net") -> dict[str, int]:
    fields = "downloads,downloadsAllTime,likes,trendingScore"
    found: dict[str, int] = (await net.get(f"/api/models/ada/{name}?expand={fields}")).json()
    return found


async def test_a_hundred_downloads_by_one_person_in_a_day_count_once(
    net: httpx.AsyncClient,
) -> None:
    for _ in range(100):
        await net.head(_FILE, headers=_COUNTER)
    page = (await net.get("/ada/net", headers={"Accept": "text/html"})).text
    info = await _info(net)
    assert (info["downloads"], info["downloadsAllTime"]) == (1, 1)
    assert "every single one: 100" in page


async def test_each_person_and_each_snapshot_counts(
    net: httpx.AsyncClient,
    database: Database,
    app: FastAPI,
    ada: AccountRef,
    repository: Repository,
) -> None:
    bob = bearer(await make_token(database, await make_user(database, "bob")))
    for headers in (_COUNTER, _COUNTER | bob, {}):
        await net.get(_FILE, headers=headers)
    await make_commit(database, app.state.storage, ada, repository, {"a.txt": b"2"})
    await net.get(_FILE, headers=_COUNTER)
    assert (await _info(net))["downloads"] == 3


async def test_adding_up_changes_no_number_and_sorts_the_list(
    net: httpx.AsyncClient, database: Database
) -> None:
    await net.get(_FILE, headers=_COUNTER)
    before = await _info(net)
    assert await count(database) == 1
    assert await count(database) == 0
    after = await _info(net)
    rows = (await net.get("/api/models?sort=downloads")).json()
    assert before["downloads"] == after["downloads"] == 1
    assert [(row["id"], row["downloads"]) for row in rows] == [("ada/net", 1), ("ada/still", 0)]


async def test_a_like_counts_once_and_can_be_taken_back(net: httpx.AsyncClient) -> None:
    for _ in range(2):
        await net.post("/api/models/ada/net/like")
    liked = await _info(net)
    likers = (await net.get("/api/models/ada/net/likers")).json()
    mine = (await net.get("/api/users/ada/likes")).json()
    for _ in range(2):
        await net.delete("/api/models/ada/net/like")
    assert (liked["likes"], liked["trendingScore"]) == (1, 3)
    assert [row["user"] for row in likers] == ["ada"]
    assert mine[0]["repo"] == {"name": "ada/net", "type": "model"}
    assert await _info(net) | {"_id": ""} == {
        "_id": "", "id": "ada/net", "modelId": "ada/net", "downloads": 0,
        "downloadsAllTime": 0, "likes": 0, "trendingScore": 0,
    }  # fmt: skip


async def test_rising_follows_the_published_formula(
    net: httpx.AsyncClient, database: Database
) -> None:
    await net.post("/api/models/ada/still/like")
    for name in ("bob", "eve"):
        token = await make_token(database, await make_user(database, name))
        await net.get(_FILE, headers=_COUNTER | bearer(token))
    await count(database)
    first = [(row["id"], row["trendingScore"]) for row in (await net.get("/api/models")).json()]
    await net.post("/api/models/ada/net/like")
    second = [(row["id"], row["trendingScore"]) for row in (await net.get("/api/models")).json()]
    assert first == [("ada/still", 3), ("ada/net", 2)]
    assert second == [("ada/net", 5), ("ada/still", 3)]


async def test_a_private_like_is_shown_to_who_may_see_the_repository(
    net: httpx.AsyncClient,
) -> None:
    await net.post("/api/models/ada/net/like")
    await net.put("/api/models/ada/net/settings", json={"private": True})
    mine = (await net.get("/api/users/ada/likes")).json()
    net.headers.pop("authorization")
    assert len(mine) == 1
    assert (await net.get("/api/users/ada/likes")).json() == []
    assert (await net.post("/api/models/ada/still/like")).status_code == 401


def test_the_stock_client_counts_likes_and_unlikes(hf: Client) -> None:
    result = hf("""
import httpx2
api.create_repo("ada/net")
headers = {"Authorization": "Bearer " + os.environ["HF_TOKEN"]}
httpx2.post(os.environ["HF_ENDPOINT"] + "/api/models/ada/net/like", headers=headers)
seen = [[u.username for u in api.list_repo_likers("ada/net")], api.list_liked_repos().models]
api.unlike("ada/net")
info = api.model_info("ada/net", expand=["likes", "downloads", "trendingScore"])
seen += [info.likes, info.downloads, info.trending_score]
seen += [r.id for r in api.list_user_repos()]
seen += [api.get_user_overview("ada").num_models, sorted(api.get_model_tags())]
result = seen
""")
    assert result == [["ada"], ["ada/net"], 0, 0, 0, "ada/net", 1, ["region"]]
