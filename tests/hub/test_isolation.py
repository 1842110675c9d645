"""Content addressing must not tell one person what another has, nor hand it over."""

import hashlib
import json
import struct
from datetime import timedelta

import httpx
import pytest
from blake3 import blake3

from app.core.db import Database
from app.hub import xet
from tests.factories.accounts import bearer, make_token, make_user
from tests.hub.conftest import Hub

_SECRET = b"\0secret weights" * 1000
_OID = hashlib.sha256(_SECRET).hexdigest()


async def _batch(hub: Hub, repo: str, operation: str, oid: str, size: int) -> httpx.Response:
    return await hub.post(
        f"/{repo}.git/info/lfs/objects/batch",
        {"operation": operation, "transfers": ["basic"], "objects": [{"oid": oid, "size": size}]},
    )


@pytest.fixture
async def eve(hub: Hub, database: Database) -> Hub:
    """ada keeps large bytes in a private repository; the client returned is eve's."""
    await hub.post("/api/v1/repos", {"kind": "model", "name": "secret", "private": True})
    row = (await _batch(hub, "ada/secret", "upload", _OID, len(_SECRET))).json()["objects"][0]
    sent = await hub.client.put(row["actions"]["upload"]["href"], content=_SECRET)
    line = {"key": "lfsFile", "value": {"path": "w.bin", "oid": _OID, "size": len(_SECRET)}}
    made = await hub.client.post(
        "/api/models/ada/secret/commit/main", content=json.dumps(line), headers=hub.headers
    )
    assert (sent.status_code, made.status_code) == (200, 200)
    person = await make_user(database, "eve")
    headers = bearer(await make_token(database, person, "write"))
    hub = Hub(hub.client, database, hub.storage, person, hub.repository, headers)
    await hub.post("/api/v1/repos", {"kind": "model", "name": "own"})
    return hub


async def test_the_batch_call_treats_private_bytes_like_unknown_ones(eve: Hub) -> None:
    known = (await _batch(eve, "eve/own", "upload", _OID, len(_SECRET))).json()["objects"][0]
    other = (await _batch(eve, "eve/own", "upload", "1" * 64, len(_SECRET))).json()["objects"][0]
    assert sorted(known) == sorted(other)
    assert sorted(known["actions"]) == ["upload", "verify"]


async def test_a_commit_cannot_link_bytes_its_author_never_sent(eve: Hub) -> None:
    answers = []
    for oid in (_OID, "1" * 64):
        line = {"key": "lfsFile", "value": {"path": "w.bin", "oid": oid, "size": len(_SECRET)}}
        answers.append(
            await eve.client.post(
                "/api/models/eve/own/commit/main", content=json.dumps(line), headers=eve.headers
            )
        )
    assert [answer.status_code for answer in answers] == [422, 422]
    assert [answer.json()["code"] for answer in answers] == ["lfs_object_missing"] * 2


async def test_a_committed_pointer_text_buys_nothing(eve: Hub) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{_OID}\nsize 15000\n"
    body = {"message": "m", "texts": {"w.bin": pointer}}
    answer = await eve.post("/api/v1/repos/models/eve/own/commits", body)
    assert answer.status_code == 422


async def test_nobody_downloads_private_bytes_by_their_hash(eve: Hub) -> None:
    for repo in ("eve/own", "ada/net"):
        row = (await _batch(eve, repo, "download", _OID, len(_SECRET))).json()["objects"][0]
        assert row["error"]["code"] == 404
        assert "actions" not in row
    for repo in ("ada/secret", "ada/absent"):
        answer = await _batch(eve, repo, "download", _OID, len(_SECRET))
        assert (answer.status_code, answer.json()["code"]) == (404, "RepoNotFound")


async def test_bytes_with_another_hash_are_refused_and_change_nothing(eve: Hub) -> None:
    row = (await _batch(eve, "eve/own", "upload", _OID, len(_SECRET))).json()["objects"][0]
    forged = await eve.client.put(row["actions"]["upload"]["href"], content=b"x" * len(_SECRET))
    longer = await eve.client.put(row["actions"]["upload"]["href"], content=_SECRET + b"x")
    verified = await eve.client.post(row["actions"]["verify"]["href"], json={})
    assert [forged.status_code, longer.status_code, verified.status_code] == [422, 413, 404]
    assert await eve.storage.temps(timedelta(0)) == []
    key = f"lfs/{_OID[:2]}/{_OID[2:4]}/{_OID}"
    assert await eve.storage.read_all(key) == _SECRET


async def test_an_upload_address_serves_one_object_and_one_action(eve: Hub) -> None:
    row = (await _batch(eve, "eve/own", "upload", _OID, len(_SECRET))).json()["objects"][0]
    href = row["actions"]["upload"]["href"]
    other = href.replace(_OID, "1" * 64)
    answers = [
        await eve.client.get(href),
        await eve.client.put(other, content=_SECRET),
        await eve.client.put(href[:-1] + ("0" if href[-1] != "0" else "1"), content=_SECRET),
        await eve.client.put(href.split("?")[0], content=_SECRET),
        await eve.client.post(href.replace("?", "/verify?"), json={}),
    ]
    assert [answer.status_code for answer in answers] == [401] * 5


