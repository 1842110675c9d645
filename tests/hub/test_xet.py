"""Xet, read and written by a client of our own: formats, ranges, sharing, and who gets what."""

import hashlib
import json
import os
import re
from typing import Any

import httpx
import pytest

from app.core.db import Database
from app.hub import xet
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.xet import XetClient, cut, shard, table, term, xorb
from tests.hub.conftest import Hub

_FILE = os.urandom(120_000) + b"floats \0\1\2\3" * 30_000


@pytest.fixture
async def ada(hub: Hub) -> XetClient:
    """The client of ada, who has a private repository."""
    await hub.post("/api/v1/repos", {"kind": "model", "name": "secret", "private": True})
    return XetClient(hub.client, hub.headers, "ada/secret")


@pytest.fixture
async def eve(ada: XetClient, database: Database) -> XetClient:
    """The client of somebody who may not read that."""
    person = await make_user(database, "eve")
    headers = bearer(await make_token(database, person, "write"))
    body = {"kind": "model", "name": "own"}
    await ada.client.post("/api/v1/repos", json=body, headers=headers)
    return ada.as_(headers, "eve/own")


async def _fetch(client: XetClient, body: dict[str, Any]) -> bytes:
    """Return the bytes that a reconstruction stands for, read as the protocol says."""
    out = b""
    for one in body["terms"]:
        where = next(
            row
            for row in body["fetch_info"][one["hash"]]
            if row["range"]["start"] <= one["range"]["start"]
            and row["range"]["end"] >= one["range"]["end"]
        )
        span = where["url_range"]
        answer = await client.client.get(
            where["url"], headers={"Range": f"bytes={span['start']}-{span['end']}"}
        )
        assert answer.status_code == 206
        chunks = _unpacked(answer.content)
        assert len(chunks) == where["range"]["end"] - where["range"]["start"]
        before = one["range"]["start"] - where["range"]["start"]
        length = one["range"]["end"] - one["range"]["start"]
        out += b"".join(chunks[before : before + length])
    return out[body["offset_into_first_range"] :]


def _unpacked(packed: bytes) -> list[bytes]:
    out, at = [], 0
    while at < len(packed):
        size = int.from_bytes(packed[at + 1 : at + 4], "little")
        raw = int.from_bytes(packed[at + 5 : at + 8], "little")
        out.append(bytes(xet.unpack_chunk(packed[at + 4], packed[at + 8 : at + 8 + size], raw)))
        at += 8 + size
    return out


@pytest.mark.parametrize("schemes", [(0,), (1,), (2,), (0, 1, 2)])
async def test_a_file_comes_back_however_its_chunks_were_packed(
    ada: XetClient, schemes: tuple[int, ...]
) -> None:
    name = await ada.send_file(_FILE, schemes)
    answer = await ada.reconstruction(name)
    assert await _fetch(ada, answer.json()) == _FILE


@pytest.mark.parametrize(
    "wanted",
    [(0, 0), (0, 99), (49_999, 50_000), (50_000, 99_999), (123_456, 345_678), (300_000, 10**9)],
)
async def test_any_range_of_a_file_can_be_fetched(ada: XetClient, wanted: tuple[int, int]) -> None:
    first, last = wanted
    name = await ada.send_file(_FILE)
    answer = await ada.reconstruction(name, Range=f"bytes={first}-{last}")
    fetched = await _fetch(ada, answer.json())
    expected = _FILE[first : last + 1]
    assert fetched[: len(expected)] == expected
    assert len(fetched) - len(expected) < 50_000


async def test_a_range_beyond_the_end_is_not_satisfiable(ada: XetClient) -> None:
    name = await ada.send_file(_FILE)
    answer = await ada.reconstruction(name, Range=f"bytes={len(_FILE)}-")
    assert answer.status_code == 416


async def test_both_versions_of_the_answer_name_the_same_bytes(ada: XetClient) -> None:
    name = await ada.send_file(_FILE)
    old = (await ada.reconstruction(name)).json()
    new = (await ada.reconstruction(name, version=2)).json()
    (xorb_name,) = old["fetch_info"]
    assert new["terms"] == old["terms"]
    assert new["xorbs"][xorb_name][0]["ranges"] == [
        {
            "chunks": old["fetch_info"][xorb_name][0]["range"],
            "bytes": old["fetch_info"][xorb_name][0]["url_range"],
        }
    ]


async def test_a_file_of_many_runs_is_read_in_order(ada: XetClient) -> None:
    one, two = xorb(cut(os.urandom(200_000))), xorb(cut(os.urandom(150_000)))
    await ada.send_xorb(one)
    await ada.send_xorb(two)
    terms = [term(one, 1, 3), term(two), term(one, 0, 1), term(one, 1, 2)]
    chunks = [*one.chunks[1:3], *two.chunks, one.chunks[0], one.chunks[1]]
    taken = await ada.send_shard(shard(terms, chunks))
    answer = await ada.reconstruction(xet.file_hash(table(chunks)))
    assert taken.status_code == 200, taken.text
    assert await _fetch(ada, answer.json()) == b"".join(chunks)


