"""The pages of a gated repository: what a visitor, somebody who asks, and its owner see."""

import httpx
import pytest

from app.core.db import Database
from tests.factories.accounts import make_user, sign_in

PAGE = {"Accept": "text/html"}
_CARD = (
    b"---\nextra_gated_prompt: Be kind.\nextra_gated_fields:\n  Why: text\n---\n# Net\n\nOpen.\n"
)


@pytest.fixture
async def gated(client: httpx.AsyncClient, database: Database) -> httpx.AsyncClient:
    """A client signed in as bob; ada/net lets in whom ada lets in."""
    for name in ("ada", "bob"):
        await make_user(database, name)
    await sign_in(client, "ada")
    await client.post("/new", data={"kind": "model", "owner": "ada", "name": "net"})
    await client.post("/ada/net/upload/main", files={"files": ("README.md", _CARD)})
    await client.post("/ada/net/settings/gate", data={"gate": "manual"})
    client.cookies.clear()
    await sign_in(client, "bob")
    return client


async def test_the_card_is_open_and_the_gate_says_what_to_do(gated: httpx.AsyncClient) -> None:
    page = (await gated.get("/ada/net", headers=PAGE)).text
    gated.cookies.clear()
    visitor = (await gated.get("/ada/net", headers=PAGE)).text
    assert "Open." in page
    assert "Be kind." in page
    assert 'name="field:Why"' in page
    assert "/login?next=" in visitor
    assert 'name="field:Why"' not in visitor


async def test_somebody_asks_and_the_owner_lets_them_in(gated: httpx.AsyncClient) -> None:
    unanswered = await gated.post("/ada/net/ask-access", data={"field:Why": " "})
    asked = await gated.post("/ada/net/ask-access", data={"field:Why": "science"})
    waiting = (await gated.get("/ada/net", headers=PAGE)).text
    gated.cookies.clear()
    await sign_in(gated, "ada")
    requests = (await gated.get("/ada/net/settings/access", headers=PAGE)).text
    answer = {"user": "bob", "status": "accepted"}
    await gated.post("/ada/net/settings/access/answer", data=answer)
    gated.cookies.clear()
    await sign_in(gated, "bob")
    opened = await gated.get("/ada/net/blob/main/README.md", headers=PAGE)
    assert (unanswered.status_code, asked.status_code) == (400, 303)
    assert "has not answered yet" in waiting
    assert "science" in requests
    assert opened.status_code == 200


async def test_a_like_is_given_and_taken_back_by_a_plain_form(gated: httpx.AsyncClient) -> None:
    given = await gated.post("/ada/net/like", data={"wanted": "yes"})
    liked = (await gated.get("/ada/net", headers=PAGE)).text
    await gated.post("/ada/net/like", data={"wanted": "no"})
    after = (await gated.get("/ada/net", headers=PAGE)).text
    assert given.headers["location"] == "/ada/net"
    assert 'aria-pressed="true"' in liked
    assert 'aria-pressed="false"' in after
