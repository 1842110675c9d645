"""What an import must not do: call where it may not, tell a token, work for strangers."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.accounts.schemas import AccountRef
from app.core.db import Database
from app.core.settings import Settings
from app.core.storage import open_storage
from tests.conftest import Site
from tests.factories.accounts import bearer, make_token, make_user
from tests.imports.conftest import Hub, Importer, importing
from tests.imports.sharing import Shared
from tests.imports.test_import import DIGEST, WEIGHTS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def shared(upstream: Hub, upstream_database: Database, bob: AccountRef) -> Shared:
    return Shared(upstream_database, open_storage(upstream.settings), bob)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server on this machine that nobody is to call."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.setblocking(False)
        yield made


def calls(listener: socket.socket) -> int:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return 0
    return 1


class OtherSite:
    """Our site again, with other settings."""

    def __init__(self, settings: Settings) -> None:
        self.site = Site(settings)

    async def __aenter__(self) -> Site:
        await asyncio.to_thread(self.site.start)
        return self.site

    async def __aexit__(self, *_error: object) -> None:
        await asyncio.to_thread(self.site.stop)


@pytest.fixture
async def token(database: Database, ada: AccountRef) -> str:
    return await make_token(database, ada, "write")


async def test_without_a_setting_importing_is_off_and_says_how_to_turn_it_on(
    settings: Settings, token: str
) -> None:
    async with (
        OtherSite(settings.model_copy(update={"upstreams": ""})) as site,
        httpx.AsyncClient(base_url=site.url, headers=bearer(token)) as client,
    ):
        answer = await client.post("/api/v1/imports", json={"source": "bob/tiny"})
        listed = await client.get("/api/v1/upstreams")
    assert (answer.status_code, answer.json()["code"]) == (422, "imports_off")
    assert "TUNINGFORK_UPSTREAMS" in answer.json()["fix"]
    assert listed.json() == []


@pytest.mark.parametrize(
    "source",
    ["", "..", "../x", "a/..", "a/b/c", "a b", "http://127.0.0.1/x", "a/b?x=1", "a%2f..", "a@b"],
)
async def test_a_source_is_a_name_and_nothing_else(importer: Importer, source: str) -> None:
    answer = await importer.client.post("/api/v1/imports", json={"source": source})
    assert answer.status_code == 422, answer.text


async def test_only_hubs_that_the_operator_named_are_asked(importer: Importer) -> None:
    wanted = {"source": "bob/tiny", "upstream": "http://127.0.0.1:1"}
    answer = await importer.client.post("/api/v1/imports", json=wanted)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_upstream")


async def test_a_hub_on_a_private_address_is_not_called_unless_allowed(
    settings: Settings, token: str, listener: socket.socket
) -> None:
    port = listener.getsockname()[1]
    changed = {"upstreams": f"inside=http://127.0.0.1:{port}", "outbound_allow": ""}
    async with (
        OtherSite(settings.model_copy(update=changed)) as site,
        importing(site.url, token) as importer,
    ):
        told = await importer.run("bob/tiny")
    assert told["state"] == "failed"
    assert "may not call" in told["error"]
    assert calls(listener) == 0


async def test_a_redirect_into_this_machine_is_not_followed(
    shared: Shared, importer: Importer, upstream: Hub, listener: socket.socket
) -> None:
    await shared.repository("tiny", {}, WEIGHTS)
    inside = f"http://127.0.0.1:{listener.getsockname()[1]}/metadata"
    upstream.gate.answers["/resolve/"] = (302, {"location": inside, "content-length": "0"}, b"")
    told = await importer.run("bob/tiny")
    assert told["state"] == "failed"
    assert "may not call" in told["error"]
    assert calls(listener) == 0


async def test_a_next_page_on_another_server_is_not_asked_with_the_token(
    shared: Shared, importer: Importer, upstream: Hub, listener: socket.socket
) -> None:
    await shared.repository("tiny", {"a.txt": b"1"})
    inside = f'<http://127.0.0.1:{listener.getsockname()[1]}/more>; rel="next"'
    body = json.dumps([]).encode()
    headers = {"link": inside, "content-type": "application/json"}
    upstream.gate.answers["/tree/"] = (200, headers, body)
    told = await importer.run("bob/tiny", token="hf_secret")
    assert told["state"] == "failed"
    assert calls(listener) == 0


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", ".git/config", "a\\b", "con.txt"])
async def test_a_path_that_no_file_here_may_have_is_refused(
    shared: Shared, importer: Importer, upstream: Hub, path: str
) -> None:
    await shared.repository("tiny", {})
    body = json.dumps([{"type": "file", "path": path, "size": 1, "oid": "a" * 40}]).encode()
    upstream.gate.answers["/tree/"] = (200, {"content-type": "application/json"}, body)
    told = await importer.run("bob/tiny")
    assert told["state"] == "failed"
    assert "cannot be the path of a file" in told["error"]


@pytest.mark.parametrize("body", [b"", b"{}", b"[1, null]", b'[{"type": "file"}]', b"\xff" * 99])
async def test_an_answer_that_makes_no_sense_fails_the_import(
    shared: Shared, importer: Importer, upstream: Hub, body: bytes
) -> None:
    await shared.repository("tiny", {})
    upstream.gate.answers["/tree/"] = (200, {"content-type": "application/json"}, body)
    told = await importer.run("bob/tiny")
    assert (told["state"], told["commit"]) == ("failed", None)


async def test_the_token_is_neither_stored_readable_nor_kept(
    shared: Shared, importer: Importer, upstream: Hub, app: FastAPI
) -> None:
    await shared.repository("tiny", {}, WEIGHTS, private=True)
    secret = await make_token(shared.database, shared.owner, "read")
    upstream.gate.hold("model.bin", 1000)
    started = await importer.start("bob/tiny", token=secret)
    await importer.until(started["id"], lambda told: told["files_done"] > 0)
    statement = text("SELECT sealed_token FROM imports_import")
    async with app.state.database.transaction() as db:
        sealed = (await db.scalars(statement)).one()
    assert sealed
    assert secret.encode() not in sealed
    await importer.client.post(f"/api/v1/imports/{started['id']}/cancel")
    told = await importer.ended(started["id"])
    assert secret not in json.dumps(told)
    async with app.state.database.transaction() as db:
        assert (await db.scalars(statement)).one() is None


async def test_imports_of_others_are_not_there(importer: Importer, database: Database) -> None:
    started = await importer.start("bob/none")
    eve = await make_user(database, "eve")
    headers = bearer(await make_token(database, eve, "write"))
    address = f"/api/v1/imports/{started['id']}"
    asked = [
        await importer.client.get(address, headers=headers),
        await importer.client.post(f"{address}/cancel", headers=headers),
        await importer.client.post(f"{address}/retry", headers=headers, json={}),
    ]
    assert [answer.status_code for answer in asked] == [404, 404, 404]
    listed = await importer.client.get("/api/v1/imports", headers=headers)
    assert listed.json()["items"] == []
    foreign = {"source": "bob/tiny", "owner": "ada"}
    refused = await importer.client.post("/api/v1/imports", json=foreign, headers=headers)
    assert refused.status_code == 403


_SERVE = """
import sys
import uvicorn
from app.core.settings import Settings
from app.main import create_app
uvicorn.run(create_app(Settings.model_validate_json(sys.stdin.read())), fd=int(sys.argv[1]))
"""


@pytest.fixture
async def doomed(settings: Settings) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """Our site as a process that can be killed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        told = settings.model_dump(mode="json")
        for name in ("secret_key", "worker_key", "storage_access_key", "storage_secret_key"):
            told[name] = getattr(settings, name).get_secret_value()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _SERVE,
            str(server.fileno()),
            cwd=ROOT,
            env={"PATH": os.environ["PATH"]},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            pass_fds=[server.fileno()],
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(told).encode())
        process.stdin.close()
        yield url, process
    if process.returncode is None:
        process.kill()
    await process.wait()


async def test_a_site_that_is_killed_in_the_middle_goes_on_when_it_is_back(
    shared: Shared,
    upstream: Hub,
    settings: Settings,
    token: str,
    doomed: tuple[str, asyncio.subprocess.Process],
) -> None:
    await shared.repository("tiny", {"a.txt": b"1"}, WEIGHTS)
    upstream.gate.hold("model.bin", 150_000)
    url, process = doomed
    async with importing(url, token) as importer:
        started = await importer.start("bob/tiny")
        await importer.until(started["id"], lambda told: told["bytes_done"] > 100_000)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    upstream.gate.holds = False
    upstream.gate.asked.clear()
    async with OtherSite(settings) as site, importing(site.url, token) as later:
        told = await later.ended(started["id"])
        assert told["state"] == "succeeded"
        assert (await later.files("ada/tiny"))["model.bin"]["lfs"]["oid"] == DIGEST
    assert [path for path in upstream.gate.asked if path.endswith("a.txt")] == []