async def test_an_address_of_bytes_serves_its_own_range_alone(ada: XetClient) -> None:
    name = await ada.send_file(_FILE)
    body = (await ada.reconstruction(name, Range="bytes=60000-70000")).json()
    (rows,) = body["fetch_info"].values()
    url, span = rows[0]["url"], rows[0]["url_range"]
    forged = re.sub(r"grant=.", "grant=f", url)
    answers = [
        await ada.client.get(url, headers={"Range": f"bytes={span['start']}-{span['end'] + 1}"}),
        await ada.client.get(url, headers={"Range": f"bytes=0-{span['end']}"}),
        await ada.client.get(url, headers={"Range": f"bytes={span['start']}-"}),
        await ada.client.get(url),
        await ada.client.get(forged, headers={"Range": f"bytes={span['start']}-{span['end']}"}),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403, 403, 401]


async def test_the_hash_of_a_private_file_opens_no_door(ada: XetClient, eve: XetClient) -> None:
    name = await ada.send_file(_FILE)
    theirs = await eve.reconstruction(name)
    tokens = [
        await eve.client.get(f"/api/models/ada/secret/xet-{action}-token/main", headers=eve.headers)
        for action in ("read", "write")
    ]
    assert theirs.status_code == 404
    assert [answer.status_code for answer in tokens] == [404, 404]


async def test_a_token_for_sending_fetches_nothing_and_the_other_way_round(ada: XetClient) -> None:
    name = await ada.send_file(_FILE)
    cas, sending = await ada.token("write")
    _cas, fetching = await ada.token("read")
    bundle = xorb(cut(b"x" * 9))
    answers = [
        await ada.client.get(f"{cas}/v1/reconstructions/{name}", headers=sending),
        await ada.client.get(f"{cas}/v1/reconstructions/{name}"),
        await ada.client.get(f"{cas}/v1/reconstructions/{name}", headers=ada.headers),
        await ada.client.post(
            f"{cas}/v1/xorbs/default/{bundle.hash}", content=bundle.body, headers=fetching
        ),
    ]
    assert [answer.status_code for answer in answers] == [401] * 4


async def test_a_shard_over_a_private_bundle_is_refused_even_with_true_proofs(
    ada: XetClient, eve: XetClient
) -> None:
    """Who knows the chunks' hashes still has no right to their bytes."""
    chunks = cut(_FILE)
    await ada.send_file(_FILE)
    answer = await eve.send_shard(shard([term(xorb(chunks))], chunks))
    assert (answer.status_code, answer.json()["code"]) == (403, "xorb_missing")


async def test_who_can_read_a_file_may_build_on_its_chunks(
    ada: XetClient, eve: XetClient, database: Database
) -> None:
    await ada.as_(ada.headers, "ada/net").send_file(_FILE)
    chunks = cut(_FILE)
    longer = [*chunks, b"more" * 100]
    more = xorb(longer[-1:])
    await eve.send_xorb(more)
    taken = await eve.send_shard(shard([term(xorb(chunks)), term(more)], longer))
    answer = await eve.reconstruction(xet.file_hash(table(longer)))
    assert taken.status_code == 200, taken.text
    assert await _fetch(eve, answer.json()) == b"".join(longer)


async def test_only_the_chunks_of_files_that_one_can_read_may_be_built_on(
    ada: XetClient, eve: XetClient
) -> None:
    """One bundle holds the chunks of a public file and of a private one."""
    public, private = cut(os.urandom(100_000)), cut(os.urandom(100_000))
    bundle = xorb([*public, *private])
    await ada.send_xorb(bundle)
    await ada.as_(ada.headers, "ada/net").send_shard(shard([term(bundle, 0, 2)], public))
    await ada.send_shard(shard([term(bundle, 2, 4)], private))
    answers = [
        await eve.send_shard(shard([term(bundle, 0, 2)], public)),
        await eve.send_shard(shard([term(bundle, 2, 4)], private)),
        await eve.send_shard(shard([term(bundle, 1, 3)], [public[1], private[0]])),
    ]
    assert [answer.status_code for answer in answers] == [200, 403, 403]


async def test_a_known_chunk_is_told_to_readers_alone(ada: XetClient, eve: XetClient) -> None:
    await ada.send_file(_FILE)
    first = cut(_FILE)[0]
    mine, theirs = await ada.find_chunk(first), await eve.find_chunk(first)
    unknown = await eve.find_chunk(b"nobody has this")
    assert (mine.status_code, theirs.status_code) == (200, 404)
    assert theirs.json()["error"] == unknown.json()["error"]


