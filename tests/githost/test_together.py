"""Git beside the other ways to commit: the same commits, and nobody's work lost."""

import asyncio
from pathlib import Path

import httpx

from app.accounts.schemas import AccountRef
from app.core.db import Database
from app.core.errors import StaleError
from app.hub import policy, service
from app.hub.schemas import AddFile, Author, NewCommit
from tests.conftest import Site
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.hub import make_repository, viewer_of
from tests.githost.conftest import Git, GitError

FILES = {"a.txt": b"one\n", "folder/b.txt": b"two\n"}


async def test_a_commit_of_the_browser_the_client_and_git_is_the_same_kind(
    site: Site, database: Database, ada: AccountRef, address: str, git: Git, tmp_path: Path
) -> None:
    token = await make_token(database, ada)
    await make_repository(database, site.app.state.storage, ada, "repo", files=FILES)
    git("clone", "-q", f"{address}/ada/repo", "clone")
    clone = tmp_path / "clone"
    async with httpx.AsyncClient(base_url=site.url, headers=bearer(token)) as client:
        for number in range(2):
            (clone / f"git{number}.txt").write_text("by git\n")
            git("add", "-A", cwd=clone)
            git("commit", "-q", "-m", "By git", cwd=clone)
            git("push", "-q", "origin", "main", cwd=clone)
            lines = (
                '{"key":"header","value":{"summary":"By client"}}\n'
                f'{{"key":"file","value":{{"path":"hf{number}.txt","content":"eA=="}}}}\n'
            )
            made = await client.post("/api/models/ada/repo/commit/main", content=lines)
            assert made.status_code == 200, made.text
            git("pull", "-q", cwd=clone)
            assert git("rev-parse", "HEAD", cwd=clone).strip() == made.json()["commitOid"]
        listed = (await client.get("/api/models/ada/repo/tree/main")).json()
    for row in listed:
        assert row["oid"] == git("rev-parse", f"HEAD:{row['path']}", cwd=clone).strip()
    log = git("log", "--format=%s", cwd=clone).split("\n")
    assert log[:4] == ["By client", "By git", "By client", "By git"]
    git("fsck", "--strict", cwd=clone)


async def test_of_a_push_and_a_commit_at_once_none_is_lost(
    site: Site, database: Database, ada: AccountRef, address: str, git: Git, tmp_path: Path
) -> None:
    storage = site.app.state.storage
    made = await make_repository(database, storage, ada, "repo", files=FILES)
    git("clone", "-q", f"{address}/ada/repo", "clone")
    clone = tmp_path / "clone"

    async def commit(number: int, parent: str) -> bool:
        async with database.transaction() as db:
            repository = await policy.access_by_id(db, viewer_of(ada), made.id)
            operations = [AddFile(f"site{number}.txt", b"x\n")]
            new = NewCommit("Site", Author("ada", ada.id), operations, parent=parent)
            await service.commit(db, storage, repository, new)
        return True

    def push() -> bool:
        git("push", "-q", "origin", "main", cwd=clone)
        return True

    for number in range(3):
        parent = git("rev-parse", "HEAD", cwd=clone).strip()
        (clone / f"git{number}.txt").write_text("x\n")
        git("add", "-A", cwd=clone)
        git("commit", "-q", "-m", "Git", cwd=clone)
        done = await asyncio.gather(
            asyncio.to_thread(push), commit(number, parent), return_exceptions=True
        )
        # One wins; the other is told, and nothing of it is there.
        assert done.count(True) == 1
        assert isinstance(done[0], bool | GitError)
        assert isinstance(done[1], bool | StaleError)
        git("fetch", "-q", cwd=clone)
        names = git("ls-tree", "--name-only", "origin/main", cwd=clone).split()
        assert (f"git{number}.txt" in names) is (done[0] is True)
        assert (f"site{number}.txt" in names) is (done[1] is True)
        git("reset", "-q", "--hard", "origin/main", cwd=clone)


async def test_a_pull_request_takes_pushes_of_its_author_only(
    site: Site, database: Database, ada: AccountRef, git: Git, tmp_path: Path
) -> None:
    await make_repository(database, site.app.state.storage, ada, "repo", files=FILES)
    eve, bob = await make_user(database, "eve"), await make_user(database, "bob")
    tokens = {p.name: await make_token(database, p) for p in (eve, bob)}
    body = {"title": "Better", "description": "", "pullRequest": True}
    opened = httpx.Client(base_url=site.url, headers=bearer(tokens["eve"]))
    with opened as client:
        number = client.post("/api/models/ada/repo/discussions", json=body).json()["num"]
    git("clone", "-q", f"{site.url}/ada/repo", "clone")
    clone = tmp_path / "clone"
    (clone / "better.txt").write_text("better\n")
    git("add", "-A", cwd=clone)
    git("commit", "-q", "-m", "Better", cwd=clone)

    said = {}
    for name in ("bob", "eve"):
        url = site.url.replace("://", f"://{name}:{tokens[name]}@") + "/ada/repo"
        for ref in ("refs/heads/main", f"refs/pr/{number}"):
            try:
                said[name, ref] = git("push", url, f"HEAD:{ref}", cwd=clone)
            except GitError as error:
                said[name, ref] = f"refused: {error}"
    refused = {key for key, text in said.items() if text.startswith("refused")}
    assert refused == said.keys() - {("eve", f"refs/pr/{number}")}
    git("fetch", "-q", "origin", f"refs/pr/{number}", cwd=clone)
    assert git("rev-parse", "FETCH_HEAD", cwd=clone) == git("rev-parse", "HEAD", cwd=clone)
