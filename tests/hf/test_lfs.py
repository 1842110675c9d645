"""Git LFS as the protocol's clients speak it, and what it must never give away."""

import hashlib
import os
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.accounts.schemas import AccountRef
from app.core.db import Database
from app.core.storage import Digest
from app.hub import service
from app.hub.schemas import MAX_PART_BYTES
from app.hub.tables import Repository
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.hub import make_repository
from tests.hf.conftest import Client

CONTENT = b"large bytes that only ada's repository holds" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
async def ada(database: Database) -> AccountRef:
    return await make_user(database, "ada")


async def hold(app: FastAPI, database: Database, repository: Repository, content: bytes) -> str:
    """Let the repository hold these bytes as a large file."""

    async def chunks() -> Any:
        yield content

    key, digest = await service.receive_bytes(app.state.storage, chunks(), None, 1 << 30)
    async with database.transaction() as db:
        await service.link_received(db, repository, None, [(key, digest)])
    return digest.sha256


async def ask(
    client: httpx.AsyncClient, repo: str, operation: str, token: str, *oids: str, size: int = 0
) -> httpx.Response:
    objects = [{"oid": oid, "size": size or len(CONTENT)} for oid in oids]
    body = {"operation": operation, "transfers": ["basic", "multipart"], "objects": objects}
    headers = bearer(token) if token else {}
    return await client.post(f"/{repo}.git/info/lfs/objects/batch", json=body, headers=headers)


def path_of(action: dict[str, Any]) -> str:
    return str(action["href"]).removeprefix("http://testserver")


async def test_a_file_arrives_in_parts_of_any_order_and_is_joined(
    client: httpx.AsyncClient, app: FastAPI, database: Database, ada: AccountRef
) -> None:
    await make_repository(database, app.state.storage, ada, "repo")
    token = await make_token(database, ada)
    content = os.urandom(MAX_PART_BYTES + 1000)
    digest = Digest(hashlib.sha256(content).hexdigest(), len(content))
    answer = (
        await ask(client, "ada/repo", "upload", token, digest.sha256, size=digest.size)
    ).json()
    assert answer["transfer"] == "multipart"
    actions = answer["objects"][0]["actions"]
    header = dict(actions["upload"]["header"])
    assert int(header.pop("chunk_size")) == MAX_PART_BYTES
    assert list(header) == ["1", "2"]

    early = await client.post(path_of(actions["upload"]), json={"oid": digest.sha256, "parts": []})
    assert early.status_code == 409
    short = await client.put(path_of({"href": header["2"]}), content=content[MAX_PART_BYTES:-1])
    assert short.status_code == 422
    long = await client.put(path_of({"href": header["2"]}), content=content[MAX_PART_BYTES - 1 :])
    assert long.status_code == 413
    for number, part in (("2", content[MAX_PART_BYTES:]), ("1", content[:MAX_PART_BYTES])):
        sent = await client.put(path_of({"href": header[number]}), content=part)
        assert sent.status_code == 200
        assert sent.headers["etag"]
    for _again in range(2):
        done = await client.post(path_of(actions["upload"]), json={"oid": digest.sha256})
        assert done.status_code == 200, done.text
    assert (await client.post(path_of(actions["verify"]))).status_code == 200
    fetched = (
        await ask(client, "ada/repo", "download", token, digest.sha256, size=digest.size)
    ).json()
    bytes_back = await client.get(path_of(fetched["objects"][0]["actions"]["download"]))
    assert bytes_back.content == content


async def test_a_grant_for_one_object_is_worth_nothing_for_another(
    client: httpx.AsyncClient, app: FastAPI, database: Database, ada: AccountRef
) -> None:
    await make_repository(database, app.state.storage, ada, "repo")
    token = await make_token(database, ada)
    actions = (await ask(client, "ada/repo", "upload", token, SHA256)).json()["objects"][0]
    for action in ("upload", "verify"):
        path = path_of(actions["actions"][action])
        other = path.replace(SHA256, "0" * 64)
        send = client.put if action == "upload" else client.post
        assert (await send(other, content=CONTENT)).status_code == 401
        bare = await send(path.split("?")[0], content=CONTENT)
        assert bare.status_code == 401


