"""Uploads in parts, through our own API."""

import hashlib
import os
from datetime import timedelta

import httpx
import pytest

from app.core.db import Database
from tests.factories.accounts import bearer, make_token, make_user
from tests.hub.conftest import Hub

_DATA = os.urandom(20_000_000)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def _start(hub: Hub, path: str, data: bytes) -> dict[str, int | str]:
    body = {"repository": "models/ada/net", "path": path, "size": len(data)}
    answer = await hub.post("/api/v1/uploads", body)
    assert answer.status_code == 201
    upload: dict[str, int | str] = answer.json()
    return upload


async def _send(hub: Hub, upload: dict[str, int | str], number: int, data: bytes) -> httpx.Response:
    size = int(upload["part_size"])
    part = data[(number - 1) * size : number * size]
    return await hub.client.put(
        f"/api/v1/uploads/{upload['id']}/parts/{number}",
        content=part,
        headers=hub.headers | {"X-Content-Sha256": _sha256(part)},
    )


async def test_parts_in_any_order_become_the_whole_and_a_commit(hub: Hub) -> None:
    upload = await _start(hub, "w.bin", _DATA)
    assert int(upload["part_size"]) <= 16 * 1024 * 1024
    for number in (3, 1, 2):
        answer = await _send(hub, upload, number, _DATA)
        assert answer.status_code == 200
    assert answer.json()["parts"] == [1, 2, 3]
    done = await hub.post(f"/api/v1/uploads/{upload['id']}/complete", {"sha256": _sha256(_DATA)})
    assert done.json()["sha256"] == _sha256(_DATA)
    files = [{"path": "w.bin", "upload": upload["id"]}]
    commit = await hub.post(
        "/api/v1/repos/models/ada/net/commits", {"message": "Weights", "files": files}
    )
    assert commit.status_code == 201
    got = await hub.get("/ada/net/resolve/main/w.bin")
    assert got.content == _DATA
    assert got.headers["etag"] == f'"{_sha256(_DATA)}"'
    assert got.headers["x-repo-commit"] == commit.json()["oid"]


async def test_an_interrupted_upload_says_what_it_has(hub: Hub) -> None:
    upload = await _start(hub, "w.bin", _DATA)
    await _send(hub, upload, 2, _DATA)
    state = (await hub.get(f"/api/v1/uploads/{upload['id']}")).json()
    early = await hub.post(f"/api/v1/uploads/{upload['id']}/complete", {"sha256": _sha256(_DATA)})
    assert state["parts"] == [2]
    assert state["num_parts"] == 3
    assert early.status_code == 409
    assert [detail["path"] for detail in early.json()["details"]] == ["parts[1]", "parts[3]"]


async def test_a_damaged_part_is_refused_and_leaves_nothing(hub: Hub) -> None:
    upload = await _start(hub, "w.bin", b"x" * 100)
    answer = await hub.client.put(
        f"/api/v1/uploads/{upload['id']}/parts/1",
        content=b"y" * 100,
        headers=hub.headers | {"X-Content-Sha256": _sha256(b"x" * 100)},
    )
    assert answer.status_code == 422
    assert answer.json()["code"] == "digest_mismatch"
    assert (await hub.get(f"/api/v1/uploads/{upload['id']}")).json()["parts"] == []
    assert await hub.storage.temps(timedelta(0)) == []


@pytest.mark.parametrize("number", [0, 2, 99])
async def test_a_part_that_the_file_has_not_is_refused(hub: Hub, number: int) -> None:
    upload = await _start(hub, "w.bin", b"x" * 100)
    answer = await hub.client.put(
        f"/api/v1/uploads/{upload['id']}/parts/{number}",
        content=b"x",
        headers=hub.headers | {"X-Content-Sha256": _sha256(b"x")},
    )
    assert answer.status_code == 422


async def test_a_whole_with_another_hash_is_refused(hub: Hub) -> None:
    upload = await _start(hub, "w.bin", b"abc")
    await _send(hub, upload, 1, b"abc")
    answer = await hub.post(f"/api/v1/uploads/{upload['id']}/complete", {"sha256": "0" * 64})
    assert answer.status_code == 422


async def test_an_empty_file_and_a_small_text_go_inside_git(hub: Hub) -> None:
    ids = []
    for path, data in (("empty", b""), ("t.txt", b"hello\n")):
        upload = await _start(hub, path, data)
        if data:
            await _send(hub, upload, 1, data)
        await hub.post(f"/api/v1/uploads/{upload['id']}/complete", {"sha256": _sha256(data)})
        ids.append({"path": path, "upload": upload["id"]})
    await hub.post("/api/v1/repos/models/ada/net/commits", {"message": "m", "files": ids})
    tree = (await hub.get("/api/models/ada/net/tree/main")).json()
    found = {item["path"]: item for item in tree}
    assert "lfs" not in found["empty"]
    assert "lfs" not in found["t.txt"]
    assert found["t.txt"]["oid"] == "ce013625030ba8dba906f756967f9e9ca394464a"  # git's own id


async def test_nobody_touches_another_persons_upload(hub: Hub, database: Database) -> None:
    upload = await _start(hub, "w.bin", b"abc")
    await _send(hub, upload, 1, b"abc")
    await hub.post(f"/api/v1/uploads/{upload['id']}/complete", {"sha256": _sha256(b"abc")})
    eve = await make_user(database, "eve")
    hub.headers = bearer(await make_token(database, eve, "write"))
    await hub.post("/api/v1/repos", {"kind": "model", "name": "own"})
    files = [{"path": "stolen", "upload": upload["id"]}]
    answers = [
        await hub.get(f"/api/v1/uploads/{upload['id']}"),
        await _send(hub, upload, 1, b"abc"),
        await hub.post(f"/api/v1/uploads/{upload['id']}/complete", {"sha256": _sha256(b"abc")}),
        await hub.post("/api/v1/repos/models/eve/own/commits", {"message": "m", "files": files}),
    ]
    assert [answer.status_code for answer in answers] == [404] * 4


async def test_an_upload_stays_in_the_repository_it_was_made_for(hub: Hub) -> None:
    await hub.post("/api/v1/repos", {"kind": "model", "name": "other"})
    upload = await _start(hub, "w.bin", b"abc")
    await _send(hub, upload, 1, b"abc")
    await hub.post(f"/api/v1/uploads/{upload['id']}/complete", {"sha256": _sha256(b"abc")})
    files = [{"path": "w.bin", "upload": upload["id"]}]
    answer = await hub.post(
        "/api/v1/repos/models/ada/other/commits", {"message": "m", "files": files}
    )
    assert answer.status_code == 404


async def test_unknown_keys_are_refused(hub: Hub) -> None:
    body = {"repository": "models/ada/net", "path": "x", "size": 1, "user_id": 7}
    assert (await hub.post("/api/v1/uploads", body)).status_code == 422
