"""The stock client in a process of its own, with HF_ENDPOINT and HF_TOKEN and nothing else."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.core.db import Database
from app.core.settings import Settings
from tests.conftest import Site
from tests.factories.accounts import make_token, make_user
from tests.factories.s3 import s3_server

CLIENTS = Path(sys.prefix) / "clients"

Client = Callable[..., Any]

_PRELUDE = """
import json, os, sys
from pathlib import Path
from huggingface_hub import HfApi
api = HfApi()
result = None
"""


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The settings of a real S3 store, one for all tests of a process."""
    with s3_server(tmp_path_factory.mktemp("weed")) as store:
        yield store


@pytest.fixture
async def token(database: Database) -> str:
    """The write token of a person called ada."""
    ada = await make_user(database, "ada")
    return await make_token(database, ada, "write")


@pytest.fixture
def environment(site: Site, token: str, tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "HF_HOME": str(tmp_path / "hf"),
        "HF_ENDPOINT": site.url,
        "HF_TOKEN": token,
    }


@pytest.fixture
def hf(environment: dict[str, str], tmp_path: Path) -> Client:
    """Run a script that sets `result`; return it. `env` changes the environment.

    `client` names an earlier version of huggingface_hub to run it with.
    """

    def run(script: str, /, *, client: str = "", **env: str) -> Any:
        if client:
            env["PYTHONPATH"] = str(CLIENTS / client)
        out = tmp_path / "result.json"
        ending = f"\nPath({str(out)!r}).write_text(json.dumps(result))\n"
        done = subprocess.run(
            [sys.executable, "-c", _PRELUDE + script + ending],
            env={**environment, **env},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads(out.read_text())

    return run
