"""Random histories, pushed piece by piece, against what git itself says of them."""

import random
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.accounts.schemas import AccountRef
from app.core.db import Database
from tests.conftest import Site
from tests.factories.hub import make_repository
from tests.githost.conftest import Git, GitError

NAMES = ["a.txt", "b.txt", "x/a.txt", "x/b.txt", "x/y/c.txt", "z/d.txt"]


class Author:
    """Somebody who commits, merges, renames and rewrites at random, in one clone."""

    def __init__(self, git: Git, clone: Path, seed: int) -> None:
        self.git = git
        self.clone = clone
        self.random = random.Random(seed)
        self.branches = ["main"]
        self.clock = 1_700_000_000

    def run(self, *arguments: str) -> str:
        self.clock += 60
        date = f"{self.clock} +0000"
        return self.git(*arguments, cwd=self.clone, GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)

    def commit(self) -> None:
        for name in self.random.sample(NAMES, self.random.randint(1, 3)):
            path = self.clone / name
            if path.exists() and self.random.random() < 0.25:
                path.unlink()
            elif not path.is_dir() and not any(p.is_file() for p in path.parents):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{self.random.randint(0, 3)}\n" * 50)
        self.run("add", "-A")
        self.run("commit", "-q", "--allow-empty", "-m", "Change")

    def branch(self) -> None:
        name = f"b{len(self.branches)}"
        self.run("checkout", "-q", "-b", name)
        self.branches.append(name)

    def switch(self) -> None:
        self.run("checkout", "-q", self.random.choice(self.branches))

    def merge(self) -> None:
        other = self.random.choice(self.branches)
        self.run("merge", "-q", "--no-ff", "-X", "ours", "-m", "Merge", other)

    def rewrite(self) -> None:
        if self.run("rev-list", "--count", "HEAD").strip() > "3":
            self.run("reset", "-q", "--hard", "HEAD~1")

    def act(self) -> None:
        steps = [self.commit, self.commit, self.commit, self.branch, self.switch, self.merge]
        try:
            self.random.choice([*steps, self.rewrite])()
        except GitError:  # a merge that needs a person
            self.run("reset", "-q", "--hard", "HEAD")

    def push(self) -> None:
        self.run("push", "-q", "--force", "origin", *self.branches)


@pytest.fixture
async def clone(
    site: Site, database: Database, ada: AccountRef, address: str, git: Git, tmp_path: Path
) -> Path:
    await make_repository(database, site.app.state.storage, ada, "repo")
    git("clone", "-q", f"{address}/ada/repo", "clone")
    return tmp_path / "clone"


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_random_history_is_kept_and_shown_as_git_tells_it(
    site: Site, git: Git, clone: Path, tmp_path: Path, seed: int
) -> None:
    author = Author(git, clone, seed)
    git("clone", "-q", f"{site.url}/ada/repo", "reader")
    for _round in range(6):
        for _step in range(6):
            author.act()
        author.push()
        git("fetch", "-q", "origin", cwd=tmp_path / "reader")
    git("fsck", "--strict", cwd=tmp_path / "reader")
    for branch in author.branches:
        theirs = git("rev-parse", f"origin/{branch}", cwd=tmp_path / "reader")
        assert theirs == author.run("rev-parse", branch)
        for path, row in _tree(site, branch).items():
            last = author.run("log", "-1", "--format=%H", branch, "--", path).strip()
            assert (row["lastCommit"]["id"], row["oid"]) == (
                last,
                author.run("rev-parse", f"{branch}:{path}").strip(),
            ), (branch, path)
    shutil.rmtree(tmp_path / "reader")


def _tree(site: Site, branch: str) -> dict[str, Any]:
    answer = httpx.get(
        f"{site.url}/api/models/ada/repo/tree/{branch}",
        params={"recursive": "true", "expand": "true"},
    )
    return {row["path"]: row for row in answer.json()}
