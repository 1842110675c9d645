"""A site with a person, a tiny base model and a tiny data set, ready to be hurt."""

import io
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from tests.embedded.harness import RunningTree, clean_environment

PERSON = "ada"
PASSWORD = "correct horse battery staple"
# Uploads a folder as a repository with the stock client, which knows how to try again.
UPLOAD = """
import sys
from huggingface_hub import HfApi
api = HfApi()
kind, repo, folder = sys.argv[1:]
api.create_repo(repo, repo_type=kind, exist_ok=True)
api.upload_folder(repo_id=repo, repo_type=kind, folder_path=folder)
"""


class Community:
    """Speaks for one person on a running tree; survives restarts of the site."""

    def __init__(self, tree: RunningTree, folder: Path) -> None:
        self.tree, self.folder = tree, folder
        made = tree.cli(
            "user", "create", PERSON, "--email", "ada@example.org", "--password-stdin", "--admin",
            stdin=f"{PASSWORD}\n",
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        token = tree.cli("token", "create", PERSON, "--name", "t", "--scope", "write")
        self.token = token.stdout.strip()
        # The supervisor holds the socket, so a request meets a starting site, not a refusal;
        # only what a killed site had accepted breaks, and is sent again.
        self.client = httpx.Client(
            base_url=tree.url,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=120,
            transport=httpx.HTTPTransport(retries=3),
        )

    def hf_environment(self) -> dict[str, str]:
        return clean_environment(
            {
                "HF_ENDPOINT": self.tree.url,
                "HF_TOKEN": self.token,
                "HF_HOME": str(self.folder),
                "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            }
        )

    def upload(self, kind: str, name: str, folder: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-c", UPLOAD, kind, f"{PERSON}/{name}", str(folder)],
            env=self.hf_environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def prepare(self) -> None:
        """Upload what the jobs need: an architecture without weights and 32 pictures."""
        base = self.folder / "base"
        base.mkdir()
        config = {"architecture": "timm/test_vit", "num_classes": 10}
        (base / "config.json").write_text(json.dumps(config))
        self.upload("model", "base", base)
        data = self.folder / "pictures"
        for index, label in enumerate(("cat", "dog")):
            (data / label).mkdir(parents=True)
            for number in range(16):
                (data / label / f"{number}.png").write_bytes(picture(index * 100 + number))
        self.upload("dataset", "data", data)

    def get(self, path: str) -> Any:
        """Ask until a site answers: one is being killed now and then."""
        while True:
            try:
                answer = self.client.get(path)
            except httpx.TransportError:
                continue
            if answer.status_code < 500:
                return answer.raise_for_status().json()

    def submit(self, number: int, epochs: int = 3) -> int:
        """Submit a job; the idempotency key makes asking again harmless."""
        recipe = {
            "name": f"fault-{number}",
            "model": {"base": {"repo": f"{PERSON}/base", "weights": "random"}},
            "data": {"train": {"repo": f"{PERSON}/data"}},
            "train": {
                "batch_size": 8,
                "stages": [
                    {"name": "all", "train": "all", "epochs": epochs, "optimizer": {"lr": 0.001}}
                ],
            },
        }
        headers = {"Idempotency-Key": f"fault-{number}"}
        while True:
            try:
                answer = self.client.post("/api/v1/jobs", json={"recipe": recipe}, headers=headers)
            except httpx.TransportError:
                continue
            if answer.status_code < 500 and answer.status_code != 409:
                assert answer.status_code == 201, answer.text
                return int(answer.json()["id"])


def picture(seed: int) -> bytes:
    noise = random.Random(seed).randbytes(32 * 32 * 3)
    out = io.BytesIO()
    Image.frombytes("RGB", (32, 32), noise).save(out, "PNG")
    return out.getvalue()
