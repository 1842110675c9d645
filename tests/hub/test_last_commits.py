"""The commit beside each file is the one that git itself names, at any commit of any history."""

import random
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.core.db import Database
from app.hub.tables import Blob, Commit, Tree
from tests.hub.conftest import Hub

_PATHS = ["a", "b", "d/a", "d/b", "d/e/a", "d/e/b", "f/a"]
_GIT = shutil.which("git") or "git"


class Git:
    """A repository of the real git, made by its fast import."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run([_GIT, "init", "-q", "--bare", str(folder)], check=True)

    def __call__(self, *arguments: str, given: bytes = b"") -> bytes:
        command = [_GIT, "-C", str(self.folder), *arguments]
        return subprocess.run(command, input=given, capture_output=True, check=True).stdout


def _history(rng: random.Random, num_commits: int) -> bytes:
    """Return a stream of commits that branch, change a file or two, and merge."""
    lines: list[str] = []
    for mark in range(1, num_commits + 1):
        who = f"committer x <x@x> {1_700_000_000 + mark} +0000"
        lines += [f"commit refs/heads/c{mark}", f"mark :{mark}", who, "data 1", "m"]
        parents = rng.sample(range(max(1, mark - 4), mark), k=min(mark - 1, rng.choice([1, 1, 2])))
        lines += [f"{'merge' if n else 'from'} :{parent}" for n, parent in enumerate(parents)]
        for path in rng.sample(_PATHS, k=rng.randint(0 if mark > 1 else 3, 2 if mark > 1 else 7)):
            text = str(rng.randint(0, 3))
            lines += [f"M 100644 inline {path}", f"data {len(text)}", text]
    return ("\n".join(lines) + "\n").encode()


async def _copy(database: Database, git: Git, repository_id: int) -> list[str]:
    """Put every object of `git` into the site's tables; return the commits."""
    listed = git("cat-file", "--batch-all-objects", "--batch-check").decode().split("\n")
    kinds = dict(line.split(" ")[:2] for line in listed if line)
    order = git("rev-list", "--all", "--topo-order", "--reverse").decode().split()
    generation: dict[str, int] = {}
    async with database.transaction() as db:
        for oid, kind in kinds.items():
            raw = git("cat-file", kind, oid)
            if kind == "tree":
                await db.merge(Tree(oid=oid, raw=raw))
            elif kind == "blob":
                await db.merge(Blob(oid=oid, size=len(raw), inline=raw))
        for oid in order:
            tree, parents = git("show", "-s", "--format=%T|%P", oid).decode().strip().split("|")
            above = parents.split()
            generation[oid] = max([0, *(generation[p] for p in above)]) + 1
            db.add(
                Commit(
                    repository_id=repository_id, oid=oid, tree=tree, parents=above,
                    generation=generation[oid], author_name="x", author_email="x", title=oid,
                    message="m", raw=b"", committed_at=_moment(git, oid),
                )
            )  # fmt: skip
    return order


def _moment(git: Git, oid: str) -> datetime:
    return datetime.fromtimestamp(int(git("show", "-s", "--format=%ct", oid)), UTC)


@pytest.mark.parametrize("seed", range(3))
async def test_any_commit_of_a_history_with_merges_is_answered_as_git_answers(
    hub: Hub, tmp_path: Path, seed: int
) -> None:
    git = Git(tmp_path / "x.git")
    git("fast-import", "--quiet", given=_history(random.Random(seed), 40))
    commits = await _copy(hub.database, git, hub.repository.id)
    for oid in commits[::3]:
        address = f"/api/models/ada/net/tree/{oid}?recursive=true&expand=true"
        items = (await hub.get(address)).json()
        said = {item["path"]: item["lastCommit"]["id"] for item in items}
        truth = {
            path: git("log", "-1", "--format=%H", oid, "--", path).decode().strip() for path in said
        }
        assert said == truth
        assert said
