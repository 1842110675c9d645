"""Tutorials: published versions that never change, in the reader's language."""

import httpx

from app.core.db import Database
from app.tutorials import service
from app.tutorials.schemas import TutorialText


def _text(language: str, body: str) -> TutorialText:
    return TutorialText(language=language, title=f"Title {language}", summary="Short.", body=body)


async def test_the_starter_tutorial_is_read_in_the_language_the_reader_asks_for(
    client: httpx.AsyncClient, database: Database
) -> None:
    async with database.transaction() as db:
        await service.publish_starter(db)
    english = await client.get("/tutorials/first-fine-tune?lang=en")
    chinese = await client.get("/tutorials/first-fine-tune?lang=zh-CN")
    assert "handwritten digits in two stages" in english.text
    assert "分两个阶段识别手写数字" in chinese.text


async def test_publishing_the_same_text_again_makes_no_new_version(database: Database) -> None:
    async with database.transaction() as db:
        first = await service.publish(db, "one", _text("en", "Body.\n"))
        again = await service.publish(db, "one", _text("en", "Body.\n"))
        changed = await service.publish(db, "one", _text("en", "New body.\n"))
    assert (first, again, changed) == (1, 1, 2)


async def test_a_tutorial_without_a_twin_is_listed_in_the_language_it_has(
    client: httpx.AsyncClient, database: Database
) -> None:
    async with database.transaction() as db:
        await service.publish(db, "only-zh", _text("zh-CN", "正文。\n"))
    page = await client.get("/tutorials?lang=en")
    assert "Title zh-CN" in page.text


async def test_an_unknown_tutorial_answers_not_found(client: httpx.AsyncClient) -> None:
    answer = await client.get("/tutorials/nothing", headers={"Accept": "text/html"})
    assert answer.status_code == 404
