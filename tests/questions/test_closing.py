"""Closing, duplicates, locks and pins."""

import re

from tests.questions.conftest import TITLE, Board


async def test_a_duplicate_names_the_question_it_repeats(board: Board) -> None:
    old, new = await board.ask("ada"), await board.ask("bob", title=TITLE + " Again")
    address = f"/questions/{new['id']}/close"
    without = await board.send("POST", address, "bob", {"reason": "duplicate"})
    itself = {"reason": "duplicate", "duplicate_of": new["id"]}
    of_itself = await board.send("POST", address, "bob", itself)
    target = {"reason": "duplicate", "duplicate_of": old["id"]}
    closed = await board.send("POST", address, "bob", target)
    assert (without.status_code, without.json()["code"]) == (422, "no_target")
    assert (of_itself.status_code, of_itself.json()["code"]) == (422, "own_target")
    assert closed.json()["duplicate_of"] == old["id"]
    assert (await board.read(old["id"]))["question"]["duplicates"] == [new["id"]]


async def test_search_engines_are_sent_from_a_duplicate_to_what_it_repeats(board: Board) -> None:
    old, new = await board.ask("ada", title="为什么模型会过拟合呢？"), await board.ask("bob")
    target = {"reason": "duplicate", "duplicate_of": old["id"]}
    await board.send("POST", f"/questions/{new['id']}/close", "bob", target)
    canonical = []
    for asked in (old, new):
        page = (await board.client.get(asked["url"])).text
        found = re.search(r'<link rel="canonical"\s+href="([^"]+)"', page)
        assert found
        canonical.append(found[1])
    assert canonical[0] == canonical[1]
    answer = await board.client.get(canonical[0].removeprefix("http://testserver"))
    assert answer.status_code == 200


async def test_a_closed_question_takes_no_answer_and_can_be_reopened(board: Board) -> None:
    asked = await board.ask("ada")
    await board.send("POST", f"/questions/{asked['id']}/close", "ada", {"reason": "unclear"})
    refused = await board.send("POST", f"/questions/{asked['id']}/answers", "bob", {"body": "x"})
    reopened = await board.send("POST", f"/questions/{asked['id']}/reopen", "ada")
    assert (refused.status_code, refused.json()["code"]) == (409, "closed")
    assert reopened.json()["status"] == "open"
    await board.answer(asked["id"])


async def test_strangers_close_nothing_and_those_who_earned_it_do(board: Board) -> None:
    asked = await board.ask("ada")
    address = f"/questions/{asked['id']}/close"
    refused = await board.send("POST", address, "eve", {"reason": "off-topic"})
    await board.trust("eve", num_up=16, num_reports_helpful=36)
    closed = await board.send("POST", address, "eve", {"reason": "off-topic"})
    asker = await board.send("POST", f"/questions/{asked['id']}/reopen", "ada")
    assert (refused.status_code, closed.status_code) == (403, 200)
    assert closed.json()["closed_by"] == "eve"
    assert asker.status_code == 403


async def test_in_a_locked_question_only_curators_write(board: Board) -> None:
    asked = await board.ask("ada")
    assert (await board.send("PUT", f"/questions/{asked['id']}/lock", "ada")).status_code == 403
    await board.send("PUT", f"/questions/{asked['id']}/lock", "carol")
    refused = await board.send("POST", f"/questions/{asked['id']}/answers", "bob", {"body": "x"})
    assert (refused.status_code, refused.json()["code"]) == (409, "locked")
    await board.answer(asked["id"], "carol")


async def test_a_pinned_question_stands_above_the_list(board: Board) -> None:
    old = await board.ask("ada")
    await board.ask("bob", title="Another and much newer question")
    await board.send("PUT", f"/questions/{old['id']}/pin", "carol")
    page = (await board.client.get("/questions")).text
    assert page.index(TITLE) < page.index("Another and much newer question")
    assert page.count(TITLE) == 1


async def test_what_happened_stands_in_the_history(board: Board) -> None:
    asked = await board.ask("ada")
    await board.send("POST", f"/questions/{asked['id']}/close", "ada", {"reason": "opinion"})
    await board.send("POST", f"/questions/{asked['id']}/reopen", "ada")
    page = (await board.client.get(f"/questions/{asked['id']}/history")).text
    assert page.index("reopened it") < page.index("closed it")
    assert "Asks for opinions" in page
