"""A worker fetches a data set of many files from a real site in one stream."""

import asyncio
from pathlib import Path

from app.core.db import Database
from app.core.storage import BlobStore
from app.hub.schemas import RepositoryKind
from tests.conftest import Site
from tests.factories.accounts import make_token, make_user
from tests.factories.hub import make_repository
from worker.contract.protocol import RepositoryPin
from worker.hub_client import FetchRequest, fetch_repository


async def test_a_worker_gets_every_file_of_a_large_data_set(
    site: Site, database: Database, storage: BlobStore, tmp_path: Path
) -> None:
    owner = await make_user(database, "ada")
    files = {f"train/{i % 3}/{i}.txt": f"content {i}".encode() for i in range(200)}
    made = await make_repository(
        database, storage, owner, "set", kind=RepositoryKind.DATASET, private=True, files=files
    )
    token = await make_token(database, owner, "read")
    request = FetchRequest(
        url=site.url,
        token=token,
        cache=tmp_path / "cache",
        cache_bytes=10**9,
        output=tmp_path / "job",
    )
    pin = RepositoryPin(role="data", kind="dataset", repo="ada/set", commit=made.head or "")
    await asyncio.to_thread(fetch_repository, request, pin)
    await asyncio.to_thread(
        fetch_repository, request.model_copy(update={"output": tmp_path / "again"}), pin
    )
    for output in ("job", "again"):
        root = tmp_path / output / "data"
        found = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.txt")}
        assert found == files
