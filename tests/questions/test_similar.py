"""What was asked before is shown while somebody writes a title."""

from app.search import service as search
from tests.questions.conftest import TITLE, Board


async def test_a_title_shows_what_was_asked_before_closed_ones_too(board: Board) -> None:
    app = board.client._transport.app  # type: ignore[attr-defined]
    asked = await board.ask("ada")
    await board.send("POST", f"/questions/{asked['id']}/close", "ada", {"reason": "unclear"})
    other = await board.ask("ada", title="模型过拟合怎么办？", tags=["nlp"])
    await search.catch_up(board.database, app.state.storage)
    english = await board.client.get("/search/similar?title=my classifier overfits: -is:model")
    chinese = await board.client.get("/search/similar", params={"title": "如何避免过拟合"})
    nothing = await board.client.get("/search/similar?title=")
    assert asked["url"] in english.text or f"/questions/{asked['id']}" in english.text
    assert f"/questions/{other['id']}" in chinese.text
    assert TITLE not in chinese.text
    assert nothing.text.strip() == ""