async def test_who_only_reads_may_upload_for_a_proposal_and_nothing_else(
    eve: Hub, database: Database
) -> None:
    """Clients that propose name the branch main, so bytes are taken; what counts is the commit."""
    reader = bearer(await make_token(database, eve.owner, "read"))
    foreign = await _batch(eve, "ada/net", "upload", _OID, len(_SECRET))
    committed = await eve.client.post(
        "/api/models/ada/net/commit/main",
        content='{"key": "header", "value": {"summary": "x"}}\n',
        headers=eve.headers | {"content-type": "application/x-ndjson"},
    )
    eve.headers = reader
    scoped = await _batch(eve, "eve/own", "upload", _OID, len(_SECRET))
    eve.headers = {}
    anonymous = await _batch(eve, "eve/own", "upload", _OID, len(_SECRET))
    codes = [r.status_code for r in (foreign, committed, scoped, anonymous)]
    assert codes == [200, 403, 403, 401]
    assert anonymous.headers["www-authenticate"].startswith("Basic")


def _chunked(data: bytes) -> bytes:
    return b"\0" + len(data).to_bytes(3, "little") + b"\0" + len(data).to_bytes(3, "little") + data


def _shard(data: bytes, sha256: str, xorb: str, proof: bytes) -> bytes:
    chunk = xet.Chunk(xet.chunk_hash(data), len(data), len(data) + 8)
    head = xet.from_hex(xet.file_hash([chunk])) + struct.pack("<IIQ", 3 << 30, 1, 0)
    term = xet.from_hex(xorb) + struct.pack("<IIII", 0, len(data), 0, 1)
    digest = xet.from_hex(sha256) + bytes(16)
    tag = b"HFRepoMetaData\0" + bytes(17) + struct.pack("<QQ", 2, 0)
    end = b"\xff" * 32 + bytes(16)
    return tag + head + term + proof + bytes(16) + digest + end + end


async def _cas(hub: Hub, repo: str) -> tuple[str, dict[str, str]]:
    answer = (await hub.get(f"/api/models/{repo}/xet-write-token/main")).json()
    return answer["casUrl"], bearer(answer["accessToken"])


async def _send(hub: Hub, data: bytes, repo: str = "eve/own") -> tuple[str, str, bytes]:
    """Send `data` as a bundle of one chunk; return where, its hash and its proof."""
    cas, headers = await _cas(hub, repo)
    chunk = xet.Chunk(xet.chunk_hash(data), len(data), len(data) + 8)
    name, proof = xet.xorb_hash([chunk]), xet.term_proof([chunk])
    sent = await hub.client.post(
        f"{cas}/v1/xorbs/default/{name}", content=_chunked(data), headers=headers
    )
    assert sent.status_code == 200
    return cas, name, proof


async def test_a_shard_makes_a_file_only_with_the_true_sha256(eve: Hub) -> None:
    data = b"my own bytes\0" * 500
    cas, name, proof = await _send(eve, data)
    _cas_url, headers = await _cas(eve, "eve/own")
    answers = [
        await eve.client.post(
            f"{cas}/v1/shards", content=_shard(data, digest, name, proof), headers=headers
        )
        for digest in (_OID, hashlib.sha256(data).hexdigest())
    ]
    stolen = (await _batch(eve, "eve/own", "download", _OID, len(_SECRET))).json()
    assert [answer.status_code for answer in answers] == [422, 200]
    assert stolen["objects"][0]["error"]["code"] == 404


async def test_a_shard_cannot_name_a_bundle_that_somebody_else_sent(eve: Hub, hub: Hub) -> None:
    _cas_url, name, proof = await _send(hub, _SECRET, "ada/secret")
    cas, headers = await _cas(eve, "eve/own")
    shard = _shard(_SECRET, _OID, name, proof)
    answer = await eve.client.post(f"{cas}/v1/shards", content=shard, headers=headers)
    assert answer.status_code == 403


async def test_a_wrong_proof_is_refused(eve: Hub) -> None:
    data = b"bytes\0" * 100
    cas, name, _proof = await _send(eve, data)
    _cas_url, headers = await _cas(eve, "eve/own")
    forged = blake3(b"guess").digest()
    shard = _shard(data, hashlib.sha256(data).hexdigest(), name, forged)
    answer = await eve.client.post(f"{cas}/v1/shards", content=shard, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_proof")


async def test_a_bundle_that_is_not_what_its_name_says_is_refused(eve: Hub) -> None:
    cas, headers = await _cas(eve, "eve/own")
    name = xet.xorb_hash([xet.Chunk(xet.chunk_hash(b"abc"), 3, 11)])
    bodies = (
        b"",
        b"\0",
        _chunked(b"abc")[:-1],
        _chunked(b"other"),
        b"\0\xff\xff\xff\1\xff\xff\xffx",
        b"\0\4\0\0\1\4\0\0abcd",
        b"\1" + _chunked(b"abc")[1:],
        b"XETBLOB" + bytes(100),
    )
    for body in bodies:
        answer = await eve.client.post(
            f"{cas}/v1/xorbs/default/{name}", content=body, headers=headers
        )
        assert answer.status_code == 400, body
    assert await eve.storage.temps(timedelta(0)) == []


async def test_a_shard_that_cannot_be_read_is_refused(eve: Hub) -> None:
    cas, headers = await _cas(eve, "eve/own")
    for body in (b"", b"HFRepoMetaData\0", b"x" * 500):
        answer = await eve.client.post(f"{cas}/v1/shards", content=body, headers=headers)
        assert answer.status_code == 400


async def test_only_a_writer_gets_a_write_token_and_only_it_opens_the_store(eve: Hub) -> None:
    refused = await eve.get("/api/models/ada/net/xet-write-token/main")
    cas, _headers = await _cas(eve, "eve/own")
    reader = (await eve.get("/api/models/ada/net/xet-read-token/main")).json()["accessToken"]
    answers = [
        await eve.client.post(f"{cas}/v1/shards", headers=headers)
        for headers in ({}, eve.headers, bearer(reader), bearer("a.b"))
    ]
    assert refused.status_code == 403
    assert [answer.status_code for answer in answers] == [401] * 4
