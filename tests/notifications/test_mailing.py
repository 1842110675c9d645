"""Letters: at once or gathered, ended with one click, put together as threads; over real SMTP."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from email.message import EmailMessage

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import update

from app.accounts.tables import User
from app.core.clock import now
from app.core.settings import Settings
from app.mail.schemas import Letter
from app.mail.service import enqueue
from app.notifications import service
from app.notifications.tables import Notification
from tests.factories.mail import PostOffice, post_office, send_letters
from tests.notifications.conftest import News

SITE = "https://hub.example"


@pytest.fixture
async def office() -> AsyncIterator[PostOffice]:
    async with post_office() as running:
        yield running


@pytest.fixture
def settings(settings: Settings, office: PostOffice) -> Settings:
    """Settings of a site that sends letters through the post office."""
    mailing = {"smtp_url": SecretStr(office.url), "mail_from": "T <t@e.x>", "site_url": SITE}
    return settings.model_copy(update=mailing)


class Post:
    """News whose letters are sent when they are looked for."""

    def __init__(self, news: News, office: PostOffice, app: FastAPI) -> None:
        self.news, self.office, self.app = news, office, app

    async def to(self, who: str) -> list[EmailMessage]:
        await self.news.tell()
        database, settings = self.news.database, self.app.state.settings
        while await service.mail_instant(database, settings):
            continue
        await service.mail_digests(database, settings)
        await send_letters(database, settings)
        return self.office.to(f"{who}@example.org")

    async def age(self, by: timedelta) -> None:
        await self.news.tell()
        async with self.news.database.transaction() as db:
            await db.execute(update(Notification).values(created_at=now() - by))

    async def choose(self, who: str, kind: str, mail: str) -> None:
        await self.news.client.put(
            f"/api/v1/notifications/choices/{kind}",
            json={"in_app": True, "mail": mail},
            headers=self.news.headers[who],
        )


@pytest.fixture
async def post(news: News, office: PostOffice, app: FastAPI) -> Post:
    async with news.database.transaction() as db:
        await db.execute(update(User).values(email_confirmed_at=now()))
    return Post(news, office, app)


def _text(letter: EmailMessage) -> str:
    body = letter.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def _ending(letter: EmailMessage) -> str:
    return str(letter["List-Unsubscribe"]).strip("<>").replace("\n", "").replace(" ", "")


async def test_a_mention_is_mailed_at_once_and_the_rest_waits_for_its_letter(
    post: Post, news: News
) -> None:
    num = await news.discuss("eve", "Why?")
    await news.say(num, "Look, @ada & co", "bob")
    (letter,) = await post.to("ada")
    assert letter["Subject"] == "Re: [ada/net] Why?"
    assert "bob commented." in _text(letter)
    assert "Look, @ada & co" in _text(letter)
    assert re.search(rf"{SITE}/ada/net/discussions/{num}#comment-\d+", _text(letter))
    assert await post.to("ada") == [letter]


async def test_letters_of_a_thread_refer_to_one_root(post: Post, news: News) -> None:
    num = await news.discuss("eve")
    await news.say(num, "@ada", "bob")
    await news.say(num, "@ada again", "bob")
    first, second = await post.to("ada")
    assert first["References"] == second["References"] == second["In-Reply-To"]
    assert first["Message-ID"] != second["Message-ID"]


async def test_one_click_without_cookies_ends_only_that_kind(post: Post, news: News) -> None:
    num = await news.discuss("eve")
    await news.say(num, "@ada", "bob")
    await news.say(num, "no name", "ada")
    (letter,) = await post.to("ada")
    path = _ending(letter).removeprefix(SITE)
    looked = await news.client.get(path)
    ended = await news.client.post(path, data={"List-Unsubscribe": "One-Click"})
    await news.say(num, "@ada", "bob")
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert (looked.status_code, ended.status_code) == (200, 200)
    assert "ada gets no more mails" in ended.text
    assert await post.to("ada") == [letter]
    choices = (await news.asked("ada", "/choices")).json()
    assert {kind: one["mail"] for kind, one in choices.items() if one["mail"] != "weekly"} == {
        "mention": "off",
        "answer": "instant",
        "limit": "instant",
    }


@pytest.mark.parametrize("token", ["x", "1.mention.00", "9999.mention.ab", "1.mention.é", "x.y.z"])
async def test_a_token_we_did_not_make_ends_nothing(news: News, token: str) -> None:
    answer = await news.client.post(f"/notifications/unsubscribe/{token}")
    assert answer.status_code == 404


async def test_a_week_is_gathered_in_one_letter_by_thread(post: Post, news: News) -> None:
    num = await news.discuss("eve", "First")
    await news.say(num, "More", "bob")
    await news.discuss("bob", "Second")
    assert await post.to("ada") == []
    await post.age(timedelta(days=7))
    (letter,) = await post.to("ada")
    assert letter["Subject"] == "What happened this week: 2 threads"
    assert _text(letter).index("First") < _text(letter).index("Second")
    assert "bob commented" in _text(letter)
    assert await post.to("ada") == [letter]


async def test_ending_a_gathered_letter_ends_all_that_it_would_hold_and_nothing_else(
    post: Post, news: News
) -> None:
    await post.choose("ada", "comment", "daily")
    await news.discuss("eve")
    await post.age(timedelta(days=7))
    (letter,) = await post.to("ada")
    await news.client.post(_ending(letter).removeprefix(SITE))
    choices = (await news.asked("ada", "/choices")).json()
    assert (choices["opened"]["mail"], choices["comment"]["mail"]) == ("off", "daily")


async def test_what_was_read_or_may_not_be_seen_any_more_is_not_mailed(
    post: Post, news: News
) -> None:
    num = await news.discuss("eve")
    await news.say(num, "@bob", "ada")
    await news.say(num, "@ada", "eve")
    await news.tell()
    await news.do("ada", action="read", everything=True)
    await news.client.put(
        "/api/models/ada/net/settings", json={"private": True}, headers=news.headers["ada"]
    )
    assert (await post.to("ada"), await post.to("bob")) == ([], [])
    assert any("you had read it before" in line for line in await news.why("ada"))


async def test_letters_speak_the_language_of_their_reader(post: Post, news: News) -> None:
    await news.client.patch("/api/v1/me", json={"language": "zh-CN"}, headers=news.headers["ada"])
    await news.say(await news.discuss("eve", "为什么"), "@ada", "bob")
    (letter,) = await post.to("ada")
    assert "bob 发表了评论" in _text(letter)


async def test_an_address_that_was_refused_gets_no_more_letters(
    post: Post, news: News, office: PostOffice
) -> None:
    office.refused["ada@example.org"] = "550 No such person"
    async with news.database.transaction() as db:
        await enqueue(db, Letter("ada@example.org", "greeting", "Hello", "Words"))
    await send_letters(news.database, post.app.state.settings)
    office.refused.clear()
    await news.say(await news.discuss("eve"), "@ada", "bob")
    assert await post.to("ada") == []
    assert any("no mail reaches your address" in line for line in await news.why("ada"))


async def test_where_no_mail_is_sent_the_ledger_says_so(post: Post, news: News) -> None:
    quiet = post.app.state.settings.model_copy(update={"smtp_url": SecretStr("")})
    post.app.state.settings = quiet
    await news.say(await news.discuss("eve"), "@ada", "bob")
    await post.to("ada")
    assert any("the site sends no mail" in line for line in await news.why("ada"))


async def test_an_address_that_nobody_confirmed_gets_no_letters(post: Post, news: News) -> None:
    async with news.database.transaction() as db:
        hers = update(User).where(User.account_id == news.people["ada"].id)
        await db.execute(hers.values(email_confirmed_at=None))
    await news.say(await news.discuss("eve"), "@ada", "bob")
    assert await post.to("ada") == []
    assert any("your address is not confirmed" in line for line in await news.why("ada"))
