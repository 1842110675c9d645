"""The counters are the sum of what is stored, whatever was done and by whichever way."""

import asyncio
import os

import pytest
from sqlalchemy import text

from app.accounts.schemas import Role
from app.core.db import Database
from app.core.errors import TooLargeError
from app.hub import service as hub_service
from app.hub.schemas import AddFile, Author, DeleteFile, NewCommit
from app.quotas import service
from app.quotas.background import nightly
from app.quotas.schemas import Kind
from tests.factories.accounts import make_member, make_organization, make_user
from tests.factories.hub import make_repository
from tests.factories.xet import XetClient
from tests.hub.conftest import Hub, hub, storage

__all__ = ["hub", "storage"]


async def _stored(database: Database, account_id: int) -> dict[Kind, int]:
    async with database.transaction() as db:
        assert await service.drift(db) == []
        return {line.kind: line.used for line in await service.lines(db, account_id)}


async def _commit(hub: Hub, *operations: AddFile | DeleteFile) -> None:
    async with hub.database.transaction() as db:
        new = NewCommit("Change", Author("ada", hub.owner.id), operations=list(operations))
        await hub_service.commit(db, hub.storage, hub.repository, new)


async def test_a_new_repository_counts_its_files_and_their_bytes(hub: Hub) -> None:
    held = await _stored(hub.database, hub.owner.id)
    assert held[Kind.REPOSITORIES] == 1
    before = held[Kind.BYTES], held[Kind.FILES]

    await _commit(hub, AddFile("x.txt", b"x" * 1000), AddFile("y.txt", b"x" * 1000))
    held = await _stored(hub.database, hub.owner.id)
    # The same content twice is charged once.
    assert (held[Kind.BYTES], held[Kind.FILES]) == (before[0] + 1000, before[1] + 2)

    await _commit(hub, DeleteFile("x.txt"))
    held = await _stored(hub.database, hub.owner.id)
    assert (held[Kind.BYTES], held[Kind.FILES]) == (before[0] + 1000, before[1] + 1)

    await _commit(hub, AddFile("y.txt", b"z" * 10))
    held = await _stored(hub.database, hub.owner.id)
    assert (held[Kind.BYTES], held[Kind.FILES]) == (before[0] + 10, before[1] + 1)


async def test_large_files_count_once_in_an_account_and_again_in_another(hub: Hub) -> None:
    content = os.urandom(50_000)
    before = await _stored(hub.database, hub.owner.id)
    await XetClient(hub.client, hub.headers, "ada/net").send_file(content)
    await hub.post("/api/v1/repos", {"kind": "model", "name": "twin"})
    await XetClient(hub.client, hub.headers, "ada/twin").send_file(content)
    held = await _stored(hub.database, hub.owner.id)
    assert 50_000 <= held[Kind.BYTES] - before[Kind.BYTES] < 60_000

    body = {"name": "twin", "organization": "ada", "type": "model"}
    await hub.client.request("DELETE", "/api/repos/delete", json=body, headers=hub.headers)
    held = await _stored(hub.database, hub.owner.id)
    assert held[Kind.BYTES] == before[Kind.BYTES] + 50_000
    assert held[Kind.REPOSITORIES] == 1


async def test_a_branch_has_files_of_its_own_and_no_bytes(hub: Hub) -> None:
    before = await _stored(hub.database, hub.owner.id)
    async with hub.database.transaction() as db:
        await hub_service.create_branch(db, hub.repository, "next")
    held = await _stored(hub.database, hub.owner.id)
    assert held[Kind.BYTES] == before[Kind.BYTES]
    assert held[Kind.FILES] == 2 * before[Kind.FILES]
    async with hub.database.transaction() as db:
        await hub_service.delete_branch(db, hub.repository, "next")
    assert await _stored(hub.database, hub.owner.id) == before


async def test_a_repository_that_moves_to_an_organisation_is_charged_to_it(hub: Hub) -> None:
    lab = await make_organization(hub.database, hub.owner, "lab")
    await XetClient(hub.client, hub.headers, "ada/net").send_file(os.urandom(20_000))
    before = await _stored(hub.database, hub.owner.id)
    body = {"fromRepo": "ada/net", "toRepo": "lab/net", "type": "model"}
    moved = await hub.post("/api/repos/move", body)
    assert moved.status_code == 200, moved.text

    assert (await _stored(hub.database, hub.owner.id))[Kind.BYTES] == 0
    held = await _stored(hub.database, lab.id)
    assert held[Kind.BYTES] == before[Kind.BYTES]
    assert held[Kind.REPOSITORIES] == 1


