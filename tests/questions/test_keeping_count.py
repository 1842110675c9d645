"""Counts, marks and points follow what can be read, whoever keeps words back or gives them back."""

from app.comments import service as comments
from tests.questions.conftest import TITLE, Board


async def hold(board: Board, comment_id: int) -> None:
    async with board.database.transaction() as db:
        await comments.hold(db, [comment_id])


async def release(board: Board, comment_id: int) -> None:
    async with board.database.transaction() as db:
        await comments.release(db, [comment_id])


async def test_an_answer_that_is_kept_back_counts_no_more_and_loses_the_mark(board: Board) -> None:
    asked = await board.ask("ada")
    answer = await board.answer(asked["id"], "bob")
    await board.send("PUT", f"/posts/{answer}/accepted", "ada")
    await hold(board, answer)
    held = (await board.read(asked["id"]))["question"]
    points = (await board.client.get("/questions/by/bob")).text
    await release(board, answer)
    back = (await board.read(asked["id"]))["question"]
    assert (held["num_answers"], held["accepted_id"]) == (0, None)
    assert "0 points" in points
    assert (back["num_answers"], back["answered"]) == (1, False)


async def test_ones_own_held_answer_can_be_hidden_and_the_question_with_it(board: Board) -> None:
    asked = await board.ask("ada")
    answer = await board.answer(asked["id"], "bob")
    await hold(board, answer)
    hidden = await board.send("DELETE", f"/posts/{answer}", "bob")
    gone = await board.send("DELETE", f"/posts/{asked['body_id']}", "ada")
    assert (hidden.status_code, gone.status_code) == (204, 204)


async def test_a_tag_counts_the_questions_that_can_be_read(board: Board) -> None:
    asked = await board.ask("ada", tags=["nlp"])

    async def number() -> int:
        return int((await board.send("GET", "/tags/nlp")).json()["num_questions"])

    before = await number()
    await hold(board, asked["body_id"])
    held = await number()
    await release(board, asked["body_id"])
    back = await number()
    await board.send("DELETE", f"/posts/{asked['body_id']}", "ada")
    assert [before, held, back, await number()] == [1, 0, 1, 0]


async def test_new_tags_alone_bring_a_question_up_and_not_back_in_time(board: Board) -> None:
    asked = await board.ask("ada")
    change = {"title": TITLE, "body": "What **should** I try?", "tags": ["nlp"]}
    await board.send("PATCH", f"/questions/{asked['id']}", "ada", {**change, "body": "Other"})
    await board.answer(asked["id"])
    before = (await board.read(asked["id"]))["question"]["active_at"]
    await board.send(
        "PATCH", f"/questions/{asked['id']}", "ada", {**change, "body": "Other", "tags": ["audio"]}
    )
    after = (await board.read(asked["id"]))["question"]
    assert after["active_at"] > before
    assert after["tags"] == ["audio"]


async def test_an_approved_suggestion_of_new_tags_stands_in_the_history(board: Board) -> None:
    asked = await board.ask("ada")
    change = {"title": TITLE, "body": "Better words", "tags": ["nlp"]}
    waits = await board.send("PATCH", f"/questions/{asked['id']}", "eve", change)
    address = f"/suggestions/{waits.json()['suggestion']['id']}"
    await board.send("POST", address, "ada", {"approve": True})
    page = (await board.client.get(f"/questions/{asked['id']}/history")).text
    assert "changed the tags" in page


async def test_the_wider_tags_of_a_synonym_change_with_it(board: Board) -> None:
    asked = await board.ask("carol", tags=["speech-recognition"])
    made = await board.send(
        "POST", "/tags/text-generation/synonyms", "carol", {"name": "speech-recognition"}
    )
    old = (await board.send("GET", "/questions?tag=audio")).json()["items"]
    new = (await board.send("GET", "/questions?tag=nlp")).json()["items"]
    assert made.status_code == 200
    assert old == []
    assert [row["id"] for row in new] == [asked["id"]]


async def test_an_emptied_draft_is_gone(board: Board) -> None:
    first = await board.send("PUT", "/drafts/question:new", "ada", {"title": "a", "version": 0})
    version = first.json()["version"]
    await board.send("PUT", "/drafts/question:new", "ada", {"title": " ", "version": version})
    assert (await board.send("GET", "/drafts", "ada")).json() == []


async def test_a_strange_cursor_and_a_strange_reason_are_answered(board: Board) -> None:
    page = await board.client.get("/tags?cursor=WyJhIiwiYiJd")
    asked = await board.ask("ada")
    why = await board.client.post(
        f"/questions/{asked['id']}/close", data={"reason": "boring"}, headers=board.headers["ada"]
    )
    assert page.status_code == 400
    assert (why.status_code, "Choose why" in why.text) == (422, True)


async def test_a_flood_of_opened_patches_is_read_at_once(board: Board) -> None:
    asked = await board.ask("ada")
    await board.answer(asked["id"], "bob", "```recipe-patch\n" * 4000)
    assert (await board.client.get(asked["url"])).status_code == 200
