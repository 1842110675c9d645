"""Feeds: valid by RFC 4287 and JSON Feed 1.1, cheap to ask again, and private where lists are."""

import re
from datetime import datetime
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import httpx
import pytest

from app.hub.schemas import RepositoryKind
from app.questions import service as questions
from app.search.service import catch_up
from app.tutorials.schemas import TutorialText
from app.tutorials.service import publish
from tests.factories.accounts import sign_in
from tests.factories.hub import make_repository
from tests.notifications.conftest import News

_A = "{http://www.w3.org/2005/Atom}"
FEEDS = {
    "/models": "ada/net",
    "/models?q=net": "ada/net",
    "/datasets": "ada/flowers",
    "/tutorials": "Freezing",
    "/ada/net/discussions": "Why?",
    "/datasets/ada/flowers/discussions": "Which?",
    "/ada": "ada/net",
    "/search?q=net": "ada/net",
    "/questions": "Why does it overfit so?",
    "/tags/overfitting": "Why does it overfit so?",
}


@pytest.fixture
async def filled(news: News) -> News:
    """A site with something in each list."""
    ada = news.people["ada"]
    await make_repository(news.database, news.storage, ada, "flowers", kind=RepositoryKind.DATASET)
    await news.discuss("eve", "Why?")
    await news.client.post(
        "/api/datasets/ada/flowers/discussions",
        json={"title": "Which?", "description": "x"},
        headers=news.headers["eve"],
    )
    async with news.database.transaction() as db:
        await publish(db, "freezing", TutorialText("en", "Freezing", "What to freeze", "Text"))
        await questions.plant_tags(db)
    body = {"title": "Why does it overfit so?", "body": "What to try?", "tags": ["overfitting"]}
    asked = await news.client.post("/api/v1/questions", json=body, headers=news.headers["eve"])
    assert asked.status_code == 201, asked.text
    await catch_up(news.database, news.storage)
    return news


def _feed_of(address: str, form: str) -> str:
    path, _mark, query = address.partition("?")
    return f"{path}.{form}" + (f"?{query}" if query else "")


def _check_atom(answer: httpx.Response) -> ET.Element:
    """Hold a feed against what RFC 4287 asks for, and return it."""
    assert answer.headers["content-type"].startswith("application/atom+xml")
    root = ET.fromstring(answer.content)  # our own
    assert root.tag == f"{_A}feed"
    links = {link.get("rel"): link.get("href") for link in root.findall(f"{_A}link")}
    assert links["self"] == f"http://testserver{answer.request.url.raw_path.decode()}"
    ids = []
    for part in (root, *root.findall(f"{_A}entry")):
        for name in ("id", "title", "updated"):
            assert len(part.findall(f"{_A}{name}")) == 1, name
        ids.append(part.findtext(f"{_A}id") or "")
        assert urlsplit(ids[-1]).scheme in {"tag", "http"}
        moment = datetime.fromisoformat(part.findtext(f"{_A}updated") or "")
        assert moment.tzinfo is not None
        alternates = [x for x in part.findall(f"{_A}link") if x.get("rel") == "alternate"]
        assert len(alternates) == 1
    assert len(set(ids)) == len(ids)
    assert root.find(f"{_A}author/{_A}name") is not None
    return root


async def test_every_list_has_a_feed_in_both_forms_and_its_page_names_them(
    filled: News,
) -> None:
    for address, title in FEEDS.items():
        atom = await filled.client.get(_feed_of(address, "atom"))
        told = await filled.client.get(_feed_of(address, "json"))
        page = await filled.client.get(address, headers={"Accept": "text/html"})
        root = _check_atom(atom)
        assert title in [one.findtext(f"{_A}title") for one in root.findall(f"{_A}entry")], address
        assert [item["title"] for item in told.json()["items"]] == [
            one.findtext(f"{_A}title") for one in root.findall(f"{_A}entry")
        ]
        assert told.json()["version"] == "https://jsonfeed.org/version/1.1"
        named = re.findall(r'application/(?:atom\+xml|feed\+json)"[^>]*href="([^"]+)"', page.text)
        assert named == [_feed_of(address, "atom"), _feed_of(address, "json")]


async def test_entries_lead_to_pages_that_are_there(filled: News) -> None:
    for address in FEEDS:
        for item in (await filled.client.get(_feed_of(address, "json"))).json()["items"]:
            path = item["url"].removeprefix("http://testserver")
            assert (await filled.client.get(path)).status_code == 200, path


