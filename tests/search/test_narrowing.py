"""Narrowing a search: facets, operators, orders, and what was meant by a word typed wrong."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.core.db import AsyncSession, Database
from app.core.storage import BlobStore
from app.search import service
from app.search.schemas import Draft, Kind
from app.tutorials.tables import Tutorial
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.hub import make_repository
from tests.hub.conftest import Hub, hub, storage

__all__ = ["hub", "storage"]
START = datetime(2026, 3, 1, tzinfo=UTC)
CARD = b"---\nlicense: mit\npipeline_tag: translation\ntags:\n- vision\n---\n# Flowers\n"


def tutorial(number: int, title: str, body: str = "", **more: Any) -> Draft:
    moment = START + timedelta(days=number)
    facts = {"created_at": moment, "updated_at": moment, "place": f"/tutorials/{number}", **more}
    return Draft(kind=Kind.TUTORIAL, subject_id=number, title=title, body=body, **facts)


@pytest.fixture
async def shelf(client: httpx.AsyncClient, database: Database) -> httpx.AsyncClient:
    """Return a visitor's client of a site with a few texts, put straight into the index."""
    texts = [
        tutorial(1, "语义分割", "给每个像素一个类别。", language="zh", tags=["vision"], score=9),
        tutorial(2, "学习率预热", "先用很小的学习率。", language="zh"),
        tutorial(3, "Segmentation of roads", "A net.\n```\ncode\n```", language="en", score=2,
                 tags=["vision", "two words"], updated_at=START + timedelta(days=90)),
        tutorial(4, "Segmentation of cells", "CUDA out of memory. Tried to allocate 2 GiB.",
                 language="en", facts=[("has", "accepted"), ("job", "12"), ("is", "answered")]),
        *(tutorial(9 + n, f"Overfitting, part {n}") for n in range(4)),
    ]  # fmt: skip
    async with database.transaction() as db:
        for text in texts:
            await known(db, text.subject_id)
        await service.put(db, texts)
    return client


async def known(db: AsyncSession, number: int) -> None:
    """A tutorial of this number: only what is there may be shown."""
    row = Tutorial(slug=f"tutorial-{number}")
    row.id = number
    db.add(row)
    await db.flush()


async def search(client: httpx.AsyncClient, query: str, **more: Any) -> Any:
    answer = await client.get("/api/v1/search", params={"q": query, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def numbers(found: Any) -> list[int]:
    return [int(hit["url"].rpartition("/")[2]) for hit in found["hits"]]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("tag:vision", {1, 3}),
        ('tag:"two words"', {3}),
        ("segmentation -tag:vision", {4}),
        ("has:accepted", {4}),
        ("has:code segmentation", {3}),
        ("segmentation -has:code", {4}),
        ("is:answered", {4}),
        ("job:12", {4}),
        ("job:#12", {4}),
        ("lang:zh", {1, 2}),
        ("is:tutorial score:>2", {1}),
        ("is:tutorial score:2", {1, 3}),
        ("before:2026-03-03", {1}),
        ("after:2026-03-03 before:2026-03-05", {2, 3}),
        ('error:"CUDA out of memory. Tried to allocate 20.5 GiB"', {4}),
        ('segmentation -error:"CUDA out of memory"', {3}),
        ('segmentation -"of cells"', {3}),
    ],
)
async def test_an_operator_narrows_a_search(
    shelf: httpx.AsyncClient, query: str, wanted: set[int]
) -> None:
    found = await search(shelf, query)
    assert set(numbers(found)) == wanted
    assert found["total"] == len(wanted)
    assert found["unknown"] == []


@pytest.mark.parametrize("query", ["is:purple", "has:wings", "job:twelve", "size:3"])
async def test_an_operator_that_means_nothing_is_told(shelf: httpx.AsyncClient, query: str) -> None:
    assert (await search(shelf, f"{query} segmentation"))["unknown"]


@pytest.mark.parametrize(
    ("sort", "wanted"),
    [("new", [4, 3]), ("votes", [3, 4]), ("active", [3, 4])],
)
async def test_hits_are_ordered_as_asked(
    shelf: httpx.AsyncClient, sort: str, wanted: list[int]
) -> None:
    assert numbers(await search(shelf, "segmentation", sort=sort)) == wanted


