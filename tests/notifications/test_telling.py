"""Who is told of what, and why: thread mute > mention > participation > watch."""

import pytest
from sqlalchemy import select, text

from app.comments import holding
from app.comments.tables import Comment
from app.core.clock import now
from app.core.db import Database
from app.notifications import background
from app.notifications.queries import choices, happenings
from app.notifications.schemas import Level, Target
from app.notifications.service import inbox, telling
from tests.factories.accounts import make_user
from tests.notifications.conftest import News

_OPENED = ("opened", "opened", "owner")


async def test_the_owner_is_told_of_a_discussion_and_its_author_is_not(news: News) -> None:
    await news.discuss("eve")
    assert await news.told("ada") == [_OPENED]
    assert await news.told("eve") == []
    assert await news.told("bob") == []


async def test_a_comment_reaches_owner_author_and_participants_each_for_their_reason(
    news: News,
) -> None:
    num = await news.discuss("eve")
    await news.say(num, "Me too", "bob")
    await news.say(num, "Soon", "ada")
    assert (await news.told("eve"))[-1] == ("commented", "answer", "author")
    assert (await news.told("bob"))[-1] == ("commented", "comment", "participation")
    assert (await news.told("ada"))[-1] == ("commented", "comment", "owner")
    assert await news.told("cyn") == []


async def test_who_is_named_is_told_so_once_however_they_are_concerned(news: News) -> None:
    num = await news.discuss("eve")
    await news.say(num, "@ADA @ada and @eve, and @nobody", "bob")
    assert (await news.told("ada"))[1:] == [("commented", "mention", "mention")]
    assert await news.told("eve") == [("commented", "mention", "mention")]


@pytest.mark.parametrize(
    "words",
    ["> @cyn said so", "`@cyn`", "```\n@cyn\n```", "cyn@cyn.org", "[@cyn](https://cyn.org)"],
)
async def test_quotes_code_and_addresses_name_nobody(news: News, words: str) -> None:
    await news.say(await news.discuss("eve"), f"{words}\n\nyes", "bob")
    assert await news.told("cyn") == []


async def test_at_most_ten_names_of_a_post_count(news: News) -> None:
    crowd = [await make_user(news.database, f"crowd{n}") for n in range(10)]
    names = " ".join(f"@{one.name}" for one in crowd)
    await news.say(await news.discuss("eve"), f"{names} @cyn", "bob")
    assert await news.told("cyn") == []


async def test_a_watcher_of_repository_thread_or_owner_is_told(news: News) -> None:
    num = await news.discuss("eve")
    await news.tell()
    thread = (await news.asked("ada")).json()["items"][0]["thread"]
    await news.set_level("bob", f"repository:{news.repository.id}", "watch")
    await news.set_level("cyn", thread, "watch")
    await news.say(num, "More", "eve")
    await news.discuss("eve", "Another")
    assert [one[0] for one in await news.told("bob")] == ["commented", "opened"]
    assert await news.told("cyn") == [("commented", "comment", "watch")]


async def test_a_muted_thread_is_silent_even_for_mentions(news: News) -> None:
    num = await news.discuss("eve")
    await news.tell()
    thread = (await news.asked("ada")).json()["items"][0]["thread"]
    await news.set_level("ada", thread, "mute")
    await news.say(num, "@ada?", "eve")
    assert await news.told("ada") == [_OPENED]
    assert "you muted the thread" in (await news.why("ada"))[0]


async def test_a_muted_repository_is_silent_but_for_what_is_addressed(news: News) -> None:
    await news.set_level("ada", f"repository:{news.repository.id}", "mute")
    num = await news.discuss("eve")
    await news.say(num, "@ada?", "bob")
    assert await news.told("ada") == [("commented", "mention", "mention")]
    assert "you muted the repository" in (await news.why("ada"))[-1]


