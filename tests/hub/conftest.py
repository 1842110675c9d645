"""A person with a token and a repository, and the store behind them."""

from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI

from app.accounts.schemas import AccountRef
from app.core.db import Database
from app.core.storage import BlobStore
from app.hub.tables import Repository
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.hub import make_repository


@dataclass
class Hub:
    """A client with a write token, and what it may write to."""

    client: httpx.AsyncClient
    database: Database
    storage: BlobStore
    owner: AccountRef
    repository: Repository
    headers: dict[str, str]

    async def post(self, path: str, body: object) -> httpx.Response:
        return await self.client.post(path, json=body, headers=self.headers)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.get(path, headers=self.headers | named)


@pytest.fixture
def storage(app: FastAPI) -> BlobStore:
    found: BlobStore = app.state.storage
    return found


@pytest.fixture
async def hub(client: httpx.AsyncClient, database: Database, storage: BlobStore) -> Hub:
    """ada, her token, and her repository ada/net with a README and a text."""
    ada = await make_user(database, "ada")
    files = {"README.md": b"# Net\n", "notes/a.txt": b"one\ntwo\n"}
    repository = await make_repository(database, storage, ada, "net", files=files)
    headers = bearer(await make_token(database, ada, "write"))
    return Hub(client, database, storage, ada, repository, headers)
