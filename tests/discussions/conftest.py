"""A repository of ada's, and people who may only read it."""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.db import Database
from app.core.storage import BlobStore
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.hub import make_commit, make_repository

API = "/api/models/ada/net"


@dataclass
class Forum:
    """What people with tokens do to ada/net."""

    client: httpx.AsyncClient
    database: Database
    storage: BlobStore
    people: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    repository: Any = None

    async def join(self, name: str) -> None:
        self.people[name] = await make_user(self.database, name)
        self.headers[name] = bearer(await make_token(self.database, self.people[name], "write"))

    async def get(self, path: str, who: str = "ada") -> httpx.Response:
        return await self.client.get(API + path, headers=self.headers.get(who, {}))

    async def post(self, path: str, body: object = None, who: str = "ada") -> httpx.Response:
        return await self.client.post(API + path, json=body, headers=self.headers.get(who, {}))

    async def discuss(self, who: str = "eve", title: str = "Why?", **more: object) -> int:
        body = {"title": title, "description": "Words", **more}
        answer = await self.post("/discussions", body, who)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["num"])

    async def propose(
        self, files: Mapping[str, bytes | None], who: str = "eve", to: str = "main?create_pr=1"
    ) -> httpx.Response:
        """Commit: bytes are put, None is deleted."""
        lines: list[dict[str, Any]] = [{"key": "header", "value": {"summary": "Change"}}]
        for path, content in files.items():
            if content is None:
                lines.append({"key": "deletedFile", "value": {"path": path}})
                continue
            value = {"path": path, "content": b64encode(content).decode(), "encoding": "base64"}
            lines.append({"key": "file", "value": value})
        body = b"\n".join(json.dumps(line).encode() for line in lines)
        return await self.client.post(
            f"{API}/commit/{to}", content=body, headers=self.headers.get(who, {})
        )

    async def pull(self, files: Mapping[str, bytes | None], who: str = "eve") -> int:
        answer = await self.propose(files, who)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["pullRequestUrl"].rsplit("/", 1)[1])

    async def commit(self, files: Mapping[str, bytes]) -> None:
        """Ada commits to main."""
        await make_commit(self.database, self.storage, self.people["ada"], self.repository, files)

    async def details(self, num: int, who: str = "ada") -> dict[str, Any]:
        answer = await self.get(f"/discussions/{num}?diff=1", who)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def head(self) -> str:
        return str((await self.get("")).json()["sha"])

    async def read(self, path: str, rev: str = "main") -> bytes:
        answer = await self.client.get(
            f"/ada/net/resolve/{rev}/{path}", headers=self.headers["ada"]
        )
        assert answer.status_code == 200, answer.text
        return answer.content


FILES = {
    "README.md": b"---\nlicense: mit\n---\n# Net\n\nfirst\n\nmiddle\n\nlast\n",
    "config.json": b'{\n  "a": 1,\n  "b": 2\n}\n',
    "sub/deep/a.txt": b"one\ntwo\nthree\nfour\nfive\n",
    "blob.bin": b"\0\1\2",
}


@pytest.fixture
async def forum(client: httpx.AsyncClient, database: Database, app: FastAPI) -> Forum:
    """ada/net with four files; eve and bob read."""
    made = Forum(client, database, app.state.storage)
    for name in ("ada", "eve", "bob"):
        await made.join(name)
    made.repository = await make_repository(
        database, made.storage, made.people["ada"], "net", files=FILES
    )
    return made
