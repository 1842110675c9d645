"""`tuningfork up`: what runs, in which order, with which environment."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from app.core.settings import Settings
from app.embedded.errors import RestoringError, StartError
from app.embedded.guard import MARK, start_guard
from app.embedded.layout import DataDir, Runtime
from app.embedded.ports import address, listen
from app.embedded.postgres import EmbeddedPostgres
from app.embedded.processes import Command, spawn
from app.embedded.services import (
    Gate,
    backup_service,
    postgres_service,
    site_service,
    valkey_service,
    worker_service,
)
from app.embedded.supervisor import Say, Stopwatch, Supervisor, last_words
from app.embedded.valkey import EmbeddedValkey

SITE_START_S = 60.0
PREPARE_S = 300.0


@dataclass(frozen=True)
class UpOptions:
    """What the operator asked for on the command line."""

    data_dir: Path
    host: str
    port: int
    workers: int = 1
    starter: bool = True


class Tree:
    """One supervised tree on one data directory."""

    def __init__(self, options: UpOptions, settings: Settings, say: Say) -> None:
        self._options = options
        self._settings = settings
        self._say = say
        self._data = DataDir(options.data_dir)
        self._mark = secrets.token_hex(16)
        self._watch = Stopwatch()
        self._supervisor = Supervisor(say, self._watch)
        self._runtime = Runtime(supervisor=os.getpid())

    def run(self) -> None:
        """Start everything, keep it running, stop it on a signal.

        Raises:
            StartError: a part did not start, or another tree holds the directory.
        """
        self._data.make()
        with ExitStack() as stack:
            stack.enter_context(self._data.hold())
            if self._data.restoring.exists():
                raise RestoringError(self._data.root)
            # Children inherit the mark, so that the guard finds them wherever they end up.
            os.environ[MARK] = self._mark
            stack.callback(start_guard(self._mark).release)
            stack.enter_context(self._watch.listening())
            stack.callback(self._data.runtime_file.unlink, missing_ok=True)
            stack.callback(self._stop)
            listening = stack.enter_context(listen(self._options.host, self._options.port))
            self._start(listening)
            self._supervisor.run(self._note)

    def _start(self, listening: socket.socket) -> None:
        self._runtime.address = address(listening)
        env = self._start_servers()
        gate = Gate()
        self._supervisor.add(site_service(self._data, listening, env, gate))
        setup_path = self._prepare(env)
        gate.open()
        self._supervisor.wait_healthy("site", self._data.log("site"), SITE_START_S)
        if self._watch.stopping:
            return
        self._note()
        self._greet(setup_path)
        for number in range(1, self._options.workers + 1):
            url = self._runtime.address
            self._supervisor.add(worker_service(self._data, number, env, url))
        if self._settings.backup_dir:
            self._supervisor.add(backup_service(self._data, self._keeper_environment(env)))
        self._note()
        if self._options.starter:
            self._start_starter(env)

    def _start_servers(self) -> dict[str, str]:
        """Start what no URL points elsewhere; return the environment of the site."""
        settings, runtime, data = self._settings, self._runtime, self._data
        runtime.database_url = settings.database_url
        if not runtime.database_url:
            postgres = EmbeddedPostgres(data.postgres, log=data.log("postgres"))
            self._supervisor.add(postgres_service(postgres))
            runtime.database_url, runtime.database_folder = postgres.url(), str(postgres.data)
        runtime.broker_url = settings.broker_url
        if not runtime.broker_url:
            valkey = EmbeddedValkey(data.root / "valkey", log=data.log("valkey"))
            self._supervisor.add(valkey_service(valkey))
            runtime.broker_url = valkey.url()
        runtime.storage_url = settings.storage_url or data.blobs.as_uri()
        self._note()
        return self._environment()

    def _environment(self) -> dict[str, str]:
        made = self._data.secrets()
        given = self._settings
        return {
            **os.environ,
            "DATABASE_URL": self._runtime.database_url,
            "BROKER_URL": self._runtime.broker_url,
            "STORAGE_URL": self._runtime.storage_url,
            "TUNINGFORK_DATA_DIR": str(self._data.root),
            "TUNINGFORK_SECRET_KEY": given.secret_key.get_secret_value() or made.secret_key,
            "TUNINGFORK_WORKER_KEY": given.worker_key.get_secret_value() or made.worker_key,
            "TUNINGFORK_HOST": self._options.host,
            "TUNINGFORK_PORT": self._runtime.address.rsplit(":", 1)[1],
        }

    def _keeper_environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """Leave our own server's address out: by name alone its files could not be copied."""
        own = not self._settings.database_url
        return {name: value for name, value in env.items() if name != "DATABASE_URL" or not own}

    def _prepare(self, env: Mapping[str, str]) -> str | None:
        """Migrate in a process of its own; return the path of the first administrator's link."""
        log = self._data.log("prepare")
        command = [sys.executable, "-m", "app.embedded.prepare"]
        with log.open("ab") as errors:
            answer = subprocess.run(  # noqa: S603 - our own module
                command,
                env=dict(env),
                stdout=subprocess.PIPE,
                stderr=errors,
                timeout=PREPARE_S,
                check=False,
                process_group=0,
            )
        if answer.returncode != 0:
            raise StartError(
                f"The database could not be brought up to date: {last_words(log, 1)}\n"
                f"The whole story is in {log}."
            )
        path = json.loads(answer.stdout)["setup_path"]
        return str(path) if path else None

    def _greet(self, setup_path: str | None) -> None:
        self._say(f"Tuningfork is ready at {self._runtime.address}")
        if setup_path:
            self._say(
                "Make the first administrator with this link, which works once: "
                f"{self._runtime.address}{setup_path}"
            )

    def _start_starter(self, env: Mapping[str, str]) -> None:
        """Import the starter repositories beside the running site, then end; never waited for."""
        spawn(
            Command(
                [sys.executable, "-m", "app.embedded.starter"],
                log=self._data.log("starter"),
                env=env,
            )
        )

    def _note(self) -> None:
        self._runtime.pids = self._supervisor.pids()
        self._data.write_runtime(self._runtime)

    def _stop(self) -> None:
        self._say("Stopping …")
        self._supervisor.stop_all()
        self._say("Stopped.")


def stop_running(data: DataDir) -> bool:
    """Ask the tree on `data` to stop; return whether there was one.

    The caller waits with `data.is_held()`: the lock is the last thing a tree lets go.
    """
    running = data.runtime()
    if running is None:
        return data.is_held()
    try:
        os.kill(running.supervisor, signal.SIGTERM)
    except ProcessLookupError:
        return data.is_held()
    return True
