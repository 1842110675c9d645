"""A whole revision in one stream."""

import io
import tarfile

import httpx

from app.core.db import Database
from app.core.storage import BlobStore
from app.hub.schemas import RepositoryKind
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.hub import make_repository


async def test_a_revision_comes_as_one_tar_with_every_file(
    client: httpx.AsyncClient, database: Database, storage: BlobStore
) -> None:
    owner = await make_user(database, "ada")
    files = {f"train/类 {i % 3}/{i}.txt": f"content {i}".encode() for i in range(450)}
    files["large.bin"] = bytes(range(256)) * 1000
    await make_repository(database, storage, owner, "set", kind=RepositoryKind.DATASET, files=files)
    answer = await client.get("/api/v1/repos/datasets/ada/set/archive/main.tar")
    assert answer.status_code == 200
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        found = {
            member.name: opened.read()
            for member in archive
            if (opened := archive.extractfile(member)) is not None
        }
    found.pop(".gitattributes")
    assert found == files


async def test_a_private_revision_streams_to_its_owner_only(
    client: httpx.AsyncClient, database: Database, storage: BlobStore
) -> None:
    owner = await make_user(database, "ada")
    await make_repository(database, storage, owner, "hidden", private=True)
    token = await make_token(database, owner, "read")
    address = "/api/v1/repos/models/ada/hidden/archive/main.tar"
    missing = await client.get("/api/v1/repos/models/ada/nothing/archive/main.tar")
    closed = await client.get(address)
    assert (await client.get(address, headers=bearer(token))).status_code == 200
    assert closed.status_code == missing.status_code == 404
    assert closed.json()["error"] == missing.json()["error"]
