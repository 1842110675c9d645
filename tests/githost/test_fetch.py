"""Cloning and fetching with the real git."""

from pathlib import Path

import pytest

from app.accounts.schemas import AccountRef
from app.core.db import Database
from app.hub import service
from app.hub.schemas import RepositoryKind
from tests.conftest import Site
from tests.factories.accounts import make_token, make_user
from tests.factories.hub import make_commit, make_repository, viewer_of
from tests.githost.conftest import Git, GitError

FILES = {"a.txt": b"one\n", "deep/er/b.txt": b"two\n", "big.txt": b"line\n" * 40_000}


def _num_objects(git: Git, clone: Path) -> int:
    lines = dict(line.split(": ") for line in git("count-objects", "-v", cwd=clone).splitlines())
    return int(lines["count"]) + int(lines["in-pack"])


async def test_a_clone_holds_the_files_and_the_commit_that_the_site_shows(
    site: Site, database: Database, ada: AccountRef, git: Git, tmp_path: Path
) -> None:
    made = await make_repository(database, site.app.state.storage, ada, "repo", files=FILES)

    git("clone", "-q", f"{site.url}/ada/repo", "copy")

    found = {name: (tmp_path / "copy" / name).read_bytes() for name in FILES}
    assert found == FILES
    async with database.transaction() as db:
        expected = await service.resolve_revision(db, made, "main")
    assert git("rev-parse", "HEAD", cwd=tmp_path / "copy").strip() == expected
    git("fsck", "--strict", cwd=tmp_path / "copy")


@pytest.mark.parametrize("version", ["0", "2"])
async def test_a_fetch_brings_new_commits_only(
    site: Site, database: Database, ada: AccountRef, git: Git, tmp_path: Path, version: str
) -> None:
    storage = site.app.state.storage
    made = await make_repository(database, storage, ada, "repo", files=FILES)
    copy = tmp_path / "copy"
    git("-c", f"protocol.version={version}", "clone", "-q", f"{site.url}/ada/repo.git", "copy")
    before = _num_objects(git, copy)
    await make_commit(database, storage, ada, made, {"c.txt": b"three\n"})
    await make_commit(database, storage, ada, made, {"deep/d.txt": b"four\n"})

    git("-c", f"protocol.version={version}", "pull", "-q", cwd=copy)

    assert (copy / "c.txt").read_text() == "three\n"
    assert (copy / "deep/d.txt").read_text() == "four\n"
    # Two commits, two roots, one folder, two files.
    assert _num_objects(git, copy) - before == 7
    git("fsck", "--strict", cwd=copy)


@pytest.mark.parametrize("version", ["0", "2"])
async def test_a_shallow_clone_can_be_deepened(
    site: Site, database: Database, ada: AccountRef, git: Git, tmp_path: Path, version: str
) -> None:
    storage = site.app.state.storage
    made = await make_repository(database, storage, ada, "repo", files=FILES)
    for number in range(4):
        await make_commit(database, storage, ada, made, {"n.txt": b"%d\n" % number})
    copy = tmp_path / "copy"
    protocol = ("-c", f"protocol.version={version}")

    git(*protocol, "clone", "-q", "--depth", "1", f"{site.url}/ada/repo", "copy")
    assert git("rev-list", "--count", "HEAD", cwd=copy).strip() == "1"
    assert (copy / "a.txt").read_bytes() == FILES["a.txt"]
    git(*protocol, "fetch", "-q", "--depth", "3", cwd=copy)
    assert git("rev-list", "--count", "HEAD", cwd=copy).strip() == "3"
    git(*protocol, "fetch", "-q", "--unshallow", cwd=copy)
    assert git("rev-list", "--count", "HEAD", cwd=copy).strip() == "6"
    git("fsck", "--strict", cwd=copy)


async def test_a_clone_without_files_fetches_those_it_needs(
    site: Site, database: Database, ada: AccountRef, git: Git, tmp_path: Path
) -> None:
    await make_repository(database, site.app.state.storage, ada, "repo", files=FILES)

    git("clone", "-q", "--filter=blob:none", "--no-checkout", f"{site.url}/ada/repo", "copy")
    git("checkout", "-q", "main", "--", "a.txt", cwd=tmp_path / "copy")

    assert (tmp_path / "copy" / "a.txt").read_bytes() == FILES["a.txt"]
    missing = git("rev-list", "--objects", "--missing=print", "HEAD", cwd=tmp_path / "copy")
    assert missing.count("\n?") >= 2


async def test_a_data_set_is_cloned_from_its_own_address(
    site: Site, database: Database, ada: AccountRef, git: Git, tmp_path: Path
) -> None:
    kind = RepositoryKind.DATASET
    await make_repository(database, site.app.state.storage, ada, "rows", kind=kind, files=FILES)

    git("clone", "-q", f"{site.url}/datasets/ada/rows", "copy")

    assert (tmp_path / "copy" / "a.txt").read_bytes() == FILES["a.txt"]


async def test_a_private_repository_is_cloned_with_a_token_only(
    site: Site, database: Database, ada: AccountRef, address: str, git: Git
) -> None:
    await make_repository(database, site.app.state.storage, ada, "secret", private=True)
    stranger = await make_token(database, await make_user(database, "eve"))

    git("clone", "-q", f"{address}/ada/secret", "mine")
    with pytest.raises(GitError, match="terminal prompts disabled"):
        git("clone", "-q", f"{site.url}/ada/secret", "theirs")
    theirs = site.url.replace("://", f"://eve:{stranger}@")
    with pytest.raises(GitError, match="not found"):
        git("clone", "-q", f"{theirs}/ada/secret", "theirs")
    with pytest.raises(GitError, match="terminal prompts disabled"):
        git("clone", "-q", f"{site.url}/ada/no-such", "theirs")


async def test_an_earlier_address_leads_to_the_new_one(
    site: Site, database: Database, ada: AccountRef, git: Git, tmp_path: Path
) -> None:
    made = await make_repository(database, site.app.state.storage, ada, "old", files=FILES)
    async with database.transaction() as db:
        repository = await service.repositories_by_id(db, [made.id])
        await service.rename_repository(db, viewer_of(ada), repository[made.id], "ada", "new")

    git("clone", "-q", f"{site.url}/ada/old", "copy")

    assert (tmp_path / "copy" / "a.txt").read_bytes() == FILES["a.txt"]


async def test_objects_of_another_repository_are_not_sent(
    site: Site, database: Database, ada: AccountRef, git: Git, tmp_path: Path
) -> None:
    storage = site.app.state.storage
    await make_repository(database, storage, ada, "open", files={"x": b"x\n"})
    secret = await make_repository(
        database, storage, ada, "secret", private=True, files={"s": b"secret\n"}
    )
    async with database.transaction() as db:
        commit = await service.resolve_revision(db, secret, "main")
    (tmp_path / "s").write_bytes(b"secret\n")
    blob = git("hash-object", "s").strip()
    git("init", "-q", "taker")

    for oid in (commit, blob):
        with pytest.raises(GitError, match="not our ref"):
            git("fetch", f"{site.url}/ada/open", oid, cwd=tmp_path / "taker")
