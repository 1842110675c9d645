"""The children of the tree: how each is started, asked for its health, and stopped."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.embedded.layout import DataDir
from app.embedded.ports import address
from app.embedded.postgres import EmbeddedPostgres
from app.embedded.processes import Command, spawn
from app.embedded.valkey import EmbeddedValkey

HEALTH_PATH = "/healthz"
# What a worker must not have: the database, the store's keys and the key that signs tokens.
SITE_ONLY = (
    "DATABASE_URL",
    "STORAGE_URL",
    "STORAGE_ACCESS_KEY",
    "STORAGE_SECRET_KEY",
    "TUNINGFORK_SECRET_KEY",
    "TUNINGFORK_DATA_DIR",
)

Child = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Service:
    """One supervised child.

    `start` returns once the child can be used, or at once where `healthy` says so later.
    """

    name: str
    start: Callable[[], Child]
    healthy: Callable[[], bool]
    stop_signal: signal.Signals = signal.SIGTERM
    grace_s: float = 10.0
    stops_early: bool = False


def postgres_service(server: EmbeddedPostgres) -> Service:
    """PostgreSQL: ready when `start` returns; stopped in its fast mode."""
    return Service(
        "postgres",
        lambda: _child_of(server),
        lambda: True,
        stop_signal=signal.SIGINT,
        grace_s=30.0,
    )


def valkey_service(server: EmbeddedValkey) -> Service:
    """Valkey: asked with a ping."""
    return Service("valkey", lambda: _child_of(server), server.answers)


def _child_of(server: EmbeddedPostgres | EmbeddedValkey) -> Child:
    server.start()
    child = server.child
    if child is None:
        raise RuntimeError("a started server has a process")
    return child


class Gate:
    """Lets the site load its code while the database is migrated, and serve only afterwards."""

    def __init__(self) -> None:
        self.reading, self._writing = os.pipe()
        self.is_open = False

    def open(self) -> None:
        """Let the site serve, this one and every later one."""
        if not self.is_open:
            self.is_open = True
            os.close(self._writing)
            os.close(self.reading)


def site_service(
    data: DataDir, listening: socket.socket, env: Mapping[str, str], gate: Gate
) -> Service:
    """The site, on a socket that outlives it."""

    def start() -> Child:
        files = [listening.fileno()]
        argv = [sys.executable, "-m", "app.embedded.site", "--fd", str(files[0])]
        if not gate.is_open:
            argv += ["--gate", str(gate.reading)]
            files.append(gate.reading)
        return spawn(Command(argv, log=data.log("site"), env=env, open_files=tuple(files)))

    url = address(listening)
    return Service("site", start, lambda: site_answers(url), grace_s=8.0)


def worker_service(data: DataDir, number: int, env: Mapping[str, str], url: str) -> Service:
    """One worker: it knows the site's address, its own key and the doorbell, nothing more."""
    scratch = data.scratch / str(number)
    scratch.mkdir(parents=True, exist_ok=True)
    own = {name: value for name, value in env.items() if name not in SITE_ONLY}
    own |= {"TUNINGFORK_URL": url, "TUNINGFORK_WORKER_DIR": str(scratch)}
    name = f"worker-{number}"
    command = Command([sys.executable, "-m", "worker", "serve"], log=data.log(name), env=own)
    return Service(name, lambda: spawn(command), lambda: True, grace_s=20.0, stops_early=True)


def backup_service(data: DataDir, env: Mapping[str, str]) -> Service:
    """What keeps the site's data elsewhere; it goes on where it was after any kill."""
    argv = [sys.executable, "-m", "app.cli", "backup", "keep", "--data-dir", str(data.root)]
    command = Command(argv, log=data.log("backup"), env=env)
    return Service("backup", lambda: spawn(command), lambda: True, grace_s=5.0)


def site_answers(url: str, timeout_s: float = 10.0) -> bool:
    """Say whether the site at `url` calls itself healthy."""
    place = urlsplit(url)
    wire = http.client.HTTPConnection(place.hostname or "", place.port, timeout=timeout_s)
    try:
        wire.request("GET", HEALTH_PATH)
        return wire.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        wire.close()