async def test_what_a_member_sends_to_an_organisation_is_the_organisations(hub: Hub) -> None:
    bob = await make_user(hub.database, "bob")
    lab = await make_organization(hub.database, hub.owner, "lab")
    await make_member(hub.database, lab, bob, Role.WRITE)
    await make_repository(hub.database, hub.storage, lab, "net", files={"a.txt": b"a" * 500})
    assert (await _stored(hub.database, lab.id))[Kind.BYTES] > 500
    assert (await _stored(hub.database, bob.id))[Kind.BYTES] == 0


async def test_a_transaction_that_fails_changes_no_counter(hub: Hub) -> None:
    before = await _stored(hub.database, hub.owner.id)

    async def fail() -> None:
        async with hub.database.transaction() as db:
            new = NewCommit("X", Author("ada", hub.owner.id), operations=[AddFile("x", b"xx")])
            await hub_service.commit(db, hub.storage, hub.repository, new)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await _stored(hub.database, hub.owner.id) == before


async def test_of_two_that_want_the_last_bytes_at_once_one_is_refused(hub: Hub) -> None:
    async with hub.database.transaction() as db:
        used = {line.kind: line.used for line in await service.lines(db, hub.owner.id)}
        limit = used[Kind.BYTES] + 1500
        await service.set_limit(db, None, hub.owner.id, Kind.BYTES, limit)
        await hub_service.create_branch(db, hub.repository, "other")

    async def send(branch: str, letter: bytes) -> bool:
        try:
            async with hub.database.transaction() as db:
                new = NewCommit(
                    "X", Author("ada"), branch=branch, operations=[AddFile("x.txt", letter * 1000)]
                )
                await hub_service.commit(db, hub.storage, hub.repository, new)
        except TooLargeError:
            return False
        return True

    assert sorted(await asyncio.gather(send("main", b"a"), send("other", b"b"))) == [False, True]
    assert (await _stored(hub.database, hub.owner.id))[Kind.BYTES] <= limit


async def test_who_is_over_a_limit_that_was_lowered_may_still_delete(hub: Hub) -> None:
    async with hub.database.transaction() as db:
        await service.set_limit(db, None, hub.owner.id, Kind.BYTES, 1)
    await _commit(hub, DeleteFile("notes/a.txt"))
    with pytest.raises(TooLargeError) as refused:
        await _commit(hub, AddFile("more.txt", b"more"))
    assert "of 1 B are used" in refused.value.message


async def test_the_night_finds_a_counter_that_is_wrong_and_mends_it(hub: Hub) -> None:
    before = await _stored(hub.database, hub.owner.id)
    async with hub.database.transaction() as db:
        await db.execute(text("UPDATE quotas_usage SET bytes = bytes + 7, files = 0"))
        wrong = await service.drift(db)
    assert {(one.kind, one.counted - one.stored) for one in wrong} == {
        (Kind.BYTES, 7),
        (Kind.FILES, -before[Kind.FILES]),
    }
    assert await nightly(hub.database)
    assert await _stored(hub.database, hub.owner.id) == before
    assert not await nightly(hub.database)


async def test_every_table_that_keeps_a_stored_file_is_counted(hub: Hub) -> None:
    async with hub.database.transaction() as db:
        rows = await db.execute(
            text("""SELECT DISTINCT conrelid::regclass::text FROM pg_constraint
            WHERE contype = 'f' AND confrelid = 'hub_lfs_object'::regclass""")
        )
        triggers = await db.execute(
            text("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'quotas_came'")
        )
    # A Xet file describes what a large file is made of; who refers to that is counted.
    assert set(rows.scalars()) - {"hub_xet_file"} <= set(triggers.scalars())


async def test_too_many_repositories_are_refused_with_a_sentence(hub: Hub) -> None:
    async with hub.database.transaction() as db:
        await service.set_limit(db, None, hub.owner.id, Kind.REPOSITORIES, 1)
    answer = await hub.post("/api/repos/create", {"name": "two", "type": "model"})
    assert answer.status_code == 413
    assert "1 of 1 repositories" in answer.headers["x-error-message"]
