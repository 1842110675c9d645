"""What was held while it was written is told to people once the moderators let it stand."""

from fastapi import FastAPI
from sqlalchemy import text

from app.notifications.background import tell_waiting
from app.tutorials import service as tutorials
from app.tutorials.schemas import TutorialText
from tests.moderation.conftest import Town

SPAM = "https://a.example/x https://b.example/y https://c.example/z https://d.example/w"


async def _told(town: Town, app: FastAPI, who: str) -> list[str]:
    """Return the addresses of what somebody is told, the newest first."""
    await tell_waiting(town.database, app.state.wakeups)
    answer = await town.get("/api/v1/notifications?state=all", who)
    assert answer.status_code == 200, answer.text
    return [one["url"] for one in answer.json()["items"]]


async def _let_stand(town: Town) -> None:
    """Let what is held stand, long after a slow look at it."""
    async with town.database.transaction() as db:
        await db.execute(
            text("UPDATE comments_comment SET created_at = created_at - interval '10 s'")
        )
    (item,) = [one for one in await town.items() if one["is_held"]]
    decided = await town.decide(item["id"], "disagree")
    assert decided.status_code == 200, decided.text


async def test_a_remark_that_was_held_is_told_when_it_stands(town: Town, app: FastAPI) -> None:
    asked = {"title": "How do I freeze a layer?", "body": "Words", "tags": ["overfitting"]}
    question = (await town.post("/api/v1/questions", asked, "ada")).json()
    remarked = await town.post("/api/v1/posts/1/remarks", {"body": SPAM}, "nik")
    assert remarked.status_code == 201, remarked.text
    assert await _told(town, app, "ada") == []
    await _let_stand(town)
    (address,) = await _told(town, app, "ada")
    assert address.startswith(f"/questions/{question['id']}/")
    assert "#remark-" in address


async def test_a_comment_of_a_tutorial_that_was_held_is_told_when_it_stands(
    town: Town, app: FastAPI
) -> None:
    lesson = TutorialText(language="en", title="Lesson", summary="Short.", body="Words.")
    async with town.database.transaction() as db:
        await tutorials.publish(db, "lesson", lesson)
    await town.form("/tutorials/lesson/comments", {"comment": "First"}, "bob")
    await town.form("/tutorials/lesson/comments", {"comment": SPAM}, "nik")
    assert await _told(town, app, "bob") == []
    await _let_stand(town)
    assert await _told(town, app, "bob") == ["/tutorials/lesson#comment-2"]


async def test_a_comment_of_a_discussion_that_was_held_is_told_when_it_stands(
    town: Town, app: FastAPI
) -> None:
    num = await town.discuss("ada")
    await town.comment(num, SPAM, "nik")
    assert await _told(town, app, "ada") == []
    await _let_stand(town)
    assert await _told(town, app, "ada") == [f"/ada/net/discussions/{num}#comment-2"]
