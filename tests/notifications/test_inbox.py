"""The list of notifications: marking, undoing, narrowing, pages; by forms and by the API."""

import re

import httpx

from tests.factories.accounts import sign_in
from tests.factories.hub import make_repository
from tests.notifications.conftest import News


async def _page(news: News, query: str = "") -> str:
    answer = await news.client.get(f"/notifications{query}")
    assert answer.status_code == 200, answer.text
    return answer.text


async def _signed_in(news: News, who: str = "ada") -> httpx.AsyncClient:
    await news.tell()
    await sign_in(news.client, who)
    return news.client


def _titles(page: str) -> list[str]:
    return re.findall(r'news-title"\s+href="[^"]+">([^<]+)<', page)


async def test_the_list_has_a_line_for_each_thread_with_its_newest_news(news: News) -> None:
    num = await news.discuss("eve", "Why?")
    await news.discuss("bob", "How?")
    await news.say(num, "Well", "bob")
    await _signed_in(news)
    page = await _page(news)
    assert _titles(page) == ["Why?", "How?"]
    assert "bob and 1 other commented" in page
    assert "2 new" in page


async def test_following_a_notification_leads_to_the_comment_and_reads_its_thread(
    news: News,
) -> None:
    num = await news.discuss("eve")
    await news.say(num, "Well", "eve")
    client = await _signed_in(news)
    link = re.findall(r"/notifications/\d+", await _page(news))[0]
    answer = await client.get(link)
    assert answer.headers["location"].startswith(f"/ada/net/discussions/{num}#comment-")
    assert await news.unread("ada") == 0
    assert _titles(await _page(news, "?state=all")) == ["Why?"]


async def test_somebody_elses_notification_is_not_there(news: News) -> None:
    await news.discuss("eve")
    await _signed_in(news)
    link = re.findall(r"/notifications/\d+", await _page(news))[0]
    client = await _signed_in(news, "bob")
    assert (await client.get(link)).status_code == 404


async def test_one_thread_is_put_aside_and_brought_back(news: News) -> None:
    await news.discuss("eve", "One")
    await news.discuss("eve", "Two")
    client = await _signed_in(news)
    thread = re.findall(r'value="(discussion:\d+)"', await _page(news))[0]
    answer = await client.post("/notifications", data={"action": f"done@{thread}"})
    after = await client.get(answer.headers["location"])
    assert _titles(after.text) == ["One"]
    assert _titles(await _page(news, "?state=done")) == ["Two"]
    moment = re.findall(r'name="moment"\s+value="([^"]+)"', after.text)[0]
    await client.post("/notifications/undo", data={"moment": moment.replace("&#43;", "+")})
    assert _titles(await _page(news)) == ["Two", "One"]


async def test_marking_all_leaves_what_came_since_the_page_was_shown(news: News) -> None:
    await news.discuss("eve", "Seen")
    client = await _signed_in(news)
    upto = re.findall(r'name="upto"\s+value="(\d+)"', await _page(news))[0]
    await news.discuss("eve", "Later")
    await news.tell()
    await client.post("/notifications", data={"action": "all-read", "upto": upto})
    assert _titles(await _page(news)) == ["Later"]


async def test_the_list_is_narrowed_by_kind_and_repository(news: News) -> None:
    other = await make_repository(news.database, news.storage, news.people["ada"], "other")
    await news.discuss("eve", "Why?")
    await news.client.post(
        "/api/models/ada/other/discussions",
        json={"title": "There", "description": "@ada"},
        headers=news.headers["eve"],
    )
    await _signed_in(news)
    assert _titles(await _page(news, "?kind=mention")) == ["There"]
    assert _titles(await _page(news, f"?repository={other.id}")) == ["There"]
    assert _titles(await _page(news, "?kind=status")) == []
    assert (await news.client.get("/notifications?kind=nothing")).status_code == 422


