"""Bringing in repositories from another hub."""

import asyncio
import hashlib
import random

import pytest
from fastapi import FastAPI

from app.accounts.schemas import AccountRef
from app.core.db import Database
from app.core.storage import open_storage
from app.hub.schemas import RepositoryKind
from tests.conftest import Site
from tests.factories.accounts import make_token
from tests.factories.hub import make_commit, viewer_of
from tests.imports.conftest import Hub, Importer, importing
from tests.imports.sharing import Shared

WEIGHTS = random.Random(1).randbytes(300_000)
DIGEST = hashlib.sha256(WEIGHTS).hexdigest()


@pytest.fixture
async def shared(upstream: Hub, upstream_database: Database, bob: AccountRef) -> Shared:
    return Shared(upstream_database, open_storage(upstream.settings), bob)


async def test_a_model_comes_in_whole_with_the_same_ids(shared: Shared, importer: Importer) -> None:
    theirs = await shared.repository("tiny", {"README.md": b"# Tiny\n", "a/b.txt": b"x"}, WEIGHTS)
    told = await importer.run("bob/tiny")
    assert (told["state"], told["error"]) == ("succeeded", None)
    assert told["source_commit"] == await shared.head(theirs)
    assert told["files_done"] == told["files_total"] == 4
    assert told["bytes_done"] == told["bytes_total"]
    files = await importer.files("ada/tiny")
    assert {path: one["oid"] for path, one in files.items()} == await shared.oids(theirs)
    assert files["model.bin"]["lfs"]["oid"] == DIGEST
    got = await importer.client.get("/ada/tiny/resolve/main/model.bin")
    assert got.content == WEIGHTS
    commits = (await importer.client.get("/api/models/ada/tiny/commits/main")).json()
    assert commits[0]["title"] == "Import bob/tiny from other"
    assert told["source_commit"] in commits[0]["message"]
    assert len(commits) == 2


async def test_a_card_that_nobody_could_write_here_comes_in_as_it_is(
    shared: Shared, importer: Importer
) -> None:
    card = b"---\nlicense: of-another-hub\n---\n# Tiny\n"
    await shared.repository("tiny", {"README.md": card})
    told = await importer.run("bob/tiny")
    assert (told["state"], told["error"]) == ("succeeded", None)
    got = await importer.client.get("/ada/tiny/resolve/main/README.md")
    assert got.content == card


async def test_a_data_set_goes_where_it_is_told(shared: Shared, importer: Importer) -> None:
    await shared.repository("data", {"x.csv": b"a,b\n"}, kind=RepositoryKind.DATASET)
    told = await importer.run("bob/data", kind="dataset", name="copy", private=True)
    assert told["target"] == "ada/copy"
    assert "x.csv" in await importer.files("ada/copy", "datasets")
    info = (await importer.client.get("/api/datasets/ada/copy")).json()
    assert info["private"] is True


async def test_importing_again_brings_what_changed_and_keeps_what_was_added_here(
    shared: Shared, importer: Importer, app: FastAPI, ada: AccountRef
) -> None:
    theirs = await shared.repository("tiny", {"a.txt": b"1", "b.txt": b"1"})
    first = await importer.run("bob/tiny")
    async with app.state.database.transaction() as db:
        ours = await shared.find(db, viewer_of(ada), "ada", "tiny")
    await make_commit(app.state.database, app.state.storage, ada, ours, {"mine.txt": b"m"})
    await shared.change(theirs, {"a.txt": b"2"}, delete=["b.txt"])
    again = await importer.run("bob/tiny")
    files = await importer.files("ada/tiny")
    assert set(files) == {".gitattributes", "a.txt", "mine.txt"}
    assert files["a.txt"]["oid"] == (await shared.oids(theirs))["a.txt"]
    same = await importer.run("bob/tiny")
    assert same["commit"] == again["commit"] != first["commit"]


async def test_a_broken_connection_goes_on_where_it_broke(
    shared: Shared, importer: Importer, upstream: Hub, small_segments: int
) -> None:
    await shared.repository("tiny", {}, WEIGHTS)
    upstream.gate.break_off("model.bin", 100_000, times=2)
    told = await importer.run("bob/tiny")
    assert told["state"] == "succeeded", told
    assert upstream.gate.ranges == ["", "bytes=100000-", "bytes=200000-"]
    assert (await importer.files("ada/tiny"))["model.bin"]["lfs"]["oid"] == DIGEST


