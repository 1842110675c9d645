"""The store keeps what was committed: against an independent git, and against itself."""

import asyncio
import random

import pytest
from dulwich.object_store import MemoryObjectStore
from dulwich.objects import Blob, Commit, Tree
from sqlalchemy import select

from app.core.db import Database
from app.core.errors import NotFoundError, StaleError
from app.hub import policy, service
from app.hub.objects import Pointer, blob_id, decode_commit, encode_pointer
from app.hub.schemas import (
    AddFile,
    Author,
    ChangeKind,
    DeleteFile,
    NewCommit,
    Operation,
    TreeFile,
)
from app.hub.tables import Commit as CommitRow
from app.hub.tables import PathHead
from tests.factories.accounts import make_user
from tests.factories.hub import make_commit, make_repository, viewer_of
from tests.hub.conftest import Hub


def _dulwich_root(files: dict[str, bytes]) -> str:
    """Build the whole tree from nothing with another implementation of git."""
    store = MemoryObjectStore()
    return _dulwich_tree(store, files).id.decode()


def _dulwich_tree(store: MemoryObjectStore, files: dict[str, bytes]) -> Tree:
    tree, folders = Tree(), dict[str, dict[str, bytes]]()
    for path, content in files.items():
        name, slash, rest = path.partition("/")
        if slash:
            folders.setdefault(name, {})[rest] = content
        else:
            tree.add(name.encode(), 0o100644, Blob.from_string(content).id)
    for name, below in folders.items():
        tree.add(name.encode(), 0o040000, _dulwich_tree(store, below).id)
    store.add_object(tree)
    return tree


def _random_operations(rng: random.Random, files: dict[str, bytes]) -> list[Operation]:
    operations: list[Operation] = []
    for path in rng.sample(sorted(files), k=min(len(files), rng.randint(0, 3))):
        operations.append(DeleteFile(path))
        del files[path]
    for _ in range(rng.randint(1, 5)):
        folder = "/".join(rng.choices(["a", "b", "c"], k=rng.randint(0, 3)))
        path = f"{folder}/f{rng.randint(0, 5)}".lstrip("/")
        files[path] = rng.randbytes(rng.randint(0, 50))
        operations = [op for op in operations if not (isinstance(op, AddFile) and op.path == path)]
        operations.append(AddFile(path, files[path]))
    return operations


async def test_random_commits_give_the_trees_that_another_git_builds(hub: Hub) -> None:
    rng = random.Random(7)
    files: dict[str, bytes] = {}
    repository = await make_repository(hub.database, hub.storage, hub.owner)
    author = Author("ada", hub.owner.id)
    async with hub.database.transaction() as db:
        found = await policy.access_by_id(db, viewer_of(hub.owner), repository.id)
        handle = await service.open_file(db, hub.storage, found, "main", ".gitattributes")
        files[".gitattributes"] = await handle.read_all()
    for _ in range(25):
        operations = _random_operations(rng, files)
        async with hub.database.transaction() as db:
            found = await policy.access_by_id(db, viewer_of(hub.owner), repository.id)
            made = await service.commit(
                db, hub.storage, found, NewCommit("random", author, operations)
            )
            row = await db.get(CommitRow, (repository.id, made.oid))
            assert row is not None
            assert row.tree == _dulwich_root(files)
            assert Commit.from_string(row.raw).id.decode() == made.oid
    await _index_equals_tree(hub.database, repository.id, files)


async def _index_equals_tree(
    database: Database, repository_id: int, files: dict[str, bytes]
) -> None:
    async with database.transaction() as db:
        rows = (
            await db.scalars(select(PathHead).where(PathHead.repository_id == repository_id))
        ).all()
    index = {row.path: (row.size, row.oid) for row in rows if not row.is_folder}
    folders = {row.path for row in rows if row.is_folder}
    above = {path.rsplit("/", n)[0] for path in files for n in range(1, path.count("/") + 1)}
    assert index == {path: (len(data), blob_id(data)) for path, data in files.items()}
    assert folders == above


async def test_two_commits_at_once_both_count(hub: Hub) -> None:
    await asyncio.gather(
        *(
            make_commit(hub.database, hub.storage, hub.owner, hub.repository, {f"f{n}": b"x" * n})
            for n in range(1, 5)
        )
    )
    async with hub.database.transaction() as db:
        found = await policy.access_by_id(db, viewer_of(hub.owner), hub.repository.id)
        files = await service.list_files(db, found, "main")
        history, _more = await service.history(db, found, "main")
    assert {f"f{n}" for n in range(1, 5)} <= {file.path for file in files}
    assert len(history) == 6
    assert found.size_bytes == sum(file.size for file in files)
    assert found.head == history[0].oid


async def test_a_commit_on_an_old_parent_is_refused_and_changes_nothing(hub: Hub) -> None:
    async with hub.database.transaction() as db:
        found = await policy.access_by_id(db, viewer_of(hub.owner), hub.repository.id)
        first = (await service.history(db, found, "main"))[0][-1]
        new = NewCommit("x", Author("ada"), [AddFile("x", b"")], parent=first.oid)
        with pytest.raises(StaleError):
            await service.commit(db, hub.storage, found, new)
        paths = [file.path for file in await service.list_files(db, found, "main")]
    assert "x" not in paths