async def test_what_is_switched_off_is_not_told_and_the_ledger_says_so(news: News) -> None:
    await news.client.put(
        "/api/v1/notifications/choices/opened",
        json={"in_app": False, "mail": "off"},
        headers=news.headers["ada"],
    )
    await news.discuss("eve")
    assert await news.told("ada") == []
    assert "No you switched this kind off" in (await news.why("ada"))[0]


async def test_news_of_a_private_repository_reach_nobody_else_and_vanish_later(
    news: News,
) -> None:
    num = await news.discuss("eve")
    await news.say(num, "Hear", "ada")
    assert await news.unread("eve") == 1
    await news.client.put(
        "/api/models/ada/net/settings", json={"private": True}, headers=news.headers["ada"]
    )
    await news.say(num, "@eve @bob", "ada")
    page = await news.client.get("/notifications", headers=news.headers["eve"])
    assert (await news.told("eve"), await news.told("bob")) == ([], [])
    assert await news.unread("eve") == 0
    assert (await news.why("eve"), "Why?" in page.text) == ([], False)


async def test_closing_tells_who_took_part_and_not_who_closed(news: News) -> None:
    num = await news.discuss("eve")
    await news.post(f"/discussions/{num}/status", {"status": "closed"}, "ada")
    assert await news.told("eve") == [("closed", "status", "author")]
    assert await news.told("ada") == [_OPENED]


async def test_news_lost_between_commit_and_telling_are_found_again_once(
    news: News, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = news.app.state.news
    monkeypatch.setattr(recorder.__class__, "_write", _lose)
    num = await news.discuss("eve")
    await news.say(num, "@bob", "eve")
    monkeypatch.undo()
    monkeypatch.setattr(background, "_SETTLED", now() - now())
    await background.sweep(recorder, database)
    await background.sweep(recorder, database)
    assert await news.told("bob") == [("commented", "mention", "mention")]
    assert (await news.told("ada"))[0] == _OPENED
    assert len(await news.told("ada")) == 2


async def _lose(_recorder: object, _writer: object) -> None:
    return


async def test_many_watchers_are_told_in_batches_that_go_on_where_they_stopped(
    news: News, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "BATCH", 2)
    watchers = [await make_user(database) for _n in range(5)]
    async with database.transaction() as db:
        for one in watchers:
            await choices.set_wish(
                db, one.id, Target("repository", news.repository.id), Level.WATCH
            )
    await news.discuss("eve")
    number = await telling.take(database)
    assert number is not None
    first = [await telling.tell_some(database, number) for _n in range(2)]
    assert [len(told.people) for told in first] == [1, 2]
    async with database.transaction() as db:
        await happenings.went_on(db, number, watchers[1].id, now() - now())  # the process died
    await news.tell()
    async with database.transaction() as db:
        found = await happenings.watchers(db, [Target("repository", news.repository.id)], 0, 10)
        told = await inbox.counts(db, found)
    assert [count.unread for count in told.values()] == [1] * 5


async def test_what_waits_for_the_moderators_is_told_once_they_let_it_stand(
    news: News, database: Database
) -> None:
    num = await news.discuss("eve")
    await news.say(num, "@bob", "eve")
    async with database.transaction() as db:
        ids = list(await db.scalars(select(Comment.id).where(Comment.body == "@bob")))
        await holding.hold(db, ids)
    assert await news.told("bob") == []
    async with database.transaction() as db:
        await holding.release(db, ids)
    assert await news.told("bob") == [("commented", "mention", "mention")]


async def test_news_is_taken_one_by_one_whatever_the_planner_knows_of_the_table(
    news: News,
) -> None:
    async with news.database.transaction() as db:
        await db.execute(text("ANALYZE notifications_happening"))  # one row
    num = await news.discuss("eve")
    await news.say(num, "Me too", "bob")
    await news.say(num, "Soon", "ada")
    assert len(await news.told("eve")) == 2
    assert len(await news.told("ada")) == 2
