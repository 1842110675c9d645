"""Finding: both languages, what is private, addresses that stay, search engines."""

import json
import re
import time
from xml.etree import ElementTree as ET

import httpx
from sqlalchemy import text

from app.tutorials.schemas import TutorialText
from app.tutorials.service import publish
from tests.acceptance.conftest import API, TITLE, Village
from tests.factories.hub import make_repository

ATOM = "{http://www.w3.org/2005/Atom}"
MANY = """
INSERT INTO search_document (kind, subject_id, language, part, private, place, title, body, labels,
  author, words, quality, score, created_at, updated_at)
SELECT 'question', n, 'zh', 0, false, '/questions/' || n, 'title', '', '{kind:question}', '',
  (SELECT string_agg(format('''w%s'':%s', (n * k) % 4999, k), ' ') FROM generate_series(1, 20) k)
    ::tsvector || '''kind:question'''::tsvector,
  random(), 0, now(), now()
FROM generate_series(1000, 21000) n
"""


async def test_chinese_and_english_words_find_their_text_among_twenty_thousand(
    village: Village,
) -> None:
    async with village.database.transaction() as db:
        await publish(
            db, "lesson", TutorialText("zh-CN", "两步微调", "先冻结", "防止 overfitting。")
        )
        await db.execute(text(MANY))
    await village.index()
    await village.get("/search?q=warm")
    for word in ("微调", "overfits"):
        began = time.monotonic()
        found = await village.get(f"/api/v1/search?q={word}")
        assert time.monotonic() - began < 0.2
        assert "/tutorials/lesson" in found.text


async def test_what_is_said_of_a_private_model_is_nowhere_for_outsiders(village: Village) -> None:
    num = await village.discuss("ada", title="Secret words", words="@eve look at the hidden thing")
    await village.index()
    hidden = {"private": True}
    await village.client.put(f"{API}/settings", json=hidden, headers=village.headers["ada"])
    await village.index()
    for path in (f"/ada/net/discussions/{num}", "/ada/net/discussions.atom", "/ada/net"):
        for who in ("", "eve"):
            answer = await village.get(path, who)
            assert answer.status_code in {401, 404}, (path, who)
    for path in ("/search?q=hidden", "/search.atom?q=hidden", "/ada.atom", "/ada"):
        assert "Secret words" not in (await village.get(path, "eve")).text
    assert await village.told("eve") == []
    assert "Secret words" in (await village.get("/search?q=hidden", "ada")).text


async def test_an_old_address_leads_to_the_new_one_in_one_step(village: Village) -> None:
    asked = await village.ask("ada")
    number = asked["id"]
    for path in (f"/questions/{number}/an-old-title", f"/q/{number}", f"/questions/{number}"):
        answer = await village.get(path)
        assert answer.status_code in {301, 308}, path
        assert answer.headers["location"] == asked["url"]
    moved = {"fromRepo": "ada/net", "toRepo": "ada/web", "type": "model"}
    assert (await village.post("/api/repos/move", moved)).status_code == 200
    answer = await village.get("/ada/net/tree/main")
    assert answer.status_code in {301, 307, 308}
    assert answer.headers["location"] == "/ada/web/tree/main"
    assert (await village.get("/ada/web/tree/main")).status_code == 200


async def test_a_search_has_a_feed_and_private_feeds_want_a_key(village: Village) -> None:
    ada = village.people["ada"]
    storage = village.site.state.storage
    await make_repository(village.database, storage, ada, "hidden-net", private=True)
    await village.index()
    feed = await village.get("/search.atom?q=net")
    assert feed.headers["content-type"].startswith("application/atom+xml")
    root = ET.fromstring(feed.content)
    assert [one.findtext(f"{ATOM}title") for one in root.findall(f"{ATOM}entry")] == ["ada/net"]
    assert (await village.get("/notifications.atom")).status_code == 401
    async with village.browser("ada") as browser:
        page = (await browser.post("/settings/feeds", follow_redirects=True)).text
        key = re.search(r"feed_key=([\w.-]+)", page)
    assert key, page
    assert (await village.get(f"/notifications.atom?feed_key={key[1]}")).status_code == 200
    assert "hidden-net" in (await village.get(f"/ada.atom?feed_key={key[1]}")).text
    assert "hidden-net" not in (await village.get("/ada.atom")).text


def _locations(answer: httpx.Response) -> list[str]:
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}loc"
    return [one.text or "" for one in ET.fromstring(answer.text).iter(space)]


async def test_search_engines_read_the_accepted_answer_and_public_addresses_alone(
    village: Village,
) -> None:
    asked = await village.ask("ada")
    post = await village.answer(asked["id"], "bob", "Use dropout.")
    await village.send("PUT", f"/posts/{post}/accepted", "ada")
    storage = village.site.state.storage
    await make_repository(village.database, storage, village.people["ada"], "hidden", private=True)
    await village.index()
    page = await village.page(asked["url"])
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert found
    told = json.loads(found[1])
    assert (told["@type"], told["mainEntity"]["name"]) == ("QAPage", TITLE)
    assert told["mainEntity"]["acceptedAnswer"]["text"] == "Use dropout."
    (part,) = _locations(await village.get("/sitemap.xml"))
    listed = _locations(await village.get(part.removeprefix("http://testserver")))
    assert f"http://testserver{asked['url']}" in listed
    for address in listed:
        path = address.removeprefix("http://testserver")
        page = await village.page(path)
        assert f'<link rel="canonical" href="{address}">' in " ".join(page.split()), path
    assert "hidden" not in "".join(listed)
