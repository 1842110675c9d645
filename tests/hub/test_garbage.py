"""What nothing refers to any more is freed; what somebody needs never is."""

import asyncio
import base64
import hashlib
import json
import os
from datetime import timedelta
from pathlib import Path

import httpx
from sqlalchemy import update

from app.core.clock import now
from app.hub.service.garbage import Collector, Freed, Grace
from app.hub.tables import Blob, LfsObject, RepositoryLfs, Xorb
from tests.factories.xet import XetClient, cut, shard, term, xorb
from tests.hub.conftest import Hub

_AT_ONCE = Grace(timedelta(0), timedelta(0))
_BIG_TEXT = b"line of a big text\n" * 5000
_XORB = 300_000


def _xet(hub: Hub) -> XetClient:
    return XetClient(hub.client, hub.headers, "ada/net")


async def _age(hub: Hub) -> None:
    """Let everything have been sent five weeks ago, as far as the database knows."""
    long_ago = now() - timedelta(weeks=5)
    async with hub.database.transaction() as db:
        for table in (Blob, LfsObject, Xorb):
            await db.execute(update(table).values(created_at=long_ago))
        await db.execute(update(RepositoryLfs).values(pushed_at=long_ago))


async def _collect(hub: Hub, grace: Grace = _AT_ONCE) -> Freed:
    return await Collector(hub.database, hub.storage, [], grace).collect()


def _freed(freed: Freed) -> dict[str, int]:
    return {prefix: gone.count for prefix, gone in freed.objects.items()}


async def _send_lfs(hub: Hub, data: bytes) -> None:
    oid = hashlib.sha256(data).hexdigest()
    body = {"operation": "upload", "objects": [{"oid": oid, "size": len(data)}]}
    answer = await hub.post("/ada/net.git/info/lfs/objects/batch", body)
    for row in answer.json()["objects"]:
        if "actions" in row:
            sent = await hub.client.put(row["actions"]["upload"]["href"], content=data)
            assert sent.status_code == 200


async def _commit(hub: Hub, key: str, value: dict[str, object]) -> httpx.Response:
    lines = [
        json.dumps({"key": "header", "value": {"summary": "s"}}),
        json.dumps({"key": key, "value": value}),
    ]
    path = "/api/models/ada/net/commit/main"
    return await hub.client.post(path, content="\n".join(lines), headers=hub.headers)


async def _commit_stored(hub: Hub, path: str, data: bytes) -> httpx.Response:
    oid = hashlib.sha256(data).hexdigest()
    value = {"path": path, "algo": "sha256", "oid": oid, "size": len(data)}
    return await _commit(hub, "lfsFile", value)


async def _fill(hub: Hub) -> dict[str, bytes]:
    """Commit a large file, one that came by Xet, and a big text inside git."""
    files = {"plain.bin": os.urandom(5000), "xet.bin": os.urandom(_XORB), "big.txt": _BIG_TEXT}
    await _send_lfs(hub, files["plain.bin"])
    await _xet(hub).send_file(files["xet.bin"])
    content = base64.b64encode(_BIG_TEXT).decode()
    made = [
        await _commit_stored(hub, "plain.bin", files["plain.bin"]),
        await _commit_stored(hub, "xet.bin", files["xet.bin"]),
        await _commit(hub, "file", {"path": "big.txt", "content": content, "encoding": "base64"}),
    ]
    assert [answer.status_code for answer in made] == [200] * 3
    return files


async def _read(hub: Hub, files: dict[str, bytes]) -> dict[str, bytes]:
    return {path: (await hub.get(f"/ada/net/resolve/main/{path}")).content for path in files}


async def test_what_is_in_use_stays_whatever_its_age(hub: Hub) -> None:
    files = await _fill(hub)
    await _age(hub)
    freed = await _collect(hub)
    assert _freed(freed) == {}
    assert await _read(hub, files) == files


async def test_a_deleted_repository_gives_its_space_back(hub: Hub) -> None:
    await _fill(hub)
    body = {"name": "net", "organization": "ada", "type": "model"}
    gone = await hub.client.request("DELETE", "/api/repos/delete", json=body, headers=hub.headers)
    await _age(hub)
    freed = await _collect(hub)
    assert gone.status_code == 200
    assert _freed(freed) == {"git": 1, "lfs": 1, "xorb": 1}
    assert freed.objects["lfs"].size == 5000


async def test_a_rehearsal_counts_the_same_and_removes_nothing(hub: Hub) -> None:
    await _send_lfs(hub, b"\0never committed")
    await _age(hub)
    rehearsed = await Collector(hub.database, hub.storage, [], _AT_ONCE).rehearse()
    first = await _collect(hub)
    second = await _collect(hub)
    assert _freed(rehearsed) == _freed(first) == {"lfs": 1}
    assert _freed(second) == {}


async def test_what_was_sent_lately_stays_though_nobody_refers_to_it(hub: Hub) -> None:
    await _send_lfs(hub, b"\0about to be committed")
    await _xet(hub).send_xorb(xorb(cut(os.urandom(_XORB))))
    freed = await _collect(hub, Grace())
    made = await _commit_stored(hub, "a.bin", b"\0about to be committed")
    assert _freed(freed) == {}
    assert made.status_code == 200


async def test_a_bundle_outlives_its_file_for_clients_that_remember_it(hub: Hub) -> None:
    data = os.urandom(_XORB)
    await _xet(hub).send_file(data)
    await _age(hub)
    async with hub.database.transaction() as db:
        lately = now() - timedelta(weeks=3)
        await db.execute(update(Xorb).values(created_at=lately))
    freed = await _collect(hub, Grace())
    bundle = xorb(cut(data))
    again = await _xet(hub).send_shard(shard([term(bundle)], bundle.chunks))
    assert freed.rows["large files"].count == 1
    assert freed.rows["xorbs"].count == 0
    assert again.status_code == 200


async def test_others_may_keep_objects_of_their_own(hub: Hub) -> None:
    key = "lfs/aa/aa/" + "a" * 64
    await hub.storage.put(key, b"a job's checkpoint")

    async def needs(_db: object, keys: object) -> set[str]:
        del keys
        return {key}

    kept = await Collector(hub.database, hub.storage, [needs], _AT_ONCE).collect()
    freed = await _collect(hub)
    assert (_freed(kept), _freed(freed)) == ({}, {"lfs": 1})


async def test_garbage_sent_again_while_it_is_collected_is_never_lost(
    hub: Hub, tmp_path: Path
) -> None:
    """Old bytes that nobody needed: at the moment of their collection somebody sends them."""
    for turn in range(6):
        files = [f"\0file {turn} {number}".encode() * 50 for number in range(5)]
        for data in files:
            await _send_lfs(hub, data)
        await _age(hub)
        for file in (tmp_path / "blobs" / "lfs").rglob("*"):
            if file.is_file():
                os.utime(file, (0, 0))
        collector = asyncio.create_task(_collect(hub, Grace()))
        for number, data in enumerate(files):
            await _until_committed(hub, f"{turn}/{number}.bin", data)
        await collector
        for number, data in enumerate(files):
            answer = await hub.get(f"/ada/net/resolve/main/{turn}/{number}.bin")
            assert (answer.status_code, answer.content) == (200, data)


async def _until_committed(hub: Hub, path: str, data: bytes) -> None:
    """Send and commit; whoever relied on bytes that just went is told so, and sends them again."""
    for _attempt in range(5):
        await _send_lfs(hub, data)
        made = await _commit_stored(hub, path, data)
        if made.status_code == 200:
            return
        assert made.json()["code"] == "lfs_object_missing"
    raise AssertionError("never committed")
