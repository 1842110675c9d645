"""What a fenced process can reach, asked of every fence that this machine can build."""

import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from worker import sandbox

_PROBE = """
import json, os, socket, sys
given = json.loads(sys.argv[1])
def tries(action):
    try:
        return action() or "done"
    except OSError as error:
        return type(error).__name__
def write(path):
    with open(path, "a") as file:
        file.write("x")
def read(path):
    with open(path) as file:
        return file.read()
def connect():
    socket.create_connection(("127.0.0.1", given["port"]), 1).close()
answers = {
    "input": tries(lambda: read(given["input"])),
    "own": tries(lambda: write(given["own"])),
    "change_input": tries(lambda: write(given["input"])),
    "outside": tries(lambda: read(given["outside"])),
    "passwords": tries(lambda: read("/etc/shadow")),
    "worker_environment": tries(lambda: read(f"/proc/{given['worker']}/environ") and "read"),
    "kill_worker": tries(lambda: os.kill(given["worker"], 0)),
    "tcp": tries(connect),
    "secrets": sorted(name for name in os.environ if "KEY" in name or "TOKEN" in name),
}
print(json.dumps(answers))
"""
FENCES: tuple[sandbox.Strength, ...] = ("bubblewrap", "namespaces", "landlock")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def probe(strength: sandbox.Strength, folder: Path, listener: socket.socket) -> dict[str, object]:
    (own := folder / "own").mkdir()
    (given := folder / "given").mkdir()
    (given / "input.txt").write_text("hello")
    (folder / "outside.txt").write_text("secret")
    question = {
        "input": str(given / "input.txt"),
        "own": str(own / "new.txt"),
        "outside": str(folder / "outside.txt"),
        "worker": os.getpid(),
        "port": listener.getsockname()[1],
    }
    argv = (sys.executable, "-c", _PROBE, json.dumps(question))
    job = sandbox.Job(argv=argv, writable=(own,), readable=(given,))
    with (folder / "out").open("wb") as output:
        child = sandbox.start(job, strength, output)
        child.wait(timeout=60)
    answers: dict[str, object] = json.loads((folder / "out").read_text())
    return answers


@pytest.mark.parametrize("strength", [fence for fence in FENCES if sandbox.works(fence)])
def test_a_fenced_process_reaches_its_own_folder_and_nothing_else(
    strength: sandbox.Strength,
    tmp_path: Path,
    listener: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TUNINGFORK_WORKER_KEY", "secret")

    answers = probe(strength, tmp_path, listener)

    assert answers.pop("input") == "hello"
    assert answers.pop("own") == "done"
    assert answers.pop("secrets") == []
    assert set(answers.values()) <= {
        "OSError",  # a read-only file system
        "PermissionError",
        "FileNotFoundError",
        "ProcessLookupError",
        "ConnectionRefusedError",
    }


def test_the_best_fence_is_taken_without_being_asked() -> None:
    assert sandbox.choose("auto") in {"bubblewrap", "namespaces"}


def test_a_wish_that_cannot_be_met_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(sandbox.SandboxError, match="use auto"):
        sandbox.choose("bubblewrap")


def test_a_child_that_cannot_be_fenced_does_not_run(tmp_path: Path) -> None:
    spec = json.dumps({"parent": 1})
    launch = [sys.executable, "-I", "-S", str(Path(sandbox.__file__).with_name("launch.py"))]
    mark = tmp_path / secrets.token_hex(4)
    done = subprocess.run([*launch, spec, "/usr/bin/touch", str(mark)], check=False)

    assert done.returncode != 0
    assert not mark.exists()


_MEETING = """
import json, socket, sys
def reach(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError as error:
        return type(error).__name__
    return "reached"
with socket.create_server(("127.0.0.1", 0)) as own:
    print(json.dumps([reach(own.getsockname()[1]), reach(int(sys.argv[1]))]))
"""


@pytest.fixture
def service() -> Iterator[int]:
    """Return the port of a service, which is not one the kernel picks for callers."""
    for port in range(20_000, 30_000):
        try:
            server = socket.create_server(("127.0.0.1", port))
        except OSError:
            continue
        with server:
            yield port
        return


@pytest.mark.parametrize("strength", [fence for fence in FENCES if sandbox.works(fence)])
def test_processes_of_one_run_reach_one_another_and_no_service(
    strength: sandbox.Strength, tmp_path: Path, service: int
) -> None:
    argv = (sys.executable, "-c", _MEETING, str(service))
    with (tmp_path / "out").open("wb") as output:
        job = sandbox.Job(argv=argv, writable=(tmp_path,), talks=True)
        sandbox.start(job, strength, output).wait(timeout=60)
    itself, other = json.loads((tmp_path / "out").read_text())
    assert itself == "reached"
    assert other in {"ConnectionRefusedError", "PermissionError"}
