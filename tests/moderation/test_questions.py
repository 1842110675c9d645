"""Questions, answers and remarks under the same rules as every other post."""

from datetime import UTC, datetime
from typing import Any

from app.questions import service as questions
from app.tutorials import service as tutorials
from app.tutorials.schemas import TutorialText
from tests.moderation.conftest import Town


async def _ask(town: Town, title: str = "How do I freeze a layer?", who: str = "nik") -> int:
    body = {"title": title, "body": "Zyzzyva words", "tags": ["overfitting"]}
    answer = await town.post("/api/v1/questions", body, who)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def _question(town: Town, number: int, who: str = "") -> dict[str, Any]:
    found: dict[str, Any] = (await town.get(f"/api/v1/questions/{number}", who)).json()
    return found


async def _report(town: Town, number: int) -> None:
    for who in ("bob", "eve", "joe"):
        answer = await town.report(number, who)
        assert answer.status_code == 201, answer.text


async def test_a_held_remark_counts_as_a_change_of_its_question(town: Town) -> None:
    number = await _ask(town, who="ada")
    remark = await town.post("/api/v1/posts/1/remarks", {"body": "Buy my thing"}, "nik")
    assert remark.status_code == 201, remark.text
    async with town.database.transaction() as db:
        before = await questions.changed_since(db, datetime(2000, 1, 1, tzinfo=UTC), 0, 10)
    await _report(town, remark.json()["id"])
    async with town.database.transaction() as db:
        after = await questions.changed_since(db, before[0][0], number, 10)
    assert [changed for _moment, changed in after] == [number]


async def test_a_reported_question_vanishes_with_its_title_and_comes_back(town: Town) -> None:
    number = await _ask(town)
    await _report(town, 1)
    hidden = await town.get(f"/api/v1/questions/{number}", "bob")
    listed = await town.page("/questions", "bob")
    assert hidden.status_code == 404
    assert "freeze a layer" not in listed
    for who in ("nik", "mia"):
        assert "Zyzzyva words" in await town.page(f"/questions/{number}", who)
    (item,) = await town.items()
    assert item["title"] == "How do I freeze a layer?"
    assert item["address"] == f"/questions/{number}#post-1"
    await town.decide(item["id"], "disagree")
    assert "freeze a layer" in await town.page("/questions", "bob")
    assert "Zyzzyva words" in await town.page(f"/questions/{number}", "bob")


async def test_a_reported_answer_is_kept_back_from_all_but_its_author(town: Town) -> None:
    number = await _ask(town, who="ada")
    body = {"body": "Quite wrong words"}
    answered = await town.post(f"/api/v1/questions/{number}/answers", body, "nik")
    assert answered.status_code == 201, answered.text
    await _report(town, 2)
    others = await town.page(f"/questions/{number}", "bob")
    assert "Quite wrong words" not in others
    assert "moderators keep this" in others
    assert "Quite wrong words" in await town.page(f"/questions/{number}", "nik")
    assert "Quite wrong words" not in str(await _question(town, number, "bob"))


async def test_a_comment_on_a_tutorial_is_reported_like_any_other(town: Town) -> None:
    slug = "lesson"
    lesson = TutorialText(language="en", title="Lesson", summary="Short.", body="Words.")
    async with town.database.transaction() as db:
        await tutorials.publish(db, slug, lesson)
    said = {"comment": "Rude words"}
    sent = await town.form(f"/tutorials/{slug}/comments", said, "nik")
    assert sent.status_code == 303
    await _report(town, 1)
    assert "Rude words" not in await town.page(f"/tutorials/{slug}", "bob")
    assert "Rude words" in await town.page(f"/tutorials/{slug}", "nik")
    (item,) = await town.items()
    assert item["address"] == f"/tutorials/{slug}#comment-1"


async def test_nothing_under_a_hidden_question_is_shown_to_who_would_report_it(town: Town) -> None:
    number = await _ask(town)
    body = {"body": "An answer below"}
    await town.post(f"/api/v1/questions/{number}/answers", body, "ada")
    await _report(town, 1)
    form = await town.get("/moderation/report/comment/2", "bob")
    assert form.status_code == (await town.report(2, "bob")).status_code == 404
    assert "An answer below" not in form.text
