"""Pushing with the real git: what arrives is what the site then shows."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from app.accounts.schemas import AccountRef
from app.core.db import Database
from app.hub.service import history, repositories_by_id
from tests.conftest import Site
from tests.factories.hub import make_commit, make_repository
from tests.githost.conftest import Git, GitError

FILES = {"a.txt": b"one\n", "deep/er/b.txt": b"two\n", "keep.txt": b"keep\n"}


@pytest.fixture
async def clone(
    site: Site, database: Database, ada: AccountRef, address: str, git: Git, tmp_path: Path
) -> Path:
    """A clone of `ada/repo`, which holds FILES."""
    await make_repository(database, site.app.state.storage, ada, "repo", files=FILES)
    git("clone", "-q", f"{address}/ada/repo", "clone")
    return tmp_path / "clone"


def commit(git: Git, clone: Path, message: str) -> str:
    git("add", "-A", cwd=clone)
    git("commit", "-q", "-m", message, cwd=clone)
    return git("rev-parse", "HEAD", cwd=clone).strip()


def api(site: Site, path: str, **query: str) -> Any:
    answer = httpx.get(f"{site.url}/api/models/ada/repo{path}", params=query)
    answer.raise_for_status()
    return answer.json()


def tree(site: Site, token: str, rev: str = "main", **query: str) -> dict[str, Any]:
    answer = httpx.get(
        f"{site.url}/api/models/ada/repo/tree/{rev}",
        params={"recursive": "true", **query},
        headers={"Authorization": f"Bearer {token}"},
    )
    answer.raise_for_status()
    return {row["path"]: row for row in answer.json()}


async def test_a_push_of_new_changed_renamed_and_deleted_files_is_shown_by_the_site(
    site: Site, token: str, git: Git, clone: Path
) -> None:
    (clone / "a.txt").write_text("changed\n")
    (clone / "new").mkdir()
    (clone / "new/file.txt").write_text("new\n")
    git("mv", "deep/er/b.txt", "moved.txt", cwd=clone)
    oid = commit(git, clone, "Change everything\n\nAnd say why.")

    git("push", "-q", "origin", "main", cwd=clone)

    rows = tree(site, token, expand="true")
    files = {p for p, row in rows.items() if row["type"] == "file"}
    assert files == {".gitattributes", "a.txt", "keep.txt", "moved.txt", "new/file.txt"}
    assert rows["new/file.txt"]["oid"] == git("rev-parse", "HEAD:new/file.txt", cwd=clone).strip()
    assert rows["a.txt"]["lastCommit"]["id"] == oid
    assert rows["keep.txt"]["lastCommit"]["id"] != oid
    info = api(site, "")
    assert info["sha"] == oid
    shown = api(site, "/commits/main")[0]
    assert (shown["id"], shown["title"]) == (oid, "Change everything")


async def test_every_path_names_the_commit_that_git_log_names(
    site: Site, token: str, git: Git, clone: Path
) -> None:
    (clone / "a.txt").write_text("first\n")
    commit(git, clone, "First")
    git("checkout", "-q", "-b", "side", cwd=clone)
    (clone / "deep/er/c.txt").write_text("side\n")
    commit(git, clone, "Side")
    git("checkout", "-q", "main", cwd=clone)
    (clone / "deep/d.txt").write_text("main\n")
    commit(git, clone, "Main")
    git("merge", "-q", "--no-ff", "-m", "Merge", "side", cwd=clone)
    (clone / "keep.txt").write_text("changed\n")
    commit(git, clone, "Change keep")
    (clone / "keep.txt").write_text("keep\n")
    commit(git, clone, "Put keep back")

    git("push", "-q", "origin", "main", "side", cwd=clone)

    for branch in ("main", "side"):
        rows = tree(site, token, branch, expand="true")
        shown = {path: row["lastCommit"]["id"] for path, row in rows.items()}
        expected = {
            path: git("log", "-1", "--format=%H", branch, "--", path, cwd=clone).strip()
            for path in shown
        }
        assert shown == expected


async def test_a_force_push_replaces_history_and_index(
    site: Site, token: str, git: Git, clone: Path
) -> None:
    (clone / "gone.txt").write_text("gone\n")
    commit(git, clone, "Soon gone")
    git("push", "-q", "origin", "main", cwd=clone)
    git("reset", "-q", "--hard", "HEAD~1", cwd=clone)
    (clone / "other.txt").write_text("other\n")
    oid = commit(git, clone, "Other")
    with pytest.raises(GitError, match=r"fetch first|non-fast-forward"):
        git("push", "origin", "main", cwd=clone)

    git("push", "-q", "--force", "origin", "main", cwd=clone)

    rows = tree(site, token, expand="true")
    assert "gone.txt" not in rows
    shown = {path: row["lastCommit"]["id"] for path, row in rows.items()}
    assert shown["other.txt"] == oid
    for path, found in shown.items():
        assert found == git("log", "-1", "--format=%H", "main", "--", path, cwd=clone).strip()
    size = sum(row["size"] for row in rows.values() if row["type"] == "file")
    assert api(site, "", expand="usedStorage")["usedStorage"] == size


async def test_branches_and_tags_come_and_go(
    site: Site, git: Git, clone: Path, tmp_path: Path
) -> None:
    git("tag", "light", cwd=clone)
    git("tag", "-a", "-m", "Heavy words", "heavy", cwd=clone)
    git("branch", "topic/one", cwd=clone)
    git("push", "-q", "origin", "--tags", "topic/one", cwd=clone)

    head = git("rev-parse", "HEAD", cwd=clone).strip()
    refs = api(site, "/refs")
    assert {b["name"] for b in refs["branches"]} == {"main", "topic/one"}
    assert {t["name"]: t["targetCommit"] for t in refs["tags"]} == {"light": head, "heavy": head}
    git("clone", "-q", f"{site.url}/ada/repo", "again")
    assert git("cat-file", "-p", "heavy", cwd=tmp_path / "again").endswith("Heavy words\n")
    assert git("rev-parse", "heavy", cwd=tmp_path / "again") == git("rev-parse", "heavy", cwd=clone)

    git("push", "-q", "origin", "--delete", "heavy", "topic/one", cwd=clone)
    refs = api(site, "/refs")
    assert [b["name"] for b in refs["branches"]] == ["main"]
    assert [t["name"] for t in refs["tags"]] == ["light"]
    with pytest.raises(GitError, match="main cannot be deleted"):
        git("push", "origin", "--delete", "main", cwd=clone)


async def test_a_push_onto_a_branch_that_moved_is_told_to_pull(
    site: Site, database: Database, ada: AccountRef, git: Git, clone: Path
) -> None:
    async with database.transaction() as db:
        repository = next(iter((await repositories_by_id(db, [1])).values()))
    await make_commit(database, site.app.state.storage, ada, repository, {"z.txt": b"z\n"})
    (clone / "mine.txt").write_text("mine\n")
    commit(git, clone, "Mine")

    with pytest.raises(GitError, match="fetch first"):
        git("push", "origin", "main", cwd=clone)
    git("pull", "-q", "--rebase", cwd=clone)
    git("push", "-q", "origin", "main", cwd=clone)
    assert (clone / "z.txt").exists()


async def test_two_thousand_files_are_pushed_and_cloned(
    site: Site, git: Git, clone: Path, tmp_path: Path
) -> None:
    for number in range(2000):
        folder = clone / f"part{number % 20}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.txt").write_text(f"row {number}\n" * 5)
    oid = commit(git, clone, "Many files")

    git("push", "-q", "origin", "main", cwd=clone)
    git("clone", "-q", f"{site.url}/ada/repo", "again")

    assert git("rev-parse", "HEAD", cwd=tmp_path / "again").strip() == oid
    assert git("status", "--porcelain", cwd=tmp_path / "again") == ""
    git("fsck", "--strict", cwd=tmp_path / "again")


async def test_files_too_large_for_a_row_are_pushed_and_cloned(
    site: Site, git: Git, clone: Path, tmp_path: Path
) -> None:
    content = b"".join(b"%d\n" % number for number in range(300_000))
    (clone / "numbers.txt").write_bytes(content)
    commit(git, clone, "Numbers")
    git("push", "-q", "origin", "main", cwd=clone)
    (clone / "numbers.txt").write_bytes(content + b"more\n")  # sent as a delta
    commit(git, clone, "More numbers")
    git("push", "-q", "origin", "main", cwd=clone)

    git("clone", "-q", f"{site.url}/ada/repo", "again")

    assert (tmp_path / "again/numbers.txt").read_bytes() == content + b"more\n"


async def test_only_an_address_of_this_site_names_an_author(
    site: Site, database: Database, ada: AccountRef, git: Git, clone: Path
) -> None:
    for number, email in enumerate((f"{ada.id}+ada@users.noreply", "ada@example.org", "9+x@y.z")):
        (clone / "who.txt").write_text(f"{number}\n")
        git("add", "-A", cwd=clone)
        git("-c", f"user.email={email}", "commit", "-q", "-m", f"{number}", cwd=clone)

    git("push", "-q", "origin", "main", cwd=clone)

    async with database.transaction() as db:
        repository = (await repositories_by_id(db, [1]))[1]
        shown, _more = await history(db, repository, "main", limit=3)
    assert [commit.author_id for commit in shown] == [None, None, ada.id]
