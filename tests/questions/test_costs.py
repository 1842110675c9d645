"""No page asks the database more often because more stands on it."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.conftest import statements
from tests.questions.conftest import Board

# Lists; a question with its posts, remarks, votes, its twin, whom one blocks and what waits there.
MOST, MOST_OF_A_QUESTION = 12, 20


async def fill(board: Board, questions: int, answers: int) -> str:
    """Questions with answers, remarks and votes; returns the address of the last one."""
    address = ""
    for number in range(questions):
        asked = await board.ask("ada", title=f"Question number {number} of a few", tags=["nlp"])
        address = asked["url"]
        for _ in range(answers):
            post = await board.answer(asked["id"], "bob")
            await board.send("POST", f"/posts/{post}/remarks", "eve", {"body": "And then?"})
            await board.vote(post, "eve")
    return address


@pytest.mark.parametrize("who", ["", "eve"])
async def test_pages_of_questions_take_few_queries_however_much_they_show(
    board: Board, engine: AsyncEngine, who: str
) -> None:
    address = await fill(board, 3, 4)
    for path in ("/questions", "/tags/nlp", "/tags", address, "/questions?sort=votes"):
        with statements(engine) as sent:
            page = await board.client.get(path, headers=board.headers.get(who, {}))
        assert page.status_code == 200
        asked = [one for one in sent if one.lstrip().upper().startswith(("SELECT", "WITH"))]
        most = MOST_OF_A_QUESTION if path == address else MOST
        assert len(asked) <= most, "\n".join(asked)