async def test_a_facet_says_how_many_are_left_and_leaves_so_many(
    shelf: httpx.AsyncClient,
) -> None:
    found = await search(shelf, "segmentation")
    facets = {(one["operator"], one["value"]): one["number"] for one in found["facets"]}
    assert facets == {("tag", "vision"): 1, ("tag", "two words"): 1, ("has", "accepted"): 1,
                      ("has", "code"): 1}  # fmt: skip
    for (operator, value), number in facets.items():
        assert (await search(shelf, f'segmentation {operator}:"{value}"'))["total"] == number


async def test_the_page_offers_its_facets_as_links_that_keep_the_question(
    shelf: httpx.AsyncClient,
) -> None:
    page = (await shelf.get("/search", params={"q": "segmentation", "sort": "votes"})).text
    assert "/search?sort=votes&amp;q=segmentation+tag%3Avision" in page


@pytest.mark.parametrize(("typed", "wanted"), [("语意分割", 1), ("学习律预热", 2), ("分割语义", 1)])
async def test_a_wrong_chinese_letter_finds_the_word_all_the_same(
    shelf: httpx.AsyncClient, typed: str, wanted: int
) -> None:
    found = await search(shelf, typed)
    assert found["loose"]
    assert numbers(found)[0] == wanted


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("overfirting", "overfitting"), ("Segmentationn of roads", "segmentation of roads")],
)
async def test_a_typing_error_is_put_right(
    shelf: httpx.AsyncClient, typed: str, meant: str
) -> None:
    assert (await search(shelf, typed))["meant"] == meant
    page = (await shelf.get("/search", params={"q": typed}, headers={"Accept-Language": "en"})).text
    assert f"{meant}</a>?" in page


async def test_a_right_word_is_not_put_right(shelf: httpx.AsyncClient) -> None:
    assert (await search(shelf, "overfitting"))["meant"] == ""


async def test_no_word_of_a_private_text_is_suggested(hub: Hub, database: Database) -> None:
    made = await make_repository(
        database, hub.storage, hub.owner, "x", files={"README.md": b"# Chrysanthemum"}, private=True
    )
    await service.catch_up(database, hub.storage)
    assert (await search(hub.client, "chrysantemum"))["meant"] == ""
    body = {"private": False}
    path = f"/api/models/ada/{made.name}/settings"
    assert (await hub.client.put(path, json=body, headers=hub.headers)).status_code == 200
    await service.catch_up(database, hub.storage)
    assert (await search(hub.client, "chrysantemum"))["meant"] == "chrysanthemum"
    body["private"] = True
    assert (await hub.client.put(path, json=body, headers=hub.headers)).status_code == 200
    assert (await search(hub.client, "chrysantemum"))["meant"] == ""


async def test_facets_count_no_private_thing(
    hub: Hub, database: Database, storage: BlobStore
) -> None:
    for name, private in (("rose", False), ("iris", True)):
        await make_repository(
            database, storage, hub.owner, name, files={"README.md": CARD}, private=private
        )
    await make_repository(database, storage, hub.owner, "flowers")
    await service.catch_up(database, storage)
    found = await search(hub.client, "ada is:model")
    assert {"operator": "task", "value": "translation", "number": 1} in found["facets"]
    own = await hub.client.get("/api/v1/search", params={"q": "ada is:model"}, headers=hub.headers)
    assert {"operator": "task", "value": "translation", "number": 2} in own.json()["facets"]


async def test_only_an_administrator_is_told_how_hits_were_ranked(
    shelf: httpx.AsyncClient, database: Database
) -> None:
    admin = await make_user(database, "grace", is_admin=True)
    asked = {"q": "segmentation", "explain": "true"}
    assert (await search(shelf, query="segmentation", explain="true"))["hits"][0]["ranked_by"] == {}
    headers = bearer(await make_token(database, admin, "all"))
    answer = await shelf.get("/api/v1/search", params=asked, headers=headers)
    parts = answer.json()["hits"][0]["ranked_by"]
    assert set(parts) == {"words", "quality", "votes", "accepted", "fresh", "language"}
    assert 0 < parts["words"] < 1


async def test_a_text_that_is_gone_takes_its_words_along(
    client: httpx.AsyncClient, database: Database
) -> None:
    async with database.transaction() as db:
        await service.put(db, [tutorial(1, "Chrysanthemum")])
        await service.put(db, [tutorial(1, "Rose", "petals")])
    assert (await search(client, "chrysanthemum"))["total"] == 0
    assert (await search(client, "chrysantemum"))["meant"] == ""
    async with database.transaction() as db:
        await service.put(db, [], [(Kind.TUTORIAL, 1)])
    assert (await search(client, "rose"))["total"] == 0
