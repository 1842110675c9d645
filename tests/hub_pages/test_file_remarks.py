"""What pages of files say beside the content: formats that can run code, a card's head, a gate."""

import httpx
import pytest

from app.core.db import Database
from tests.factories.accounts import make_user, sign_in

PAGE = {"Accept": "text/html"}
REMARK = "This format can run code when it is loaded."
FILES = {
    "model.pt": b"PK\x03\x04",
    "weights.dat": b"\x80\x04\x95",
    "notes.txt": b"calm",
    "README.md": b"---\nlicense: mit\n---\n# Net\n\nOpen.\n",
}


@pytest.fixture
async def ada(client: httpx.AsyncClient, database: Database) -> httpx.AsyncClient:
    """A client signed in as `ada`, whose model `ada/net` holds `FILES`."""
    await make_user(database, "ada")
    await sign_in(client, "ada")
    await client.post("/new", data={"kind": "model", "owner": "ada", "name": "net"})
    sent = [("files", (name, content)) for name, content in FILES.items()]
    await client.post("/ada/net/upload/main", files=sent)
    return client


async def read(client: httpx.AsyncClient, address: str) -> str:
    answer = await client.get(address, headers=PAGE)
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize("name", ["model.pt", "weights.dat"])
async def test_a_file_that_can_run_code_says_so_by_its_name_or_its_beginning(
    ada: httpx.AsyncClient, name: str
) -> None:
    assert REMARK in await read(ada, f"/ada/net/blob/main/{name}")


async def test_a_file_that_cannot_run_code_carries_no_remark(ada: httpx.AsyncClient) -> None:
    assert REMARK not in await read(ada, "/ada/net/blob/main/notes.txt")


async def test_the_list_of_files_marks_by_name_alone(ada: httpx.AsyncClient) -> None:
    assert (await read(ada, "/ada/net/tree/main")).count(REMARK) == 1


async def test_clients_are_told_that_nobody_scanned_and_never_that_a_file_is_safe(
    ada: httpx.AsyncClient,
) -> None:
    rows = (await ada.get("/api/models/ada/net/tree/main?expand=true")).json()
    said = {row["path"]: row.get("securityFileStatus") for row in rows}
    assert said["model.pt"]["status"] == "unscanned"
    assert said["notes.txt"] is None


async def test_the_head_of_a_card_is_not_drawn_as_its_text(ada: httpx.AsyncClient) -> None:
    drawn = await read(ada, "/ada/net/blob/main/README.md")
    source = await read(ada, "/ada/net/blob/main/README.md?view=source")
    assert "<hr" not in drawn
    assert 'href="?view=source"' in drawn
    assert 'id="L2"' in source


async def test_a_gated_file_shows_the_gate_and_not_a_dead_end(ada: httpx.AsyncClient) -> None:
    await ada.post("/ada/net/settings/gate", data={"gate": "manual"})
    ada.cookies.clear()
    answer = await ada.get("/ada/net/blob/main/notes.txt", headers=PAGE)
    assert answer.status_code == 401
    assert 'id="gate"' in answer.text
    assert "calm" not in answer.text
