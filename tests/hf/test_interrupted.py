"""Transfers that are cut in the middle end whole: the client is killed, or the site is."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.core.settings import Settings
from tests.hf.interruption import Wire

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

_SIZE = 30_000_000
_HALF = 12_000_000
_UPLOAD = """
from huggingface_hub import HfApi
api = HfApi()
api.create_repo("ada/net", exist_ok=True)
api.upload_file(path_or_fileobj="w.bin", path_in_repo="w.bin", repo_id="ada/net")
"""
_DOWNLOAD = """
from huggingface_hub import hf_hub_download
print(hf_hub_download("ada/net", "w.bin", local_dir="down"))
"""


class KillableSite:
    """A site in a process of its own that starts again on the same port."""

    def __init__(self, settings: Settings) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._environment = os.environ | {
            "DATABASE_URL": settings.database_url,
            "STORAGE_URL": settings.storage_url,
            "TUNINGFORK_DATA_DIR": str(settings.data_dir),
            "TUNINGFORK_SECRET_KEY": settings.secret_key.get_secret_value(),
            "TUNINGFORK_LOG_LEVEL": "error",
        }
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        descriptor = self._socket.fileno()
        command = [sys.executable, "-m", "app.embedded.site", "--fd", str(descriptor)]
        process = subprocess.Popen(command, env=self._environment, pass_fds=[descriptor])
        httpx.get(f"{self.url}/healthz", timeout=60).raise_for_status()
        return process

    def kill_and_restart(self) -> None:
        """End it as a power cut does, and start another."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process = self._start()

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._socket.close()


@pytest.fixture
def killable(settings: Settings) -> Iterator[KillableSite]:
    site = KillableSite(settings)
    yield site
    site.stop()


@pytest.fixture
def wire(killable: KillableSite) -> Iterator[Wire]:
    between = Wire(killable.url)
    yield between
    between.close()


@pytest.fixture
def environment(wire: Wire, token: str, tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "HF_HOME": str(tmp_path / "hf"),
        "HF_ENDPOINT": wire.url,
        "HF_TOKEN": token,
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DOWNLOAD_TIMEOUT": "60",
    }


class Machine:
    """A client's machine: starts scripts in its folder."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.environment, self.folder = environment, folder

    def start(self, script: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", script], env=self.environment, cwd=self.folder,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, script: str) -> None:
        process = self.start(script)
        _out, errors = process.communicate(timeout=110)
        assert process.returncode == 0, errors[-3000:]


@pytest.fixture(params=["xet", "plain"])
def machine(request: pytest.FixtureRequest, environment: dict[str, str], tmp_path: Path) -> Machine:
    """A machine with a file, whose client sends and fetches by Xet, or by plain HTTP and LFS."""
    (tmp_path / "w.bin").write_bytes(os.urandom(_SIZE))
    if request.param == "plain":
        environment["HF_HUB_DISABLE_XET"] = "1"
    return Machine(environment, tmp_path)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _stored_digest(url: str) -> str:
    answer = httpx.get(f"{url}/ada/net/resolve/main/w.bin", timeout=60)
    assert answer.status_code == 200
    return hashlib.sha256(answer.content).hexdigest()


def test_a_client_killed_while_it_sends_sends_the_rest_the_next_time(
    machine: Machine, wire: Wire, killable: KillableSite
) -> None:
    wire.hold_after("up", _HALF)
    process = machine.start(_UPLOAD)
    assert wire.held.wait(60)
    process.kill()
    process.communicate()
    wire.release()
    nothing = httpx.get(f"{killable.url}/ada/net/resolve/main/w.bin")
    machine.run(_UPLOAD)
    assert nothing.status_code == 404
    assert _stored_digest(killable.url) == _digest(machine.folder / "w.bin")


def test_a_client_killed_while_it_fetches_ends_with_the_same_file(
    machine: Machine, wire: Wire
) -> None:
    machine.run(_UPLOAD)
    wire.hold_after("down", _HALF)
    process = machine.start(_DOWNLOAD)
    assert wire.held.wait(60)
    process.kill()
    process.communicate()
    wire.release()
    machine.run(_DOWNLOAD)
    assert _digest(machine.folder / "down" / "w.bin") == _digest(machine.folder / "w.bin")


def test_a_site_killed_while_a_file_arrives_has_it_whole_in_the_end(
    machine: Machine, wire: Wire, killable: KillableSite
) -> None:
    wire.hold_after("up", _HALF)
    process = machine.start(_UPLOAD)
    assert wire.held.wait(60)
    killable.kill_and_restart()
    wire.release()
    process.communicate(timeout=110)
    if process.returncode != 0:  # whoever was told that it failed sends it again
        machine.run(_UPLOAD)
    assert _stored_digest(killable.url) == _digest(machine.folder / "w.bin")


def test_a_site_killed_while_it_sends_ends_with_the_same_file(
    machine: Machine, wire: Wire, killable: KillableSite
) -> None:
    machine.run(_UPLOAD)
    wire.hold_after("down", _HALF)
    process = machine.start(_DOWNLOAD)
    assert wire.held.wait(60)
    killable.kill_and_restart()
    wire.release()
    process.communicate(timeout=110)
    if process.returncode != 0:
        machine.run(_DOWNLOAD)
    assert _digest(machine.folder / "down" / "w.bin") == _digest(machine.folder / "w.bin")
