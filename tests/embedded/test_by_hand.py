"""The five parts of the compose file as plain processes, each on its own port, by its variables."""

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from app.core.files import resource_dir
from app.embedded.postgres import EmbeddedPostgres
from app.embedded.valkey import EmbeddedValkey
from tests.embedded.harness import CLI, clean_environment, wait_until

COMPOSE = resource_dir("templates").parent / "docker-compose.yml"
SECRETS = {
    name: secrets.token_hex(16)
    for name in ("STORAGE_ACCESS_KEY", "STORAGE_SECRET_KEY", "TUNINGFORK_SECRET_KEY",
                 "TUNINGFORK_WORKER_KEY")
}  # fmt: skip
# Uploads and reads a file with the stock client of Hugging Face, as a user's machine would.
CLIENT = """
import hashlib, os, sys
from huggingface_hub import HfApi, hf_hub_download
api = HfApi()
repo = api.create_repo("by-hand").repo_id
blob = os.urandom(3_000_000)
api.upload_file(path_or_fileobj=blob, path_in_repo="weights.safetensors", repo_id=repo)
back = hf_hub_download(repo, "weights.safetensors")
assert open(back, "rb").read() == blob
print(hashlib.sha256(blob).hexdigest())
"""


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


@dataclass
class ByHand:
    url: str
    weed: Path
    store_url: str
    worker_log: Path


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


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ByHand]:
    folder = tmp_path_factory.mktemp("by-hand")
    database_port, site_port = free_ports(2)
    postgres = EmbeddedPostgres(folder / "postgres", durable=False, port=database_port)
    valkey = EmbeddedValkey(folder / "valkey", durable=False)
    processes = Processes(folder)
    url = f"http://127.0.0.1:{site_port}"
    try:
        store_port = start_store(processes, folder / "s3")
        store_url = f"http://127.0.0.1:{store_port}"
        site = compose_environment(
            "web",
            DATABASE_URL=postgres.start(),
            BROKER_URL=valkey.start(),
            STORAGE_URL=f"s3://tuningfork?endpoint={store_url}&region=us-east-1",
            TUNINGFORK_HOST="127.0.0.1",
            TUNINGFORK_PORT=str(site_port),
        )
        worker = compose_environment(
            "worker",
            TUNINGFORK_URL=url,
            TUNINGFORK_WORKER_DIR=str(folder / "scratch"),
            BROKER_URL=valkey.url(),
        )
        wait_until(lambda: answers(f"{store_url}/status"), 60)
        processes.start("site", [*CLI, "serve"], clean_environment(site))
        wait_until(lambda: answers(f"{url}/readyz"), 60)
        argv = [sys.executable, "-m", "worker", "serve"]
        processes.start("worker", argv, clean_environment(worker))
        yield ByHand(url, folder / "s3", store_url, folder / "worker.log")
    finally:
        processes.end()
        valkey.stop()
        postgres.remove()


def test_a_person_signs_up_and_a_stock_client_stores_a_file_in_the_s3_store(
    by_hand: ByHand, tmp_path: Path
) -> None:
    with httpx.Client(base_url=by_hand.url, headers={"Origin": by_hand.url}) as browser:
        form = {"name": "ada", "email": "ada@example.org", "password": "correct horse battery"}
        assert browser.post("/signup", data=form).status_code == 303
        made = browser.post(
            "/api/v1/tokens", json={"name": "t", "scopes": ["repos:write", "repos:read"]}
        )
        assert made.status_code == 201, made.text
        secret = made.json()["token"]
    env = {"HF_ENDPOINT": by_hand.url, "HF_TOKEN": secret, "HF_HOME": str(tmp_path)}
    client = subprocess.run(
        [sys.executable, "-c", CLIENT],
        env=clean_environment(env), capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert client.returncode == 0, client.stderr
    with httpx.Client(base_url=by_hand.url) as visitor:
        answer = visitor.head("/ada/by-hand/resolve/main/weights.safetensors")
    assert client.stdout.strip() in json.dumps(dict(answer.headers))


def test_the_worker_registers_with_the_site(by_hand: ByHand) -> None:
    wait_until(lambda: "worker_registered" in by_hand.worker_log.read_text(), 30)