async def test_an_empty_feed_is_valid(news: News) -> None:
    _check_atom(await news.client.get("/models.atom?q=nothing_is_called_so"))


async def test_what_xml_cannot_hold_does_not_break_a_feed(news: News) -> None:
    await news.discuss("eve", "A\x01B <&> ]]> \U0001f600 \ufffe")
    root = _check_atom(await news.client.get("/ada/net/discussions.atom"))
    assert root.findtext(f"{_A}entry/{_A}title") == "A�B <&> ]]> 😀 �"


@pytest.mark.parametrize("form", ["atom", "json"])
async def test_asking_again_costs_no_body(filled: News, form: str) -> None:
    address = f"/models.{form}"
    first = await filled.client.get(address)
    by_tag = await filled.client.get(address, headers={"If-None-Match": first.headers["etag"]})
    since = {"If-Modified-Since": first.headers["last-modified"]}
    by_time = await filled.client.get(address, headers=since)
    await make_repository(filled.database, filled.storage, filled.people["ada"], "newer")
    later = await filled.client.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert [answer.status_code for answer in (by_tag, by_time, later)] == [304, 304, 200]


async def test_private_things_are_in_no_feed_but_for_who_may_see_them(news: News) -> None:
    ada = news.people["ada"]
    await make_repository(news.database, news.storage, ada, "hidden", private=True)
    await sign_in(news.client, "ada")
    await news.client.post("/settings/feeds")
    page = (await news.client.get("/settings/feeds")).text
    key = re.findall(r"feed_key=([0-9a-f.]+)", page)[0]
    news.client.cookies.clear()
    for address in ("/models.atom", "/ada.atom"):
        without = await news.client.get(address)
        own = await news.client.get(f"{address}?feed_key={key}")
        assert "hidden" not in without.text
        assert "ada/hidden" in own.text
        assert key not in own.text
    assert (await news.client.get("/ada/hidden/discussions.atom")).status_code == 404


async def test_a_key_opens_feeds_alone_until_it_is_taken_back(news: News) -> None:
    await news.discuss("eve")
    await news.tell()
    await sign_in(news.client, "ada")
    keys = []
    for _n in range(2):
        await news.client.post("/settings/feeds")
        page = (await news.client.get("/settings/feeds")).text
        keys.append(re.findall(r"feed_key=([0-9a-f.]+)", page)[0])
    news.client.cookies.clear()
    old, new = [await news.client.get(f"/notifications.atom?feed_key={key}") for key in keys]
    elsewhere = await news.client.get(f"/notifications?feed_key={keys[1]}")
    forged = await news.client.get("/notifications.atom?feed_key=1.2.00")
    await news.client.post("/settings/feeds/revoke", headers=news.headers["ada"])
    late = await news.client.get(f"/notifications.atom?feed_key={keys[1]}")
    assert _check_atom_title(new) == "Why?: eve opened it"
    assert [answer.status_code for answer in (old, forged, late)] == [401, 401, 401]
    assert elsewhere.status_code in {303, 401}


def _check_atom_title(answer: httpx.Response) -> str:
    root = ET.fromstring(answer.content)  # our own
    return root.findtext(f"{_A}entry/{_A}title") or ""


async def test_a_key_opens_no_file_whose_name_ends_like_a_feeds(news: News) -> None:
    files = {"config.json": b'{"hidden": 1}'}
    ada = news.people["ada"]
    await make_repository(news.database, news.storage, ada, "secret", private=True, files=files)
    await sign_in(news.client, "ada")
    await news.client.post("/settings/feeds")
    page = (await news.client.get("/settings/feeds")).text
    key = re.findall(r"feed_key=([0-9a-f.]+)", page)[0]
    path = "/ada/secret/resolve/main/config.json"
    assert (await news.client.get(path)).status_code == 200
    news.client.cookies.clear()
    answer = await news.client.get(f"{path}?feed_key={key}")
    assert answer.status_code in {401, 404}


async def test_a_moment_that_no_calendar_holds_is_no_mistake_of_the_site(news: News) -> None:
    since = {"If-Modified-Since": "Mon, 01 Jan 99999999999 00:00:00 GMT"}
    assert (await news.client.get("/models.atom", headers=since)).status_code == 200
