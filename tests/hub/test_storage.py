"""One contract, both backends: a directory and a real S3 server."""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from app.core.errors import InvalidError, TooLargeError, UnavailableError
from app.core.settings import Settings
from app.core.storage import BlobStore, Digest, open_storage

_LARGE = os.urandom(20_000_001)


async def _stream(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 300_000):
        yield data[start : start + 300_000]


def _digest(data: bytes) -> Digest:
    return Digest(hashlib.sha256(data).hexdigest(), len(data))


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture(scope="module")
def s3_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder = tmp_path_factory.mktemp("weed")
    weed = shutil.which("weed") or str(Path(sys.executable).parent / "weed")
    names = ["master.port", "volume.port", "filer.port", "s3.port"]
    ports = _free_ports(8)
    flags = [f"-{name}={port}" for name, port in zip(names, ports, strict=False)]
    flags += [f"-{name}.grpc={port}" for name, port in zip(names, ports[4:], strict=True)]
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secretsecret"}
    server = subprocess.Popen(
        [weed, "server", "-s3", "-filer", f"-dir={folder}", "-ip=127.0.0.1",
         "-ip.bind=127.0.0.1", "-master.volumeSizeLimitMB=64", "-s3.port.iceberg=0",
         "-s3.port.lance=0", *flags],
        env={**os.environ, **keys}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    settings = Settings(
        storage_url=f"s3://blobs/site?endpoint=http://127.0.0.1:{ports[3]}&region=us-east-1",
        storage_access_key=SecretStr("key"),
        storage_secret_key=SecretStr("secretsecret"),
    )
    try:
        _wait_for(ports[3])
        yield settings
    finally:
        server.kill()  # a polite stop takes half a minute
        server.wait()


def _wait_for(port: int) -> None:
    transport = httpx.HTTPTransport(retries=8)  # backs off to some twenty seconds in all
    with httpx.Client(transport=transport, timeout=30) as client:
        client.get(f"http://127.0.0.1:{port}/status")


@pytest.fixture(params=["directory", "s3"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BlobStore]:
    if request.param == "directory":
        settings = Settings(storage_url=f"file://{tmp_path}/blobs")
    else:
        settings = request.getfixturevalue("s3_settings")
    blobs = open_storage(settings)
    yield blobs
    await blobs.close()


@pytest.mark.parametrize("size", [0, 5, 3_000_000, 20_000_001])
async def test_a_stream_is_stored_under_its_hash_and_read_back_equal(
    store: BlobStore, size: int
) -> None:
    data = _LARGE[:size]
    key, received = await store.put_stream(_stream(data), "lfs", _digest(data), 1 << 30)
    assert received == _digest(data)
    assert await store.read_all(key) == data
    assert await store.size(key) == size
    assert await store.temps(timedelta(0)) == []


@pytest.mark.parametrize(
    ("start", "end"), [(0, 1), (5, 5), (1_048_575, 1_048_577), (2_999_999, None), (7, 2_500_000)]
)
async def test_any_range_can_be_read(store: BlobStore, start: int, end: int | None) -> None:
    data = _LARGE[:3_000_000]
    key, _ = await store.put_stream(_stream(data), "lfs", None, 1 << 30)
    assert await store.read_all(key, start, end) == data[start:end]


async def test_bytes_that_differ_from_the_announcement_are_refused_and_leave_nothing(
    store: BlobStore,
) -> None:
    data = _LARGE[:9_000_000]
    lie = Digest(hashlib.sha256(b"x").hexdigest(), len(data))
    with pytest.raises(InvalidError):
        await store.put_stream(_stream(data), "lfs", lie, 1 << 30)
    assert await store.temps(timedelta(0)) == []
    assert not await store.exists("lfs/" + lie.sha256)


async def test_more_bytes_than_announced_are_cut_off(store: BlobStore) -> None:
    with pytest.raises(TooLargeError):
        await store.put_stream(_stream(_LARGE), "lfs", _digest(b"short"), 1 << 30)


async def test_an_existing_object_is_never_replaced(store: BlobStore) -> None:
    await store.put("git/same-key", b"first")
    await store.put("git/same-key", b"other")
    assert await store.read_all("git/same-key") == b"first"


async def test_a_missing_object_is_reported_not_invented(store: BlobStore) -> None:
    assert await store.size("lfs/none") is None
    await store.delete("lfs/none")
    with pytest.raises(UnavailableError):
        await store.read_all("lfs/none")


async def test_a_deleted_object_is_gone(store: BlobStore) -> None:
    await store.put("git/gone", b"bytes")
    await store.delete("git/gone")
    assert not await store.exists("git/gone")


async def test_an_abandoned_upload_is_listed_for_sweeping(store: BlobStore) -> None:
    writer = await store.writer()
    await writer.write(_LARGE[:2_000_000])
    before = await store.temps(timedelta(hours=1))
    await writer.discard()
    assert before == []
    assert await store.temps(timedelta(0)) == []


@pytest.mark.parametrize("key", ["../x", "/etc/x", "a//b", "A/b", "a/../b", ""])
async def test_a_key_that_is_not_ours_is_a_mistake(store: BlobStore, key: str) -> None:
    with pytest.raises(ValueError, match="not a storage key"):
        await store.size(key)


async def test_a_signed_address_serves_the_object_with_our_type(s3_settings: Settings) -> None:
    store = open_storage(s3_settings)
    await store.put("lfs/html", b"<script>alert(1)</script>")
    url = store.signed_url("lfs/html", expires=timedelta(minutes=5))
    assert url is not None
    async with httpx.AsyncClient() as client:
        answer = await client.get(url)
        forged = await client.get(url.replace("octet-stream", "html"))
    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment"
    assert forged.status_code == 403
