"""An embedded Valkey: the program of a wheel, driven by us."""

import os
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path

from app.embedded import programs
from app.embedded.errors import StartError
from app.embedded.processes import Command, spawn, stop


class EmbeddedValkey:
    """One Valkey in one directory, on a loopback port with a password, with an append-only file.

    Args:
        home: Directory for its data and password; made when missing.
        durable: False keeps nothing on disk: for tests only.
        log: File for the server's messages; `home/valkey.log` when not given.
    """

    def __init__(self, home: Path, *, durable: bool = True, log: Path | None = None) -> None:
        self.home = home.absolute()
        self.durable = durable
        self.log = log or self.home / "valkey.log"
        self.port = 0
        self.child: subprocess.Popen[bytes] | None = None

    def start(self, timeout_s: float = 20.0) -> str:
        """Start the server on a free port (the last one if it can), wait until it answers.

        Returns:
            `redis://:password@127.0.0.1:port/0`.

        Raises:
            StartError: the program is missing, or it ended or stayed silent.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        self.port = self._choose_port()
        self.child = spawn(
            Command([str(programs.valkey_program()), str(self._configure())], log=self.log)
        )
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and self.child.poll() is None:
            if self.answers():
                return self.url()
            time.sleep(0.02)
        self.stop()
        raise StartError(f"Valkey did not start; see {self.log}.")

    def url(self) -> str:
        """Return the server's URL, password included."""
        return f"redis://:{self._password()}@127.0.0.1:{self.port}/0"

    def answers(self) -> bool:
        """Say whether the server accepts our password and answers a ping."""
        words = f"AUTH {self._password()}\r\nPING\r\n".encode()
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2.0) as wire:
                wire.sendall(words)
                reply = b""
                while b"+PONG" not in reply:
                    piece = wire.recv(256)
                    if not piece:
                        return False
                    reply += piece
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """Stop the server; what it holds is written first when it is durable."""
        if self.child is not None:
            stop(self.child, signal.SIGTERM)
            self.child = None

    def _password(self) -> str:
        file = self.home / "password"
        if not file.is_file():
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as stream:
                stream.write(secrets.token_hex(24))
        return file.read_text().strip()

    def _choose_port(self) -> int:
        """Prefer the port of the last start, so that clients find a restarted server again."""
        file = self.home / "port"
        last = int(file.read_text()) if file.is_file() else 0
        port = last if last and _is_free(last) else _free_port()
        file.write_text(str(port))
        return port

    def _configure(self) -> Path:
        lines = [
            "bind 127.0.0.1",
            f"port {self.port}",
            f"requirepass {self._password()}",
            f'dir "{self.home}"',
            "daemonize no",
            'save ""',
            f"appendonly {'yes' if self.durable else 'no'}",
            "appendfsync everysec",
            "maxmemory-policy noeviction",
        ]
        file = self.home / "valkey.conf"
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            stream.write("\n".join(lines) + "\n")
        return file


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
