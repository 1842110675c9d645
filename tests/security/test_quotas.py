"""An account may hold so many bytes: sizes that lie, many small sendings, and copies of copies.

The attacks: a file announced as small and sent as large; files announced one by one, each of which
would fit; bundles of chunks that no file ever names; bytes taken over from somebody else.
"""

import hashlib
import json
import os
from typing import Any

import httpx
import pytest

from app.core.db import Database
from app.core.settings import Settings
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.xet import XetClient, cut, xorb
from tests.hf.conftest import Client, environment, hf, token
from tests.hub.conftest import Hub, hub, storage

__all__ = ["environment", "hf", "hub", "storage", "token"]

_ROOM = 1_000_000
_MOST = 600_000


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A site where nobody may hold more than a megabyte."""
    return settings.model_copy(update={"account_bytes": _ROOM})


@pytest.fixture
def ada(hub: Hub) -> XetClient:
    """A client of ada, for her public repository."""
    return XetClient(hub.client, hub.headers, "ada/net")


@pytest.fixture
async def bob(ada: XetClient, database: Database) -> XetClient:
    """A client of somebody else, for a repository of his own."""
    person = await make_user(database, "bob")
    headers = bearer(await make_token(database, person, "write"))
    body = {"kind": "model", "name": "own"}
    await ada.client.post("/api/v1/repos", json=body, headers=headers)
    return ada.as_(headers, "bob/own")


async def _announce(hub: Hub, *contents: bytes) -> list[dict[str, Any]]:
    objects = [{"oid": hashlib.sha256(c).hexdigest(), "size": len(c)} for c in contents]
    body = {"operation": "upload", "objects": objects}
    answer = await hub.post("/ada/net.git/info/lfs/objects/batch", body)
    rows: list[dict[str, Any]] = answer.json()["objects"]
    return rows


async def _send(hub: Hub, row: dict[str, Any], content: bytes) -> httpx.Response:
    return await hub.client.put(row["actions"]["upload"]["href"], content=content)


async def _commit(person: XetClient, content: bytes) -> httpx.Response:
    oid = hashlib.sha256(content).hexdigest()
    file = {"path": "x.bin", "algo": "sha256", "oid": oid, "size": len(content)}
    lines = [{"key": "header", "value": {"summary": "Add"}}, {"key": "lfsFile", "value": file}]
    return await person.client.post(
        f"/api/models/{person.repo}/commit/main",
        content="\n".join(map(json.dumps, lines)),
        headers={**person.headers, "Content-Type": "application/x-ndjson"},
    )


async def test_files_that_do_not_fit_are_refused_before_they_are_sent(hub: Hub) -> None:
    rows = await _announce(hub, b"a" * _MOST, b"b" * _MOST)
    assert [row["error"]["code"] for row in rows] == [413, 413]
    body = {"repository": "models/ada/net", "path": "x.bin", "size": _ROOM + 1}
    begun = await hub.post("/api/v1/uploads", body)
    assert begun.status_code == 413
    assert begun.json()["code"] == "over_quota"
    assert "fix" in begun.json()


async def test_an_upload_takes_its_room_when_it_is_begun(hub: Hub) -> None:
    body = {"repository": "models/ada/net", "path": "x.bin", "size": _MOST}
    assert (await hub.post("/api/v1/uploads", body)).status_code == 201
    assert (await hub.post("/api/v1/uploads", body | {"path": "y.bin"})).status_code == 413


async def test_files_announced_one_by_one_are_counted_when_they_arrive(hub: Hub) -> None:
    contents = [b"a" * _MOST, b"b" * _MOST]
    rows = [(await _announce(hub, content))[0] for content in contents]

    assert (await _send(hub, rows[0], contents[0])).status_code == 200
    assert (await _send(hub, rows[1], contents[1])).status_code == 413

    first, second = await _announce(hub, *contents)
    assert "error" not in first
    assert "actions" not in first
    assert "error" in second


async def test_a_file_that_is_sent_larger_than_announced_is_not_kept(hub: Hub) -> None:
    content = os.urandom(5_000_000)
    announced = {"oid": hashlib.sha256(content).hexdigest(), "size": 1}
    body = {"operation": "upload", "objects": [announced]}
    answer = await hub.post("/ada/net.git/info/lfs/objects/batch", body)
    row = answer.json()["objects"][0]
    assert (await _send(hub, row, content)).status_code == 413


async def test_bundles_that_no_file_names_take_room_too(ada: XetClient) -> None:
    bundles = [xorb(cut(os.urandom(_MOST))) for _ in range(2)]
    answers = [await ada.send_xorb(bundle) for bundle in bundles]
    assert [answer.status_code for answer in answers] == [200, 413]


async def test_the_same_bytes_twice_in_an_account_are_counted_once(
    hub: Hub, ada: XetClient
) -> None:
    content = os.urandom(_MOST)
    await ada.send_file(content)
    await hub.post("/api/v1/repos", {"kind": "model", "name": "twin"})
    answer = await _commit(ada.as_(ada.headers, "ada/twin"), content)
    assert answer.status_code == 200, answer.text


async def test_a_copy_of_somebody_elses_repository_needs_room(
    ada: XetClient, bob: XetClient
) -> None:
    content = os.urandom(_MOST)
    await ada.send_file(content)
    assert (await _commit(ada, content)).status_code == 200
    await bob.send_file(os.urandom(_MOST))

    answer = await bob.client.post(
        "/api/models/ada/net/duplicate", json={"repository": "bob/copy"}, headers=bob.headers
    )
    assert answer.status_code == 413
    assert (await bob.client.get("/api/models/bob/copy")).status_code in {401, 404}


async def test_what_is_deleted_makes_room(hub: Hub, ada: XetClient) -> None:
    await ada.send_file(os.urandom(_MOST))
    body = {"name": "net", "organization": "ada", "type": "model"}
    deleted = await hub.client.request(
        "DELETE", "/api/repos/delete", json=body, headers=hub.headers
    )
    assert deleted.status_code == 200, deleted.text
    await hub.post("/api/v1/repos", {"kind": "model", "name": "next"})
    await ada.as_(ada.headers, "ada/next").send_file(os.urandom(_MOST))


def test_the_stock_client_says_why_a_file_is_refused(hf: Client) -> None:
    said = hf("""
api.create_repo("ada/big")
api.create_bucket("ada/scratch")
result = []
for send in (
    lambda: api.upload_file(path_or_fileobj=os.urandom(3_000_000), path_in_repo="x.bin",
                            repo_id="ada/big"),
    lambda: api.batch_bucket_files("ada/scratch", add=[(os.urandom(3_000_000), "x.bin")]),
):
    try:
        send()
        result.append("sent")
    except Exception as error:
        result.append(str(error))
""")
    assert all("413" in words for words in said), said
