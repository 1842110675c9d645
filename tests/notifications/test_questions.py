"""Questions and the comments of tutorials: who is told."""

import pytest

from app.core.security import Viewer
from app.questions import service as questions
from tests.notifications.conftest import News
from tests.questions.conftest import Board


@pytest.fixture
async def asked(news: News) -> Board:
    board = Board(news.client, news.database, news.people, news.headers)
    async with news.database.transaction() as db:
        await questions.plant_tags(db)
    return board


async def test_asker_and_answerers_are_told_of_answers_and_remarks(
    news: News, asked: Board
) -> None:
    question = await asked.ask("ada")
    first = await asked.answer(question["id"], "bob")
    await asked.answer(question["id"], "eve", "Or this, @cyn?")
    answer = await asked.send("POST", f"/posts/{first}/remarks", "cyn", {"body": "Really?"})
    assert answer.status_code == 201, answer.text
    assert await news.told("ada") == [
        ("answered", "answer", "author"),
        ("answered", "answer", "author"),
        ("commented", "answer", "author"),
    ]
    assert (await news.told("bob"))[0] == ("answered", "comment", "participation")
    assert (await news.told("cyn"))[0] == ("answered", "mention", "mention")
    item = (await news.asked("bob")).json()["items"][0]
    assert f"/questions/{question['id']}/" in item["url"]
    assert "#remark-" in item["url"]


async def test_who_follows_a_tag_is_told_of_its_questions(news: News, asked: Board) -> None:
    async with news.database.transaction() as db:
        tag = await questions.find_tag(db, "overfitting")
    answer = await news.set_level("bob", f"tag:{tag.id}", "watch")
    assert answer.status_code == 200, answer.text
    await asked.ask("ada")
    assert await news.told("bob") == [("opened", "opened", "watch")]
    assert (await news.set_level("bob", f"tag:{tag.id}", "mute")).status_code == 422


async def test_who_follows_a_tag_two_levels_up_is_told_as_well(news: News, asked: Board) -> None:
    curator = Viewer(user_id=news.people["eve"].id, is_moderator=True)
    async with news.database.transaction() as db:
        one, two = "computer-vision", "augmentation"
        await questions.set_parent(db, curator, one, "")
        await questions.set_parent(db, curator, two, one)
        await questions.set_parent(db, curator, "overfitting", two)
        top = await questions.find_tag(db, one)
    await news.set_level("bob", f"tag:{top.id}", "watch")
    await asked.ask("ada")
    assert await news.told("bob") == [("opened", "opened", "watch")]


async def test_the_author_is_told_of_a_suggested_edit(news: News, asked: Board) -> None:
    question = await asked.ask("ada")
    new = {"title": question["title"], "body": "Said better.", "tags": ["overfitting"]}
    answer = await asked.send("PATCH", f"/questions/{question['id']}", "eve", new)
    assert answer.json()["suggestion"], answer.text
    assert await news.told("ada") == [("suggested", "answer", "author")]
    assert await news.told("bob") == []


async def test_whom_an_edit_names_first_is_told_and_nobody_twice(news: News, asked: Board) -> None:
    question = await asked.ask("ada", body="What should I try, @bob?")
    await news.tell()
    url = f"/questions/{question['id']}"
    for words in ("What should I try, @bob or @cyn?", "What should we try, @bob or @cyn?"):
        new = {"title": question["title"], "body": words, "tags": ["overfitting"]}
        assert (await asked.send("PATCH", url, "ada", new)).status_code == 200
    assert await news.told("cyn") == [("named", "mention", "mention")]
    assert await news.told("bob") == [("opened", "mention", "mention")]


async def test_an_edit_in_a_discussion_tells_whom_it_names(news: News) -> None:
    num = await news.discuss("eve")
    await news.say(num, "Perhaps somebody knows", "ada")
    await news.tell()
    number = await news.newest_comment(num)
    url = f"/discussions/{num}/comment/{number:x}/edit"
    answer = await news.post(url, {"content": "Perhaps @cyn knows"}, "ada")
    assert answer.status_code == 200, answer.text
    assert await news.told("cyn") == [("named", "mention", "mention")]
    assert len(await news.told("eve")) == 1


async def test_what_was_asked_answered_and_remarked_is_found_again_by_the_sweep(
    news: News, asked: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with news.lost(monkeypatch):
        question = await asked.ask("ada", body="What, @cyn?")
        answer = await asked.answer(question["id"], "bob")
        remark = {"body": "Really, @cyn?"}
        await asked.send("POST", f"/posts/{answer}/remarks", "eve", remark)
    assert await news.told("ada") == [
        ("answered", "answer", "author"),
        ("commented", "answer", "author"),
    ]
    assert await news.told("cyn") == [
        ("opened", "mention", "mention"),
        ("commented", "mention", "mention"),
    ]


async def test_whose_answer_is_accepted_is_told(news: News, asked: Board) -> None:
    question = await asked.ask("ada")
    answer = await asked.answer(question["id"], "bob")
    done = await asked.send("PUT", f"/posts/{answer}/accepted", "ada")
    assert done.status_code < 300, done.text
    assert await news.told("bob") == [("accepted", "answer", "author")]
