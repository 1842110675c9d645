"""Commits, comparisons and weights in the browser."""

import json
import struct
from collections.abc import AsyncIterator

import httpx
import pytest

from app.core.db import Database
from app.core.storage import BlobStore
from app.hub import policy, service
from app.hub.schemas import AddFile, AddStored, Author, DeleteFile, NewCommit, Operation
from app.hub.tables import Repository
from tests.factories.accounts import make_user
from tests.factories.hub import make_repository, viewer_of

PAGE = {"Accept": "text/html"}


class Shelf:
    """ada/net, and commits to it."""

    def __init__(self, database: Database, storage: BlobStore) -> None:
        self.database = database
        self.storage = storage
        self.repository: Repository

    async def fill(self) -> None:
        ada = await make_user(self.database, "ada")
        files = {"README.md": b"# Net\none\ntwo\n", "old.txt": b"same text\n"}
        self.repository = await make_repository(
            self.database, self.storage, ada, "net", files=files
        )
        self.ada = ada

    async def commit(self, *operations: Operation, branch: str = "main", text: str = "Why") -> str:
        async with self.database.transaction() as db:
            found = await policy.access_by_id(db, viewer_of(self.ada), self.repository.id)
            author = Author("ada", self.ada.id)
            new = NewCommit("Change", author, operations, branch=branch, description=text)
            return (await service.commit(db, self.storage, found, new)).oid


@pytest.fixture
async def shelf(database: Database, app: object) -> Shelf:
    made = Shelf(database, app.state.storage)  # type: ignore[attr-defined]  # FastAPI's state
    await made.fill()
    return made


async def test_a_commit_page_numbers_lines_and_knows_moved_files(
    client: httpx.AsyncClient, shelf: Shelf
) -> None:
    oid = await shelf.commit(
        AddFile("README.md", b"# Net\none\nthree\n"),
        DeleteFile("old.txt"),
        AddFile("new.txt", b"same text\n"),
        AddFile("long.txt", b"x\n" * 500),
        text="Because.\n\nCo-authored-by: Grace <g@x>",
    )
    page = (await client.get(f"/ada/net/commit/{oid}", headers=PAGE)).text
    assert "3 files changed" in page
    assert "old.txt →" in page
    assert '<td class="line-number">3</td>' in page
    assert "Grace" in page
    assert page.count(" open>") < page.count('class="panel panel-flush change"')


async def test_two_revisions_are_compared_from_where_they_parted(
    client: httpx.AsyncClient, shelf: Shelf
) -> None:
    async with shelf.database.transaction() as db:
        found = await policy.access_by_id(db, viewer_of(shelf.ada), shelf.repository.id)
        await service.create_branch(db, found, "feature/x")
    await shelf.commit(AddFile("side.txt", b"side\n"), branch="feature/x")
    await shelf.commit(AddFile("main.txt", b"main\n"))
    led = await client.get("/ada/net/compare?base=main&head=feature/x", headers=PAGE)
    assert led.headers["location"] == "/ada/net/compare/main...feature%2Fx"
    parted = (await client.get(led.headers["location"], headers=PAGE)).text
    assert "side.txt" in parted
    assert "main.txt" not in parted
    both = (await client.get("/ada/net/compare/main..feature%2Fx", headers=PAGE)).text
    assert "main.txt" in both
    nothing = await client.get("/ada/net/compare/main...main", headers=PAGE)
    assert "Nothing differs" in nothing.text
    for spec in ("main", "main...nothing"):
        missing = await client.get(f"/ada/net/compare/{spec}", headers=PAGE)
        assert missing.status_code == 404


async def test_a_large_file_shows_its_hashes(client: httpx.AsyncClient, shelf: Shelf) -> None:
    async def bytes_of(content: bytes) -> AsyncIterator[bytes]:
        yield content

    key, digest = await service.receive_bytes(shelf.storage, bytes_of(b"weights"), None, 100)
    async with shelf.database.transaction() as db:
        await service.link_received(db, shelf.repository, shelf.ada.id, [(key, digest)])
    oid = await shelf.commit(AddStored("w.bin", digest.sha256, digest.size))
    page = (await client.get(f"/ada/net/commit/{oid}", headers=PAGE)).text
    assert digest.sha256 in page


async def test_tensors_are_counted_and_narrowed_by_their_names(
    client: httpx.AsyncClient, shelf: Shelf
) -> None:
    header = {
        "conv.weight": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
        "head.bias": {"dtype": "F16", "shape": [3], "data_offsets": [16, 22]},
        "__metadata__": {"format": "pt"},
    }
    text = json.dumps(header).encode()
    content = struct.pack("<Q", len(text)) + text + bytes(22)
    places = dict.fromkeys(("conv.weight", "head.bias"), "a.safetensors")
    index = {"metadata": {"total_size": 22}, "weight_map": places}
    await shelf.commit(
        AddFile("a.safetensors", content),
        AddFile("model.safetensors.index.json", json.dumps(index).encode()),
    )
    page = (await client.get("/ada/net/blob/main/a.safetensors", headers=PAGE)).text
    assert "2 × 2" in page
    assert "2 tensors" in page
    assert ">7</strong> parameters" in page
    narrowed = await client.get("/ada/net/blob/main/a.safetensors?tensor=HEAD", headers=PAGE)
    assert "head.bias" in narrowed.text
    assert "conv.weight" not in narrowed.text
    sharded = await client.get("/ada/net/blob/main/model.safetensors.index.json", headers=PAGE)
    assert "a.safetensors" in sharded.text
    assert "total_size" in sharded.text