async def test_a_hub_that_vanishes_fails_the_import_and_another_try_goes_on(
    shared: Shared, importer: Importer, upstream: Hub
) -> None:
    await shared.repository("tiny", {"a.txt": b"1"}, WEIGHTS)
    upstream.gate.break_off("model.bin", 50_000, times=1)
    upstream.gate.break_off("model.bin", 0, times=50)
    told = await importer.run("bob/tiny")
    assert told["state"] == "failed"
    assert "other server" in told["error"] or "other hub" in told["error"]
    upstream.gate.breaks = 0
    upstream.gate.asked.clear()
    answer = await importer.client.post(f"/api/v1/imports/{told['id']}/retry", json={})
    assert answer.status_code == 202
    told = await importer.ended(told["id"])
    assert told["state"] == "succeeded"
    assert [path for path in upstream.gate.asked if "a.txt" in path] == []


async def test_a_site_that_stops_in_the_middle_goes_on_when_it_is_back(
    shared: Shared, importer: Importer, upstream: Hub, site: Site, app: FastAPI, ada: AccountRef
) -> None:
    await shared.repository("tiny", {"a.txt": b"1"}, WEIGHTS)
    upstream.gate.hold("model.bin", 150_000)
    started = await importer.start("bob/tiny")
    await importer.until(started["id"], lambda told: told["bytes_done"] > 100_000)
    token = await make_token(app.state.database, ada, "write")
    await asyncio.to_thread(site.stop)
    upstream.gate.holds = False
    upstream.gate.ranges.clear()
    second = Site(site.settings)
    await asyncio.to_thread(second.start)
    try:
        async with importing(second.url, token) as later:
            told = await later.ended(started["id"])
            assert told["state"] == "succeeded"
            assert (await later.files("ada/tiny"))["model.bin"]["lfs"]["oid"] == DIGEST
    finally:
        await asyncio.to_thread(second.stop)
    assert upstream.gate.ranges == ["bytes=150000-"]


async def test_cancelling_stops_an_import(
    shared: Shared, importer: Importer, upstream: Hub
) -> None:
    await shared.repository("tiny", {}, WEIGHTS)
    upstream.gate.hold("model.bin", 1000)
    started = await importer.start("bob/tiny")
    await importer.until(started["id"], lambda told: told["state"] == "running")
    answer = await importer.client.post(f"/api/v1/imports/{started['id']}/cancel")
    assert answer.status_code == 202
    told = await importer.ended(started["id"])
    assert told["state"] == "cancelled"
    assert told["commit"] is None


async def test_bytes_that_are_not_those_announced_are_refused(
    shared: Shared, importer: Importer, upstream: Hub
) -> None:
    theirs = await shared.repository("tiny", {}, WEIGHTS)
    await shared.damage(theirs, DIGEST)
    told = await importer.run("bob/tiny")
    assert told["state"] == "failed"
    assert "not those that the other hub announced" in told["error"]
    assert "model.bin" not in await importer.files("ada/tiny")


async def test_what_the_site_holds_already_is_not_fetched_again(
    shared: Shared, importer: Importer, upstream: Hub
) -> None:
    await shared.repository("tiny", {}, WEIGHTS)
    await importer.run("bob/tiny")
    upstream.gate.asked.clear()
    told = await importer.run("bob/tiny", name="second")
    assert told["state"] == "succeeded"
    assert [path for path in upstream.gate.asked if path.endswith("model.bin")] == []


async def test_a_private_repository_needs_the_token_and_stays_private(
    shared: Shared, importer: Importer, bob: AccountRef
) -> None:
    await shared.repository("secret", {"a.txt": b"1"}, private=True)
    refused = await importer.run("bob/secret")
    assert refused["state"] == "failed"
    assert "token" in refused["fix"]
    wrong = await importer.run("bob/secret", token="tf_wrong")
    assert wrong["state"] == "failed"
    right = await make_token(shared.database, bob, "read")
    told = await importer.run("bob/secret", token=right)
    assert told["state"] == "succeeded"
    info = (await importer.client.get("/api/models/ada/secret")).json()
    assert info["private"] is True


async def test_bytes_of_a_repository_that_one_may_not_read_are_fetched_not_linked(
    shared: Shared, importer: Importer, upstream: Hub, app: FastAPI
) -> None:
    from tests.factories.accounts import make_user

    eve = await make_user(app.state.database, "eve")
    hidden = Shared(app.state.database, app.state.storage, eve)
    await hidden.repository("hidden", {}, WEIGHTS, private=True)
    await shared.repository("tiny", {}, WEIGHTS)
    await importer.run("bob/tiny")
    assert [path for path in upstream.gate.asked if path.endswith("model.bin")] != []
