"""A question in Chinese and the same one in English are linked, and share what solved them."""

import pytest

from app.search import service as search
from tests.questions.conftest import TITLE, Board

CHINESE = "我的分类器为什么两轮之后就过拟合？"


async def pair(board: Board, who: str = "ada") -> tuple[int, int]:
    """Two questions of somebody's, the English one and the Chinese one, linked."""
    english = (await board.ask(who))["id"]
    chinese = (await board.ask(who, title=CHINESE, body="我应该先试什么？", language="zh-CN"))["id"]
    linked = await board.send("PUT", f"/questions/{english}/twin", who, {"question": chinese})
    assert linked.status_code == 204, linked.text
    return english, chinese


async def html(board: Board, question: int, who: str = "") -> str:
    headers = {"Accept-Language": "en", **board.headers.get(who, {})}
    page = await board.client.get(f"/questions/{question}", headers=headers, follow_redirects=True)
    assert page.status_code == 200
    return page.text


async def test_twins_lead_to_each_other_and_show_both_scores(board: Board) -> None:
    english, chinese = await pair(board)
    body = (await board.read(chinese))["question"]["body_id"]
    await board.vote(body, "bob")
    found = (await board.read(english))["twin"]
    page, other = await html(board, english), await html(board, chinese)
    assert (found["id"], found["language"], found["score"]) == (chinese, "zh-CN", 1)
    assert f"中文: {CHINESE}" in page or f"简体中文: {CHINESE}" in page
    assert "1 vote there" in page
    assert TITLE in other
    for text in (page, other):
        assert 'hreflang="zh-CN"' in text
        assert 'hreflang="en"' in text


async def test_what_solved_one_is_shown_under_both(board: Board) -> None:
    english, chinese = await pair(board)
    answer = await board.answer(chinese, "bob", "先用早停。")
    await board.send("PUT", f"/posts/{answer}/accepted", "ada")
    page = await html(board, english)
    assert "Solved in the other language" in page
    assert "先用早停。" in page
    assert '"inLanguage": "zh-CN"' in page
    assert (await board.read(english))["twin"]["accepted"]["body"] == "先用早停。"
    assert "Solved in the other language" not in await html(board, chinese)


async def test_a_later_edit_of_one_is_told_on_the_other_until_it_follows(board: Board) -> None:
    english, chinese = await pair(board)
    change = {"title": TITLE, "body": "What should I try, with 100 pictures?"}
    await board.send("PATCH", f"/questions/{english}", "ada", change)
    behind, ahead = await board.read(chinese), await board.read(english)
    told = await html(board, chinese)
    change = {"title": CHINESE, "body": "只有一百张图，应该先试什么？"}
    await board.send("PATCH", f"/questions/{chinese}", "ada", change)
    assert behind["twin"]["edited_at"] is not None
    assert ahead["twin"]["edited_at"] is None
    assert "the words here may be behind" in told
    assert (await board.read(chinese))["twin"]["edited_at"] is None


async def test_one_twin_each_and_never_two_of_one_language(board: Board) -> None:
    english, chinese = await pair(board)
    more = (await board.ask("ada", title="Why does it overfit at once?"))["id"]
    taken = await board.send("PUT", f"/questions/{more}/twin", "ada", {"question": chinese})
    same = await board.send("PUT", f"/questions/{more}/twin", "ada", {"question": english})
    itself = await board.send("PUT", f"/questions/{more}/twin", "ada", {"question": more})
    missing = await board.send("PUT", f"/questions/{more}/twin", "ada", {"question": 999})
    assert (taken.status_code, taken.json()["code"]) == (409, "has_twin")
    assert (same.status_code, same.json()["code"]) == (422, "same_language")
    assert (itself.status_code, missing.status_code) == (422, 404)


async def test_who_may_edit_both_links_and_either_side_unlinks(board: Board) -> None:
    english = (await board.ask("ada"))["id"]
    chinese = (await board.ask("bob", title=CHINESE, body="怎么办？", language="zh-CN"))["id"]
    path, body = f"/questions/{english}/twin", {"question": chinese}
    stranger = await board.send("PUT", path, "ada", body)
    editor = await board.send("PUT", path, "carol", body)
    outsider = await board.send("DELETE", path, "eve")
    other_side = await board.send("DELETE", path, "bob")
    again = await board.send("DELETE", path, "bob")
    codes = [one.status_code for one in (stranger, editor, outsider, other_side, again)]
    assert codes == [403, 204, 403, 204, 404]
    page = await board.client.get(f"/questions/{chinese}/history")
    assert f"/questions/{english}" in page.text
    assert (await board.read(english))["twin"] is None


async def test_a_form_links_by_number_or_address_and_says_what_is_wrong(board: Board) -> None:
    english = (await board.ask("ada"))["id"]
    chinese = await board.ask("ada", title=CHINESE, body="怎么办？", language="zh-CN")
    path, headers = f"/questions/{english}/twin", board.headers["ada"]
    wrong = await board.client.post(path, data={"twin_of": "none"}, headers=headers)
    address = f"http://testserver{chinese['url']}"
    linked = await board.client.post(path, data={"twin_of": address}, headers=headers)
    found = (await board.read(english))["twin"]
    unlinked = await board.client.post(path, headers=headers)
    assert (wrong.status_code, linked.status_code, unlinked.status_code) == (422, 303, 303)
    assert found["id"] == chinese["id"]
    assert (await board.read(english))["twin"] is None


async def test_a_hidden_twin_is_not_told_of(board: Board) -> None:
    english, chinese = await pair(board)
    body = (await board.read(chinese))["question"]["body_id"]
    await board.send("DELETE", f"/posts/{body}", "ada")
    assert (await board.read(english))["twin"] is None
    assert CHINESE not in await html(board, english)


@pytest.mark.parametrize("query", ["overfitting", "过拟合"])
async def test_a_search_in_any_language_finds_both_twins(board: Board, query: str) -> None:
    english, chinese = await pair(board)
    app = board.client._transport.app  # type: ignore[attr-defined]
    await search.catch_up(board.database, app.state.storage)
    asked = {"q": f"{query} lang:any is:question"}
    found = (await board.client.get("/api/v1/search", params=asked)).json()["hits"]
    page = (await board.client.get("/search", params=asked)).text
    told = {hit["url"].split("/")[2]: hit["language_name"] for hit in found}
    assert told == {str(english): "English", str(chinese): "中文"}
    assert ">中文<" in page
