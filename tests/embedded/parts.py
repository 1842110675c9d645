"""The parts of the compose file as plain processes, each on its own port, by its variables."""

import contextlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import yaml

from app.core.files import resource_dir
from tests.embedded.harness import clean_environment

COMPOSE = resource_dir("templates").parent / "docker-compose.yml"
SECRETS = {
    name: secrets.token_hex(16)
    for name in ("STORAGE_ACCESS_KEY", "STORAGE_SECRET_KEY", "TUNINGFORK_SECRET_KEY",
                 "TUNINGFORK_WORKER_KEY")
}  # fmt: skip


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        held = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in held]


def compose_environment(service: str, **instead: str) -> dict[str, str]:
    """The variables of a service, the named ones replaced, the rest as compose would fill them."""
    variables: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"][service][
        "environment"
    ]
    assert set(instead) <= set(variables)

    def fill(text: str) -> str:
        return re.sub(
            r"\$\{(\w+)(?::[-?]([^}]*))?\}", lambda hit: SECRETS.get(hit[1]) or hit[2] or "", text
        )

    return {name: instead.get(name) or fill(str(value)) for name, value in variables.items()}


class Processes:
    """Children of this test, killed with everything they started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.children: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, argv: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            child = subprocess.Popen(
                argv, env=env, stdout=log, stderr=subprocess.STDOUT, process_group=0
            )
        self.children.append(child)
        return child

    def end(self) -> None:
        for child in reversed(self.children):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def start_store(processes: Processes, folder: Path) -> int:
    weed = shutil.which("weed") or str(Path(sys.executable).parent / "weed")
    names = ["master.port", "volume.port", "filer.port", "s3.port"]
    ports = free_ports(8)
    flags = [f"-{name}={port}" for name, port in zip(names, ports[:4], strict=True)]
    flags += [f"-{name}.grpc={port}" for name, port in zip(names, ports[4:], strict=True)]
    folder.mkdir()
    argv = [weed, "server", "-s3", "-filer", f"-dir={folder}", "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1", "-master.volumeSizeLimitMB=64", "-s3.port.iceberg=0",
            "-s3.port.lance=0", *flags]  # fmt: skip
    keys = {
        "AWS_ACCESS_KEY_ID": SECRETS["STORAGE_ACCESS_KEY"],
        "AWS_SECRET_ACCESS_KEY": SECRETS["STORAGE_SECRET_KEY"],
    }
    processes.start("weed", argv, clean_environment(keys))
    return ports[3]


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code < 500
    except httpx.HTTPError:
        return False
