"""The stock clients show why there is no room, and nothing of what they sent is kept."""

import os
from pathlib import Path

import httpx
import pytest

from app.accounts.schemas import AccountRef
from app.core.db import Database
from app.core.settings import Settings
from app.quotas import service
from app.quotas.schemas import Kind
from tests.conftest import Site
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.hub import make_repository
from tests.githost.conftest import Git, GitError, address, git, git_environment
from tests.hf.conftest import Client, environment, hf

__all__ = ["address", "environment", "git", "git_environment", "hf"]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A site where nobody may hold more than half a megabyte, nor more than five files."""
    return settings.model_copy(update={"account_bytes": 500_000, "account_files": 5})


@pytest.fixture
async def ada(database: Database) -> AccountRef:
    return await make_user(database, "ada")


@pytest.fixture
async def token(database: Database, ada: AccountRef) -> str:

    return await make_token(database, ada, "write")


async def _used(database: Database, ada: AccountRef) -> dict[Kind, int]:
    async with database.transaction() as db:
        return {line.kind: line.used for line in await service.lines(db, ada.id)}


def _make(site: Site, token: str) -> None:
    body = {"kind": "model", "name": "net"}
    made = httpx.post(f"{site.url}/api/v1/repos", json=body, headers=bearer(token))
    assert made.status_code == 201, made.text


def test_git_shows_the_sentence_and_the_branch_stays(
    site: Site, git: Git, address: str, tmp_path: Path, token: str
) -> None:
    _make(site, token)
    git("clone", "-q", f"{address}/ada/net", "clone")
    clone = tmp_path / "clone"
    for number in range(6):
        (clone / f"{number}.txt").write_text(f"{number}\n")
    git("add", ".", cwd=clone)
    git("commit", "-qm", "Many", cwd=clone)
    with pytest.raises(GitError) as refused:
        git("push", "origin", "HEAD:refs/heads/main", cwd=clone)
    said = " ".join(str(refused.value).replace("remote:", " ").split())
    assert "No room: there are 1 of 5 files, and this adds 6." in said
    files = httpx.get(f"{site.url}/api/models/ada/net/tree/main").json()
    assert [file["path"] for file in files] == [".gitattributes"]


def test_a_push_that_is_larger_than_what_is_left_is_refused_before_it_is_unpacked(
    site: Site, git: Git, address: str, tmp_path: Path, token: str
) -> None:
    _make(site, token)
    git("clone", "-q", f"{address}/ada/net", "clone")
    clone = tmp_path / "clone"
    (clone / "noise.txt").write_text(os.urandom(900_000).hex())
    git("add", ".", cwd=clone)
    git("commit", "-qm", "Noise", cwd=clone)
    with pytest.raises(GitError) as refused:
        git("push", "origin", "HEAD:refs/heads/main", cwd=clone)
    assert "of 500 kB are used" in str(refused.value)


def test_the_stock_client_shows_how_much_is_used_and_of_how_much(hf: Client) -> None:
    said = hf("""
api.create_repo("ada/big")
result = []
for name, content in (("x.bin", os.urandom(3_000_000)), ("y.txt", b"word " * 120_000)):
    try:
        api.upload_file(path_or_fileobj=content, path_in_repo=name, repo_id="ada/big")
        result.append("sent")
    except Exception as error:
        result.append(str(error))
for number in range(5):
    try:
        api.upload_file(path_or_fileobj=b"a%d" % number, path_in_repo=f"{number}.txt",
                        repo_id="ada/big")
    except Exception as error:
        result.append(str(error))
""")
    assert len(said) == 3, said
    assert all("No room" in words and "/settings/usage" in words for words in said[:2]), said
    assert "5 of 5 files" in said[2]


async def test_nothing_of_what_was_refused_is_charged(
    site: Site, hf: Client, database: Database, ada: AccountRef
) -> None:
    await make_repository(database, site.app.state.storage, ada, "net")
    before = await _used(database, ada)
    hf("""
try:
    api.upload_file(path_or_fileobj=os.urandom(3_000_000), path_in_repo="x.bin", repo_id="ada/net")
except Exception:
    result = "refused"
""")
    assert await _used(database, ada) == before
