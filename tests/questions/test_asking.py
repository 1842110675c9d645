"""Asking and answering: what is kept, what is refused and why."""

import pytest

from tests.questions.conftest import TITLE, Board


async def test_an_accepted_answer_stands_first_and_credits_its_author(board: Board) -> None:
    asked = await board.ask("ada")
    first = await board.answer(asked["id"], "eve", "No idea.")
    solved = await board.answer(asked["id"], "bob", "Freeze more layers.")
    accepted = await board.send("PUT", f"/posts/{solved}/accepted", "ada")
    found = await board.read(asked["id"])
    points = await board.client.get("/questions/by/bob")
    assert accepted.status_code == 204
    assert [one["id"] for one in found["answers"]] == [solved, first]
    assert found["question"]["answered"] is True
    assert found["answers"][0]["accepted"] is True
    assert "15 points" in points.text


async def test_only_one_answer_is_accepted_and_the_credit_moves(board: Board) -> None:
    asked = await board.ask("ada")
    one = await board.answer(asked["id"], "eve")
    two = await board.answer(asked["id"], "bob")
    await board.send("PUT", f"/posts/{one}/accepted", "ada")
    await board.send("PUT", f"/posts/{two}/accepted", "ada")
    found = await board.read(asked["id"])
    assert [answer["accepted"] for answer in found["answers"]] == [True, False]
    assert "0 points" in (await board.client.get("/questions/by/eve")).text
    assert "15 points" in (await board.client.get("/questions/by/bob")).text


async def test_nobody_but_the_asker_and_moderators_accepts(board: Board) -> None:
    asked = await board.ask("ada")
    answer = await board.answer(asked["id"], "bob")
    refused = await board.send("PUT", f"/posts/{answer}/accepted", "bob")
    allowed = await board.send("PUT", f"/posts/{answer}/accepted", "carol")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_asker")
    assert allowed.status_code == 204


@pytest.mark.parametrize(
    ("title", "fine"),
    [("模型过拟合", True), ("过拟合", False), ("Short one", False), ("x" * 201, False)],
)
async def test_a_title_is_measured_by_what_it_can_say(board: Board, title: str, fine: bool) -> None:
    body = {"title": title, "body": "Words", "tags": ["nlp"]}
    answer = await board.send("POST", "/questions", "ada", body)
    assert answer.status_code == (201 if fine else 422)
    if not fine:
        assert answer.json()["details"][0]["path"] == "title"


async def test_the_language_is_found_in_the_words(board: Board) -> None:
    chinese = await board.ask(title="为什么微调两轮之后就过拟合？", body="用的是 ResNet50 模型。")
    english = await board.ask(title="Why does 微调 overfit so early in my run?")
    assert (chinese["language"], english["language"]) == ("zh-CN", "en")


async def test_the_address_holds_the_title_and_others_lead_there(board: Board) -> None:
    asked = await board.ask(title="为什么微调两轮之后就过拟合？")
    assert asked["url"].endswith("为什么微调两轮之后就过拟合")
    for other in (f"/q/{asked['id']}/old-words", f"/questions/{asked['id']}/old"):
        moved = await board.client.get(other)
        assert moved.status_code == 301
        assert (await board.client.get(moved.headers["location"])).status_code == 200


async def test_a_visitor_reads_and_writes_nothing(board: Board) -> None:
    asked = await board.ask()
    assert (await board.send("GET", f"/questions/{asked['id']}")).status_code == 200
    answers = [
        await board.send("POST", "/questions", "", {"title": TITLE, "body": "x", "tags": []}),
        await board.send("POST", f"/questions/{asked['id']}/answers", "", {"body": "x"}),
        await board.vote(asked["body_id"], ""),
    ]
    assert {answer.status_code for answer in answers} == {401}


async def test_a_token_without_the_scope_writes_nothing(board: Board) -> None:
    from tests.factories.accounts import bearer, make_token

    token = await make_token(board.database, board.people["ada"], "read", name="reads")
    board.headers["reader"] = bearer(token)
    body = {"title": TITLE, "body": "x", "tags": ["nlp"]}
    refused = await board.send("POST", "/questions", "reader", body)
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")


async def test_remarks_stand_under_questions_and_answers(board: Board) -> None:
    asked = await board.ask()
    answer = await board.answer(asked["id"])
    await board.send("POST", f"/posts/{asked['body_id']}/remarks", "bob", {"body": "Which data?"})
    for number in range(7):
        await board.send("POST", f"/posts/{answer}/remarks", "ada", {"body": f"Thanks {number}"})
    found = await board.read(asked["id"])
    every = await board.send("GET", f"/posts/{answer}/remarks")
    assert [one["body"] for one in found["body"]["remarks"]] == ["Which data?"]
    assert [len(found["answers"][0]["remarks"]), found["answers"][0]["num_remarks"]] == [5, 7]
    assert len(every.json()) == 7


async def test_fifty_one_answers_come_on_two_pages(board: Board) -> None:
    asked = await board.ask()
    made = [await board.answer(asked["id"], "bob", f"Answer {n}") for n in range(51)]
    await board.vote(made[30], "eve")
    first = await board.read(asked["id"])
    second = await board.read(asked["id"], cursor=first["next_cursor"])
    ids = [one["id"] for one in first["answers"] + second["answers"]]
    assert ids[0] == made[30]
    assert sorted(ids) == made
    assert second["body"] is None


async def test_what_is_hidden_is_gone_for_others(board: Board) -> None:
    asked = await board.ask("ada", body="A secret I should not have told")
    hidden = await board.send("DELETE", f"/posts/{asked['body_id']}", "ada")
    seen = await board.send("GET", f"/questions/{asked['id']}", "bob")
    listed = await board.send("GET", "/questions")
    assert (hidden.status_code, seen.status_code, listed.json()["items"]) == (204, 404, [])


async def test_a_question_others_answered_cannot_be_hidden_by_its_asker(board: Board) -> None:
    asked = await board.ask("ada")
    await board.answer(asked["id"], "bob")
    refused = await board.send("DELETE", f"/posts/{asked['body_id']}", "ada")
    assert (refused.status_code, refused.json()["code"]) == (409, "has_answers")


async def test_a_hidden_answer_keeps_its_place_and_loses_words_and_mark(board: Board) -> None:
    asked = await board.ask("ada")
    answer = await board.answer(asked["id"], "bob", "Wrong words")
    await board.send("PUT", f"/posts/{answer}/accepted", "ada")
    await board.send("DELETE", f"/posts/{answer}", "bob")
    found = await board.read(asked["id"])
    assert (found["answers"][0]["hidden"], found["answers"][0]["body"]) == (True, "")
    assert (found["question"]["num_answers"], found["question"]["accepted_id"]) == (0, None)
    assert "0 points" in (await board.client.get("/questions/by/bob")).text


@pytest.mark.parametrize("number", ["0", "-1", "99999999999999999999", "abc"])
async def test_an_impossible_number_is_an_answer_and_no_crash(board: Board, number: str) -> None:
    for path in (f"/questions/{number}", f"/questions/{number}/x"):
        assert (await board.client.get(path)).status_code in {404, 422}
    assert (await board.send("GET", f"/questions/{number}")).status_code in {404, 422}
    assert (await board.vote(1, "ada")).status_code == 404
