"""Large files with the real git-lfs."""

import os
from pathlib import Path

import httpx
import pytest

from app.accounts.schemas import AccountRef
from app.core.db import Database
from tests.conftest import Site
from tests.factories.accounts import make_token, make_user
from tests.factories.hub import make_repository
from tests.githost.conftest import Git, GitError


@pytest.fixture
async def clone(
    site: Site, database: Database, ada: AccountRef, address: str, git: Git, tmp_path: Path
) -> Path:
    git("lfs", "install")
    await make_repository(database, site.app.state.storage, ada, "repo", private=True)
    git("clone", "-q", f"{address}/ada/repo", "clone")
    return tmp_path / "clone"


async def test_a_large_file_is_pushed_and_cloned_by_git_lfs(
    site: Site, token: str, address: str, git: Git, clone: Path, tmp_path: Path
) -> None:
    content = os.urandom(3_000_000)
    (clone / "weights.safetensors").write_bytes(content)
    git("add", "-A", cwd=clone)
    git("commit", "-q", "-m", "Weights", cwd=clone)

    git("push", "origin", "main", cwd=clone)

    headers = {"Authorization": f"Bearer {token}"}
    row = _tree(site, headers)["weights.safetensors"]
    assert row["size"] == 3_000_000
    assert row["lfs"]["size"] == 3_000_000
    assert row["oid"] == git("rev-parse", "HEAD:weights.safetensors", cwd=clone).strip()
    git("clone", "-q", f"{address}/ada/repo", "again")
    assert (tmp_path / "again/weights.safetensors").read_bytes() == content
    # Pushing the same bytes again needs nothing to be sent.
    (clone / "copy.safetensors").write_bytes(content)
    git("add", "-A", cwd=clone)
    git("commit", "-q", "-m", "Copy", cwd=clone)
    git("push", "origin", "main", cwd=clone)
    assert _tree(site, headers)["copy.safetensors"]["lfs"] == row["lfs"]


def _tree(site: Site, headers: dict[str, str]) -> dict[str, dict[str, object]]:
    answer = httpx.get(f"{site.url}/api/models/ada/repo/tree/main", headers=headers)
    return {row["path"]: row for row in answer.json()}


async def test_a_stranger_is_told_why_nothing_can_be_sent(
    site: Site, database: Database, git: Git, clone: Path
) -> None:
    (clone / "weights.safetensors").write_bytes(b"x" * 100)
    git("add", "-A", cwd=clone)
    git("commit", "-q", "-m", "Weights", cwd=clone)
    eve = await make_token(database, await make_user(database, "eve"))
    git("remote", "set-url", "origin", site.url.replace("://", f"://eve:{eve}@") + "/ada/repo",
        cwd=clone)  # fmt: skip

    with pytest.raises(GitError, match="not found"):
        git("lfs", "push", "origin", "main", cwd=clone)
