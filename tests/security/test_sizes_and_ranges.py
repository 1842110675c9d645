"""Requests for too much: a thousand ranges of a file, sizes that lie, archives that lead outside.

The attacks: a `Range` header that makes the server build an enormous answer or count for long; a
file announced as small and sent as large, or larger than the site takes; a zip file whose members
are called so that unpacking would write elsewhere.
"""

import io
import stat
import zipfile

import pytest

from app.core.settings import Settings
from tests.hub.conftest import Hub, hub, storage
from worker.contract.sources import ArchiveError, ZipSource

__all__ = ["hub", "storage"]

_LIMIT = 100_000
_RANGES = [
    "bytes=" + ",".join(f"{n}-{n}" for n in range(1000)),
    "bytes=" + ",".join(["0-"] * 1000),
    "bytes=" + ",".join(["-1"] * 1000),
    "bytes=0-" + "9" * 50_000,
    "bytes=" + "9" * 50_000 + "-",
    "bytes=-" + "9" * 50_000,
    "bytes=" + "-" * 50_000,
    "bytes=" + "0-0," * 10_000,
]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A site that takes small files alone."""
    return settings.model_copy(update={"max_upload_bytes": _LIMIT})


@pytest.mark.parametrize("number", range(len(_RANGES)))
async def test_a_range_made_to_be_large_gives_the_file_once_or_nothing(
    hub: Hub, number: int
) -> None:
    whole = (await hub.get("/ada/net/resolve/main/notes/a.txt")).content
    answer = await hub.get("/ada/net/resolve/main/notes/a.txt", Range=_RANGES[number])
    assert answer.status_code in {200, 206, 416}
    assert answer.status_code == 416 or answer.content == whole


async def test_a_file_larger_than_the_site_takes_is_refused_at_every_door(hub: Hub) -> None:
    size = _LIMIT + 1
    begun = await hub.post(
        "/api/v1/uploads", {"repository": "models/ada/net", "path": "x", "size": size}
    )
    batch = await hub.post(
        "/ada/net.git/info/lfs/objects/batch",
        {"operation": "upload", "objects": [{"oid": "0" * 64, "size": size}]},
    )
    assert begun.status_code == 413
    row = batch.json()["objects"][0]
    assert "actions" not in row
    assert row["error"]["code"] == 422


async def test_a_part_that_is_longer_than_announced_is_not_kept(hub: Hub) -> None:
    body = {"repository": "models/ada/net", "path": "x", "size": 1}
    upload = (await hub.post("/api/v1/uploads", body)).json()["id"]
    answer = await hub.client.put(
        f"/api/v1/uploads/{upload}/parts/1",
        content=b"x" * 5_000_000,
        headers=hub.headers | {"X-Content-Sha256": "0" * 64},
    )
    assert answer.status_code == 413
    assert (await hub.get(f"/api/v1/uploads/{upload}")).json()["parts"] == []


def _zip(name: str, kind: int = stat.S_IFREG) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        entry = zipfile.ZipInfo("placeholder")
        entry.filename = name
        entry.external_attr = (kind | 0o644) << 16
        archive.writestr(entry, b"/etc/passwd")
    return out


@pytest.mark.parametrize(
    "archive",
    [
        _zip("../out.png"),
        _zip("a/../../out.png"),
        _zip("/etc/cron.d/x"),
        _zip("..\\out.png"),
        _zip("C:\\out.png"),
        _zip("cat/1.png", stat.S_IFLNK),
        _zip("cat/1.png", stat.S_IFCHR),
    ],
)
def test_a_zip_file_that_leads_outside_is_not_opened(archive: io.BytesIO) -> None:
    with pytest.raises(ArchiveError):
        ZipSource(archive)
