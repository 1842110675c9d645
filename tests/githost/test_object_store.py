"""Git and git-lfs against a site whose bytes lie in an S3 store."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.accounts.schemas import AccountRef
from app.core.db import Database
from app.core.settings import Settings
from tests.conftest import Site, serving
from tests.factories.hub import make_repository
from tests.factories.s3 import s3_server, stored_in
from tests.githost.conftest import Git


@pytest.fixture
def site(settings: Settings, tmp_path: Path) -> Iterator[Site]:
    with s3_server(tmp_path / "weed") as s3, serving(stored_in(settings, s3)) as server:
        yield server


async def test_files_of_every_size_go_through_a_bucket(
    site: Site, database: Database, ada: AccountRef, address: str, git: Git, tmp_path: Path
) -> None:
    git("lfs", "install")
    await make_repository(database, site.app.state.storage, ada, "repo")
    git("clone", "-q", f"{address}/ada/repo", "clone")
    clone = tmp_path / "clone"
    contents = {
        "weights.safetensors": os.urandom(12_000_000),
        "numbers.txt": b"".join(b"%d\n" % number for number in range(100_000)),
        "small.txt": b"small\n",
    }
    for name, content in contents.items():
        (clone / name).write_bytes(content)
    git("add", "-A", cwd=clone)
    git("commit", "-q", "-m", "Files", cwd=clone)
    git("push", "-q", "origin", "main", cwd=clone)

    git("clone", "-q", f"{site.url}/ada/repo", "again")

    assert {name: (tmp_path / "again" / name).read_bytes() for name in contents} == contents
    pointer = git("show", "HEAD:weights.safetensors", cwd=clone)
    oid = pointer.split("oid sha256:")[1][:64]
    body = {"operation": "download", "objects": [{"oid": oid, "size": 12_000_000}]}
    async with httpx.AsyncClient(base_url=site.url) as client:
        asked = (await client.post("/ada/repo.git/info/lfs/objects/batch", json=body)).json()
        action = asked["objects"][0]["actions"]["download"]
        assert "X-Amz-Signature" in action["href"]
        assert action["expires_in"] <= 300
        found = await client.get(action["href"])
    assert found.content == contents["weights.safetensors"]