async def test_pages_follow_each_other_without_gaps(news: News) -> None:
    for n in range(27):
        await news.discuss("eve", f"T{n}")
    client = await _signed_in(news)
    first = await _page(news)
    following = re.findall(r'rel="next"\s+href="([^"]+)"', first)[0].replace("&amp;", "&")
    second = (await client.get(following)).text
    assert _titles(first) + _titles(second) == [f"T{n}" for n in range(26, -1, -1)]


async def test_the_api_marks_and_undoes_in_the_same_words(news: News) -> None:
    await news.discuss("eve")
    await news.tell()
    thread = (await news.asked("ada")).json()["items"][0]["thread"]
    read = (await news.do("ada", action="read", threads=[thread])).json()
    assert (read["marked"], await news.unread("ada")) == (1, 0)
    await news.do("ada", "/undo", undo=read["undo"])
    assert await news.unread("ada") == 1
    await news.do("ada", action="done", everything=True)
    assert await news.told("ada", "state=done") == [("opened", "opened", "owner")]
    await news.do("ada", action="unread", threads=[thread])
    assert await news.unread("ada") == 1


async def test_a_token_without_the_scope_and_a_visitor_see_nothing(news: News) -> None:
    visitor = await news.client.get("/api/v1/notifications")
    page = await news.client.get("/notifications", headers={"Accept": "text/html"})
    assert visitor.status_code == 401
    assert page.status_code in {303, 401}


async def test_watching_is_a_form_and_a_part_for_other_pages(news: News) -> None:
    client = await _signed_in(news, "bob")
    target = f"repository:{news.repository.id}"
    whole = await client.get(f"/notifications/choice?target={target}")
    part = await client.get(
        f"/notifications/choice?target={target}", headers={"HX-Request": "true"}
    )
    said = await client.post(
        "/notifications/choice", data={"target": target, "level": "watch", "back": "/ada/net"}
    )
    settings = await client.get("/settings/notifications")
    assert ("<html" in whole.text, "<html" in part.text) == (True, False)
    assert said.headers["location"] == "/ada/net"
    assert "Watching" in settings.text
    assert target in settings.text


async def test_what_one_may_not_see_cannot_be_watched(news: News) -> None:
    hidden = await make_repository(
        news.database, news.storage, news.people["ada"], "hidden", private=True
    )
    client = await _signed_in(news, "bob")
    answers = [
        await client.get(f"/notifications/choice?target=repository:{hidden.id}"),
        await client.get("/notifications/choice?target=repository:999999"),
        await client.get("/notifications/choice?target=nothing"),
    ]
    assert [answer.status_code for answer in answers] == [404] * 3


async def test_settings_are_stored_by_kind_and_channel(news: News) -> None:
    client = await _signed_in(news)
    answer = await client.post(
        "/settings/notifications",
        data={"mail-mention": "daily", "app-comment": "on", "mail-comment": "off"},
    )
    found = (await client.get("/api/v1/notifications/choices")).json()
    assert answer.status_code == 303
    assert found["mention"] == {"in_app": False, "mail": "daily"}
    assert found["comment"] == {"in_app": True, "mail": "off"}
    assert found["answer"] == {"in_app": True, "mail": "instant"}


async def test_what_only_mails_are_told_does_not_swallow_the_mark_as_unread(news: News) -> None:
    num = await news.discuss("eve")
    await news.say(num, "Shown", "bob")
    await news.tell()
    choice = {"in_app": False, "mail": "weekly"}
    url = "/api/v1/notifications/choices/comment"
    await news.client.put(url, json=choice, headers=news.headers["ada"])
    await news.say(num, "Only by letter", "bob")
    await news.tell()
    thread = (await news.asked("ada", "?state=all")).json()["items"][0]["thread"]
    await news.do("ada", action="read", threads=[thread])
    assert await news.unread("ada") == 0
    await news.do("ada", action="unread", threads=[thread])
    assert await news.unread("ada") == 1
