"""Pictures for posts: clean, found by their address alone, taken away by who sent them."""

import httpx
import pytest

from app.core.db import Database
from tests.acceptance.test_texts import picture
from tests.factories.accounts import bearer, make_token, make_user

JSON = {"Accept": "application/json"}


async def _headers(database: Database, name: str) -> dict[str, str]:
    return bearer(await make_token(database, await make_user(database, name), "all"))


async def _send(
    client: httpx.AsyncClient, content: bytes, headers: dict[str, str]
) -> httpx.Response:
    files = {"picture": ("p.png", content, "image/png")}
    return await client.post("/pictures", files=files, headers=headers)


async def test_a_picture_is_shown_by_its_address_without_what_the_camera_wrote(
    client: httpx.AsyncClient, database: Database
) -> None:
    ada = await _headers(database, "ada")
    sent = await _send(client, picture(1), ada | JSON)
    again = await _send(client, picture(1), ada | JSON)
    address = sent.json()["url"]
    shown = await client.get(address)
    assert (sent.status_code, sent.json()["markdown"]) == (201, f"![]({address})")
    assert again.json()["url"] != address  # nobody learns what others have sent
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/png")
    assert b"Secret" not in shown.content
    assert "sandbox" in shown.headers["content-security-policy"]


async def test_a_form_adds_a_picture_and_takes_it_away(
    client: httpx.AsyncClient, database: Database
) -> None:
    ada, eve = await _headers(database, "ada"), await _headers(database, "eve")
    assert (await _send(client, picture(1), ada)).headers["location"] == "/pictures"
    address = (await _send(client, picture(1), eve | JSON)).json()["url"]
    page = (await client.get("/pictures", headers=ada)).text
    own = page.partition("![](")[2].partition(")")[0]
    stranger = await client.post(f"{address}/take-away", headers=ada)
    done = await client.post(f"{own}/take-away", headers=ada)
    assert (stranger.status_code, done.status_code) == (404, 303)
    assert (await client.get(own)).status_code == 404
    assert (await client.get(address)).status_code == 200  # the same picture, somebody else's
    assert own not in (await client.get("/pictures", headers=ada)).text


@pytest.mark.parametrize("content", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"", b"GIF89a"])
async def test_what_is_no_picture_is_refused_with_a_sentence(
    client: httpx.AsyncClient, database: Database, content: bytes
) -> None:
    ada = await _headers(database, "ada")
    refused = await _send(client, content, ada)
    assert refused.status_code == 422
    assert 'role="alert"' in refused.text


async def test_a_visitor_sends_nothing(client: httpx.AsyncClient) -> None:
    assert (await _send(client, picture(1), JSON)).status_code == 401
    assert (await client.get(f"/pictures/{'0' * 32}.png")).status_code == 404