async def test_the_answer_to_a_chunk_tells_no_hash_of_another(ada: XetClient) -> None:
    await ada.send_file(_FILE)
    answer = await ada.find_chunk(cut(_FILE)[0])
    told = [one.hash for one in table(cut(_FILE)) if one.hash in answer.content]
    again = await ada.find_chunk(cut(_FILE)[0])
    assert told == []
    assert answer.content != again.content  # each answer has a key of its own


async def test_the_sha256_of_a_xet_file_is_bound_to_its_repository(
    ada: XetClient, eve: XetClient
) -> None:
    await ada.send_file(_FILE)
    oid = hashlib.sha256(_FILE).hexdigest()
    body = {"operation": "download", "objects": [{"oid": oid, "size": len(_FILE)}]}
    rows = [
        (
            await client.client.post(
                f"/{client.repo}.git/info/lfs/objects/batch", json=body, headers=client.headers
            )
        ).json()["objects"][0]
        for client in (ada, eve)
    ]
    fetched = await ada.client.get(rows[0]["actions"]["download"]["href"])
    assert fetched.content == _FILE
    assert rows[1]["error"]["code"] == 404


async def test_a_file_is_announced_to_xet_clients_in_the_tree_and_on_its_own(
    ada: XetClient,
) -> None:
    name = await ada.send_file(_FILE)
    oid = hashlib.sha256(_FILE).hexdigest()
    line = {"key": "lfsFile", "value": {"path": "w.bin", "oid": oid, "size": len(_FILE)}}
    await ada.client.post(
        "/api/models/ada/secret/commit/main", content=json.dumps(line), headers=ada.headers
    )
    head = await ada.client.head("/ada/secret/resolve/main/w.bin", headers=ada.headers)
    tree = (await ada.client.get("/api/models/ada/secret/tree/main", headers=ada.headers)).json()
    link = re.fullmatch(r'<(.*)>; rel="xet-auth"', head.headers["link"])
    assert link is not None
    token = await ada.client.get(link[1], headers=ada.headers)
    part = await ada.client.get(
        "/ada/secret/resolve/main/w.bin", headers={**ada.headers, "Range": "bytes=70000-170000"}
    )
    assert head.headers["x-xet-hash"] == name
    assert [item.get("xetHash") for item in tree if item["path"] == "w.bin"] == [name]
    assert token.status_code == 200
    assert part.content == _FILE[70_000:170_001]


async def test_a_reader_proposes_a_change_with_a_token_of_their_own(
    ada: XetClient, eve: XetClient
) -> None:
    path = "/api/models/ada/net/xet-write-token/main"
    direct = await eve.client.get(path, headers=eve.headers)
    proposed = await eve.client.get(f"{path}?create_pr=1", headers=eve.headers)
    visitor = await eve.client.get(f"{path}?create_pr=1")
    assert [one.status_code for one in (direct, proposed, visitor)] == [403, 200, 401]


@pytest.mark.parametrize(
    "hash_", ["a" * 63, "a" * 65, "A" * 64, "g" * 64, "..%2f" + "a" * 59, "a" * 64 + "%0a"]
)
async def test_a_hash_has_one_spelling(ada: XetClient, hash_: str) -> None:
    cas, sending = await ada.token("write")
    _cas, fetching = await ada.token("read")
    answers: list[httpx.Response] = [
        await ada.client.post(f"{cas}/v1/xorbs/default/{hash_}", content=b"", headers=sending),
        await ada.client.get(f"{cas}/v1/chunks/default/{hash_}", headers=sending),
        await ada.client.get(f"{cas}/v1/reconstructions/{hash_}", headers=fetching),
    ]
    assert [answer.status_code for answer in answers] == [422] * 3


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (0, 2, 1)])
async def test_a_sha256_is_checked_in_whatever_order_the_bundles_came(
    ada: XetClient, order: tuple[int, ...]
) -> None:
    """Bundles are hashed while they come in, in the order they came in."""
    bundles = [xorb(cut(os.urandom(120_000))) for _ in range(3)]
    for number in order:
        await ada.send_xorb(bundles[number])
    chunks = [chunk for bundle in bundles for chunk in bundle.chunks]
    terms = [term(bundle) for bundle in bundles]
    lie = hashlib.sha256(b"".join(chunks[:-1])).hexdigest()
    refused = await ada.send_shard(shard(terms, chunks, lie))
    for number in order:
        await ada.send_xorb(bundles[number])
    taken = await ada.send_shard(shard(terms, chunks))
    assert (refused.status_code, refused.json()["code"]) == (422, "digest_mismatch")
    assert taken.status_code == 200, taken.text


async def test_a_file_that_ends_inside_a_bundle_keeps_its_own_sha256(ada: XetClient) -> None:
    one, two = xorb(cut(os.urandom(150_000))), xorb(cut(os.urandom(150_000)))
    for bundle in (one, two):
        await ada.send_xorb(bundle)
    chunks = [*one.chunks, *two.chunks[:2]]
    taken = await ada.send_shard(shard([term(one), term(two, 0, 2)], chunks))
    assert taken.status_code == 200, taken.text
