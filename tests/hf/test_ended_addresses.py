"""Addresses of bytes end after minutes: what leaked is soon worth nothing, and no client minds.

Whoever finds an address in a log, a cache or a `Referer` holds the bytes until it ends.
"""

import hashlib
import time
from dataclasses import replace

import httpx
import pytest

from app.core.settings import Settings
from app.hfapi.api import xet_reading
from app.hfapi.signing import BytesGrant, Grant, issue, issue_bytes
from tests.factories.accounts import bearer
from tests.hf.conftest import Client

_OID = hashlib.sha256(b"weights").hexdigest()


async def _batch(
    client: httpx.AsyncClient, token: str, operation: str, *sizes: int
) -> httpx.Response:
    objects = [
        {"oid": hashlib.sha256(b"%d" % size).hexdigest() if size != 7 else _OID, "size": size}
        for size in sizes
    ]
    body = {"operation": operation, "transfers": ["basic"], "objects": objects}
    return await client.post(
        "/ada/net.git/info/lfs/objects/batch", json=body, headers=bearer(token)
    )


@pytest.fixture
async def stored(client: httpx.AsyncClient, token: str) -> str:
    """A token that may write, and a repository into which `weights` were sent."""
    made = await client.post("/api/repos/create", json={"name": "net"}, headers=bearer(token))
    assert made.status_code == 200
    row = (await _batch(client, token, "upload", 7)).json()["objects"][0]
    sent = await client.put(row["actions"]["upload"]["href"], content=b"weights")
    assert sent.status_code == 200
    return token


async def test_an_address_for_fetching_lives_five_minutes_and_is_kept_by_no_cache(
    client: httpx.AsyncClient, stored: str
) -> None:
    answer = await _batch(client, stored, "download", 7)
    action = answer.json()["objects"][0]["actions"]["download"]
    assert action["expires_in"] == 300
    assert answer.headers["cache-control"] == "no-store"
    assert (await client.get(action["href"])).content == b"weights"


async def test_an_address_for_sending_lives_as_long_as_a_slow_line_needs(
    client: httpx.AsyncClient, stored: str
) -> None:
    async def lifetimes(*sizes: int) -> set[int]:
        rows = (await _batch(client, stored, "upload", *sizes)).json()["objects"]
        return {row["actions"]["upload"]["expires_in"] for row in rows}

    assert await lifetimes(1000) == {900}
    assert await lifetimes(1000, 64 * 1024 * 3600) == {900 + 3600}
    assert await lifetimes(9_000_000_000) == {24 * 3600}


async def test_an_address_that_ended_opens_nothing(
    client: httpx.AsyncClient, stored: str, settings: Settings
) -> None:
    key, past = settings.secret_key.get_secret_value(), int(time.time()) - 1
    grants = {
        action: issue(key, Grant(action, 1, 1, past, sha256=_OID, size=7))
        for action in ("download", "upload", "verify", "parts")
    }
    here = f"/api/lfs/{_OID}"
    packed = issue_bytes(key, BytesGrant(f"lfs/{_OID}", 0, 7, past))
    answers = [
        await client.get(f"{here}?grant={grants['download']}"),
        await client.put(f"{here}?grant={grants['upload']}", content=b"weights"),
        await client.post(f"{here}/verify?grant={grants['verify']}"),
        await client.put(f"{here}/parts/1?grant={grants['parts']}", content=b"weights"),
        await client.get(f"/xet-bytes?grant={packed}", headers={"Range": "bytes=0-6"}),
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 401, 403]


@pytest.mark.parametrize(("way", "lives_s"), [("read", 300), ("write", 900)])
async def test_a_token_for_bundles_lives_minutes(
    client: httpx.AsyncClient, stored: str, way: str, lives_s: int
) -> None:
    answer = await client.get(f"/api/models/ada/net/xet-{way}-token/main", headers=bearer(stored))
    assert answer.json()["exp"] <= time.time() + lives_s
    assert answer.headers["cache-control"] == "no-store"


def test_the_stock_client_asks_again_for_an_address_that_ended_on_the_way(
    hf: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[BytesGrant] = []

    def slowly(key: str, grant: BytesGrant) -> str:
        """The first address is as old as it is after a long wait on a slow line."""
        if not ended:
            grant = replace(grant, expires=int(time.time()) - 1)
            ended.append(grant)
        return issue_bytes(key, grant)

    monkeypatch.setattr(xet_reading, "issue_bytes", slowly)
    same = hf("""
from huggingface_hub import hf_hub_download
data = os.urandom(11_000_000)
api.create_repo("ada/net")
api.upload_file(path_or_fileobj=data, path_in_repo="w.bin", repo_id="ada/net")
result = Path(hf_hub_download("ada/net", "w.bin", local_dir="down")).read_bytes() == data
""")
    assert same is True
    assert len(ended) == 1
