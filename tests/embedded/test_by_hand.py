"""The five parts of the compose file as plain processes, each on its own port, by its variables."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from app.embedded.postgres import EmbeddedPostgres
from app.embedded.valkey import EmbeddedValkey
from tests.embedded.harness import CLI, clean_environment, wait_until
from tests.embedded.parts import (
    Processes,
    answers,
    compose_environment,
    free_ports,
    start_store,
)

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


@dataclass
class ByHand:
    url: str
    weed: Path
    store_url: str
    worker_log: Path


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
