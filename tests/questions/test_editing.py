"""New words: kept, compared, taken back, or suggested."""

from tests.questions.conftest import TITLE, Board


async def test_rolling_back_makes_the_last_wording_equal_to_an_earlier_one(board: Board) -> None:
    asked = await board.ask("ada")
    post = await board.answer(asked["id"], "bob", "first words")
    await board.send("PATCH", f"/posts/{post}", "bob", {"body": "second words"})
    back = await board.send("POST", f"/posts/{post}/revisions/1/restore", "bob")
    revisions = (await board.send("GET", f"/posts/{post}/revisions")).json()
    assert back.status_code == 200
    assert [one["body"] for one in revisions] == ["first words", "second words", "first words"]


async def test_the_history_shows_changed_words_and_chinese_letters_alone(board: Board) -> None:
    asked = await board.ask("ada")
    post = await board.answer(asked["id"], "bob", "先冻结主干，再训练分类头")
    await board.send("PATCH", f"/posts/{post}", "bob", {"body": "先冻结主干，再微调分类头"})
    page = await board.client.get(f"/posts/{post}/history")
    assert "<del>训练</del>" in page.text
    assert "<ins>微调</ins>" in page.text


async def test_a_strangers_edit_waits_until_the_author_approves(board: Board) -> None:
    asked = await board.ask("ada")
    post = await board.answer(asked["id"], "bob", "Use dropuot.")
    waits = await board.send("PATCH", f"/posts/{post}", "eve", {"body": "Use dropout."})
    suggestion = waits.json()["suggestion"]["id"]
    before = await board.read(asked["id"])
    stranger = await board.send("POST", f"/suggestions/{suggestion}", "ada", {"approve": True})
    decided = await board.send("POST", f"/suggestions/{suggestion}", "bob", {"approve": True})
    after = await board.read(asked["id"])
    revisions = (await board.send("GET", f"/posts/{post}/revisions")).json()
    assert waits.json()["published"] is False
    assert before["answers"][0]["body"] == "Use dropuot."
    assert stranger.status_code == 403
    assert (decided.status_code, decided.json()["state"]) == (200, "approved")
    assert after["answers"][0]["body"] == "Use dropout."
    assert revisions[-1]["editor"] == "eve"
    assert "2 points" in (await board.client.get("/questions/by/eve")).text


async def test_a_suggestion_for_words_that_changed_is_not_published(board: Board) -> None:
    asked = await board.ask("ada")
    post = await board.answer(asked["id"], "bob", "one")
    waits = await board.send("PATCH", f"/posts/{post}", "eve", {"body": "two"})
    await board.send("PATCH", f"/posts/{post}", "bob", {"body": "three"})
    address = f"/suggestions/{waits.json()['suggestion']['id']}"
    stale = await board.send("POST", address, "bob", {"approve": True})
    turned_down = await board.send("POST", address, "bob", {"approve": False, "reason": "Late"})
    again = await board.send("POST", address, "bob", {"approve": True})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale")
    assert turned_down.json()["state"] == "rejected"
    assert again.json()["code"] == "decided"
    assert (await board.read(asked["id"]))["answers"][0]["body"] == "three"


async def test_who_earned_it_edits_at_once(board: Board) -> None:
    asked = await board.ask("ada")
    post = await board.answer(asked["id"], "bob", "Use dropout, and")
    await board.trust("eve", num_edits_approved=36)
    done = await board.send("PATCH", f"/posts/{post}", "eve", {"body": "Use dropout."})
    assert done.json() == {"published": True, "suggestion": None}


async def test_title_and_tags_change_with_a_trace(board: Board) -> None:
    asked = await board.ask("ada")
    change = {"title": TITLE + " And why?", "body": "More", "tags": ["learning-rate"]}
    await board.send("PATCH", f"/questions/{asked['id']}", "ada", change)
    found = (await board.read(asked["id"]))["question"]
    page = await board.client.get(f"/questions/{asked['id']}/history")
    assert (found["title"], found["tags"]) == (TITLE + " And why?", ["learning-rate"])
    assert "changed the title" in page.text
    assert "<del>overfitting</del>" in page.text


async def test_two_windows_do_not_overwrite_each_others_draft(board: Board) -> None:
    target = "/drafts/question:new"
    first = await board.send("PUT", target, "ada", {"title": "One", "body": "a", "version": 0})
    second = await board.send("PUT", target, "ada", {"title": "Two", "body": "b", "version": 0})
    kept = (await board.send("GET", "/drafts", "ada")).json()
    assert (first.json()["version"], second.status_code) == (1, 409)
    assert second.json()["code"] == "draft_changed"
    assert [draft["title"] for draft in kept] == ["One"]


async def test_a_draft_waits_in_the_form_and_goes_when_it_is_posted(board: Board) -> None:
    draft = {"title": TITLE, "body": "Half a thought", "tags": "nlp", "version": 0}
    await board.send("PUT", "/drafts/question:new", "ada", draft)
    page = await board.client.get("/questions/ask", headers=board.headers["ada"])
    await board.ask("ada")
    assert "Half a thought" in page.text
    assert (await board.send("GET", "/drafts", "ada")).json() == []
    assert (await board.send("GET", "/drafts", "bob")).json() == []