async def test_knowing_a_hash_gives_nobody_the_bytes(
    client: httpx.AsyncClient, app: FastAPI, database: Database, ada: AccountRef
) -> None:
    secret = await make_repository(database, app.state.storage, ada, "secret", private=True)
    await hold(app, database, secret, CONTENT)
    eve = await make_user(database, "eve")
    token = await make_token(database, eve)
    await make_repository(database, app.state.storage, eve, "mine")
    unknown = "f" * 64

    asked = (await ask(client, "eve/mine", "upload", token, SHA256, unknown)).json()["objects"]
    assert [sorted(row) for row in asked] == [sorted(asked[1])] * 2
    assert all("upload" in row["actions"] for row in asked)
    fetched = (await ask(client, "eve/mine", "download", token, SHA256, unknown)).json()["objects"]
    assert [row["error"]["code"] for row in fetched] == [404, 404]
    assert all("actions" not in row for row in fetched)
    for repo in ("ada/secret", "ada/no-such"):
        assert (await ask(client, repo, "download", token, SHA256)).status_code == 404
        assert (await ask(client, repo, "download", "", SHA256)).status_code == 401


async def test_other_bytes_than_announced_are_refused_and_forgotten(
    client: httpx.AsyncClient, app: FastAPI, database: Database, ada: AccountRef
) -> None:
    made = await make_repository(database, app.state.storage, ada, "repo")
    token = await make_token(database, ada)
    asked = (await ask(client, "ada/repo", "upload", token, SHA256)).json()["objects"][0]
    path = path_of(asked["actions"]["upload"])

    wrong = await client.put(path, content=CONTENT[:-1] + b"?")
    longer = await client.put(path, content=CONTENT + b"?")

    assert (wrong.status_code, longer.status_code) == (422, 413)
    async with database.transaction() as db:
        assert await service.linked(db, made, SHA256) is None
    assert (await client.post(path_of(asked["actions"]["verify"]))).status_code == 404


async def test_nobody_is_anonymous_when_sending(
    client: httpx.AsyncClient, app: FastAPI, database: Database, ada: AccountRef
) -> None:
    await make_repository(database, app.state.storage, ada, "repo")
    reader = await make_token(database, ada, "read")

    visitor = await ask(client, "ada/repo", "upload", "", SHA256)
    assert visitor.status_code == 401
    assert visitor.headers["www-authenticate"].startswith("Basic")
    limited = await ask(client, "ada/repo", "upload", reader, SHA256)
    assert limited.status_code == 403
    assert "repos:write" in limited.json()["message"]
    locks = await client.post("/ada/repo.git/info/lfs/locks/verify", json={})
    assert locks.status_code == 401


async def test_there_are_no_locks(
    client: httpx.AsyncClient, app: FastAPI, database: Database, ada: AccountRef
) -> None:
    await make_repository(database, app.state.storage, ada, "repo")
    headers = bearer(await make_token(database, ada))
    base = "/ada/repo.git/info/lfs/locks"

    verified = await client.post(f"{base}/verify", json={}, headers=headers)
    assert verified.json() == {"ours": [], "theirs": []}
    assert (await client.get(base, headers=headers)).json() == {"locks": []}
    made = await client.post(base, json={"path": "a"}, headers=headers)
    assert made.status_code == 501
    assert "pull request" in made.json()["message"]


@pytest.mark.parametrize(
    "digest", ["sha256:../../x", "0" * 63, "0" * 65, "A" * 64, "0" * 64 + "\n"]
)
async def test_only_a_plain_sha256_is_a_name(
    client: httpx.AsyncClient, app: FastAPI, database: Database, ada: AccountRef, digest: str
) -> None:
    await make_repository(database, app.state.storage, ada, "repo")
    answer = await ask(client, "ada/repo", "upload", await make_token(database, ada), digest)
    assert answer.status_code == 422


async def test_the_stock_client_sends_large_files_in_parts(hf: Client) -> None:
    script = """
import io, os, hashlib
api.create_repo("ada/parts")
content = os.urandom(40_000_000)
api.upload_file(path_or_fileobj=io.BytesIO(content), path_in_repo="w.bin", repo_id="ada/parts")
path = api.hf_hub_download("ada/parts", "w.bin")
result = Path(path).read_bytes() == content
"""
    assert hf(script, HF_HUB_DISABLE_XET="1") is True
