"""The real git in a process of its own, with a home of its own and nobody to ask for a password."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from app.accounts.schemas import AccountRef
from app.core.db import Database
from tests.conftest import Site
from tests.factories.accounts import make_token, make_user

Git = Callable[..., str]


class GitError(Exception):
    """Git ended with an error; the text is what its user saw."""


@pytest.fixture
async def ada(database: Database) -> AccountRef:
    return await make_user(database, "ada")


@pytest.fixture
async def token(database: Database, ada: AccountRef) -> str:
    return await make_token(database, ada, "write")


@pytest.fixture
def git_environment(tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    config = (
        "[user]\n\tname = Ada\n\temail = ada@example.org\n"
        "[init]\n\tdefaultBranch = main\n[advice]\n\tdetachedHead = false\n"
        '[gc]\n\tauto = 0\n[protocol "file"]\n\tallow = always\n'
        "[credential]\n\thelper =\n"
    )
    (home / ".gitconfig").write_text(config)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_LFS_SKIP_SMUDGE": "0",
        "LC_ALL": "C.UTF-8",
    }


@pytest.fixture
def git(git_environment: dict[str, str], tmp_path: Path) -> Git:
    """Run git and return what it printed; raise `GitError` with its words when it fails."""

    def run(*arguments: str, cwd: Path | None = None, **env: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=cwd or tmp_path,
            env={**git_environment, **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )
        if done.returncode:
            raise GitError(done.stdout + done.stderr)
        return done.stdout + done.stderr

    return run


@pytest.fixture
def address(site: Site, token: str) -> str:
    """The site's address with ada's write token in it."""
    return site.url.replace("://", f"://ada:{token}@")
