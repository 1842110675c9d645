"""One contract, both backends: a directory and a real S3 server."""

import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from app.core.errors import InvalidError, TooLargeError, UnavailableError
from app.core.settings import Settings
from app.core.storage import BlobStore, Digest, open_storage
from tests.factories.s3 import s3_server

_LARGE = os.urandom(20_000_001)


async def _stream(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 300_000):
        yield data[start : start + 300_000]


def _digest(data: bytes) -> Digest:
    return Digest(hashlib.sha256(data).hexdigest(), len(data))


@pytest.fixture(scope="module")
def s3_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with s3_server(tmp_path_factory.mktemp("weed")) as settings:
        yield settings


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


async def test_the_first_parts_of_keys_are_told_but_for_unfinished_objects(
    store: BlobStore,
) -> None:
    writer = await store.writer()
    await writer.write(b"never finished")
    await store.put("lfs/aa/one", b"1")
    await store.put("git/bb/two", b"2")
    assert set(await store.prefixes()) >= {"lfs", "git"}
    assert "temp" not in await store.prefixes()
    await writer.discard()


async def test_a_bucket_that_the_first_object_will_make_holds_nothing(
    s3_settings: Settings,
) -> None:
    address = s3_settings.storage_url.replace("s3://blobs/", "s3://untouched/")
    store = open_storage(s3_settings.model_copy(update={"storage_url": address}))
    assert await store.temps(timedelta(0)) == []
    assert [batch async for batch in store.objects("lfs")] == []


async def test_a_store_that_does_not_answer_is_said_to_be_away(s3_settings: Settings) -> None:
    nobody = "s3://blobs/site?endpoint=http://127.0.0.1:1&region=us-east-1"
    store = open_storage(s3_settings.model_copy(update={"storage_url": nobody}))
    with pytest.raises(UnavailableError):
        await store.temps(timedelta(0))


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