async def test_a_short_id_a_tag_and_a_branch_name_the_same_commit(hub: Hub) -> None:
    async with hub.database.transaction() as db:
        found = await policy.access_by_id(db, viewer_of(hub.owner), hub.repository.id)
        oid = await service.resolve_revision(db, found, "main")
        await service.create_tag(db, found, "v1", "main")
        names = ["refs/heads/main", oid, oid[:7], "v1", "refs/tags/v1"]
        assert [await service.resolve_revision(db, found, name) for name in names] == [oid] * 5
        for name in ("nothing", oid[:3], "f" * 40, "refs/heads/x"):
            with pytest.raises(NotFoundError):
                await service.resolve_revision(db, found, name)


async def test_a_diff_names_every_file_and_shows_text(hub: Hub) -> None:
    changes = {"README.md": b"# Net\nmore\n", "new.bin": b"\0\1", "big.txt": b"x\n" * 200_000}
    await make_commit(hub.database, hub.storage, hub.owner, hub.repository, changes)
    async with hub.database.transaction() as db:
        found = await policy.access_by_id(db, viewer_of(hub.owner), hub.repository.id)
        shown = await service.diff(db, hub.storage, found, "main")
        again = await service.diff(db, hub.storage, found, "main", "main")
    files = {file.path: file for file in shown.files}
    assert sorted(files) == ["README.md", "big.txt", "new.bin"]
    assert files["README.md"].kind is ChangeKind.CHANGED
    assert "+more" in files["README.md"].patch
    assert files["new.bin"].is_binary
    assert files["big.txt"].is_truncated
    assert again.files == ()


async def test_history_pages_fit_together(hub: Hub) -> None:
    for number in range(7):
        await make_commit(
            hub.database, hub.storage, hub.owner, hub.repository, {"n": str(number).encode()}
        )
    async with hub.database.transaction() as db:
        found = await policy.access_by_id(db, viewer_of(hub.owner), hub.repository.id)
        whole, more = await service.history(db, found, "main", limit=100)
        pages = [await service.history(db, found, "main", page=p, limit=4) for p in range(3)]
    assert not more
    assert [row.oid for rows, _more in pages for row in rows] == [row.oid for row in whole]
    assert [flag for _rows, flag in pages] == [True, True, False]
    assert len(whole) == 9


async def test_a_branch_keeps_its_own_files_and_last_commits(hub: Hub) -> None:
    async with hub.database.transaction() as db:
        found = await policy.access_by_id(db, viewer_of(hub.owner), hub.repository.id)
        await service.create_branch(db, found, "dev")
        new = NewCommit("on dev", Author("ada"), [AddFile("dev.txt", b"")], branch="dev")
        await service.commit(db, hub.storage, found, new)
        _rev, items = await service.list_tree(db, found, "dev", expand=True)
        main = await service.list_files(db, found, "main")
    titles = {item.path: item.last_commit.title for item in items if item.last_commit}
    assert titles["dev.txt"] == "on dev"
    assert titles["README.md"] == "Add files"
    assert "dev.txt" not in [file.path for file in main]
    assert isinstance(items[0], TreeFile)


async def test_who_may_see_what(hub: Hub) -> None:
    secret = await make_repository(hub.database, hub.storage, hub.owner, "secret", private=True)
    eve = await make_user(hub.database, "eve")
    job = viewer_of(hub.owner)
    narrow = type(job)(
        user_id=job.user_id, name=job.name, scopes=job.scopes,
        only_repos=frozenset({hub.repository.id}),
    )  # fmt: skip
    async with hub.database.transaction() as db:
        sees = [
            await policy.may_read(db, viewer, secret)
            for viewer in (viewer_of(hub.owner), viewer_of(eve), type(job)(), narrow)
        ]
        writes = [
            await policy.may_write(db, viewer, hub.repository)
            for viewer in (viewer_of(hub.owner), viewer_of(eve), type(job)(), narrow)
        ]
        creates = await policy.may_create_for(db, narrow, hub.owner.id)
    assert sees == [True, False, False, False]
    assert writes == [True, False, False, True]
    assert not creates


def test_a_pointer_is_the_text_that_git_lfs_writes() -> None:
    text = encode_pointer(Pointer("a" * 64, 12345))
    assert text.decode().splitlines() == [
        "version https://git-lfs.github.com/spec/v1", f"oid sha256:{'a' * 64}", "size 12345",
    ]  # fmt: skip


def test_a_commit_of_another_git_is_read_with_its_author() -> None:
    raw = (
        b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor J\xc3\xb6 <j@x> 1700000000 +0200\n"
        b"committer J <j@x> 1700000000 +0200\ngpgsig -----BEGIN\n -----END\n\nTitle\n\nBody\n"
    )
    commit = decode_commit(raw)
    assert (commit.author.name, commit.message) == ("Jö", "Title\n\nBody\n")
