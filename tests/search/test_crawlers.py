"""What search engines are told: every public page once, nothing private, and a picture of each."""

import io
import re
from html import unescape
from xml.etree import ElementTree as ET

import httpx
from PIL import Image

from app.core.db import Database
from app.search import service
from tests.factories.hub import make_repository
from tests.hub.conftest import Hub, hub, storage

__all__ = ["hub", "storage"]
SPACE = "{http://www.sitemaps.org/schemas/sitemap/0.9}loc"


def locations(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/xml")
    return [one.text or "" for one in ET.fromstring(answer.text).iter(SPACE)]


async def test_the_site_map_lists_what_is_public_alone(hub: Hub, database: Database) -> None:
    await make_repository(database, hub.storage, hub.owner, "hidden", private=True)
    await make_repository(database, hub.storage, hub.owner, "later")
    await service.catch_up(database, hub.storage)
    later = "/api/models/ada/later/settings"
    answer = await hub.client.put(later, json={"private": True}, headers=hub.headers)
    assert answer.status_code == 200, answer.text
    maps = locations(await hub.client.get("/sitemap.xml"))
    assert maps == ["http://testserver/sitemap-0.xml"]
    for headers in ({}, hub.headers):
        found = locations(await hub.client.get("/sitemap-0.xml", headers=headers))
        assert set(found) == {"http://testserver/ada/net", "http://testserver/ada"}
    assert (await hub.client.get("/sitemap-9.xml")).status_code == 200


async def test_robots_find_the_site_map_and_keep_off_the_search(
    client: httpx.AsyncClient,
) -> None:
    told = (await client.get("/robots.txt")).text
    assert "Sitemap: http://testserver/sitemap.xml" in told
    assert "Disallow: /search" in told


async def test_a_page_names_itself_its_languages_and_its_picture(hub: Hub) -> None:
    page = (await hub.client.get("/ada/net?sort=x")).text
    head = " ".join(page.partition("</head>")[0].split())
    assert '<link rel="canonical" href="http://testserver/ada/net">' in head
    for code in ("zh-CN", "en"):
        assert f'hreflang="{code}" href="http://testserver/ada/net?lang={code}"' in head
    assert '<meta property="og:title" content="ada/net' in page
    found = re.search(r'property="og:image"\s+content="http://testserver([^"]+)"', page)
    assert found is not None
    address = unescape(found[1])
    picture = await hub.client.get(address)
    assert Image.open(io.BytesIO(picture.content)).size == (1200, 630)
    again = await hub.client.get(address, headers={"If-None-Match": picture.headers["etag"]})
    assert again.status_code == 304


async def test_nobody_else_writes_on_the_pictures(client: httpx.AsyncClient) -> None:
    answer = await client.get("/picture.png", params={"t": "Buy this", "s": "0" * 32})
    assert answer.status_code == 404


async def test_what_is_nowhere_and_what_was_searched_is_not_to_be_indexed(
    client: httpx.AsyncClient,
) -> None:
    for path in ("/nobody/nothing", "/search?q=net"):
        page = (await client.get(path, headers={"Accept": "text/html"})).text
        assert '<meta name="robots" content="noindex">' in page
        assert "canonical" not in page


async def test_a_browser_learns_how_to_search_here(client: httpx.AsyncClient) -> None:
    told = (await client.get("/opensearch.xml")).text
    assert "http://testserver/search?q={searchTerms}" in told
    assert "/opensearch.xml" in (await client.get("/models")).text
