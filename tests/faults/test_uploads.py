"""A site killed in the middle of uploads shows each file whole or not at all."""

import hashlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.embedded.harness import running_tree
from tests.faults.community import PERSON, Community

SEED = int(os.environ.get("TUNINGFORK_FAULT_SEED", str(time.time_ns() % 100_000)))
NUM_FILES = 12
NUM_KILLS = 5
BYTES = 6_000_000
# One commit a file; says of each whether the client was told that it is stored.
CLIENT = """
import pathlib, sys
from huggingface_hub import HfApi
api = HfApi()
repo, folder = sys.argv[1:]
for file in sorted(pathlib.Path(folder).iterdir()):
    try:
        api.upload_file(path_or_fileobj=file, path_in_repo=file.name, repo_id=repo)
        print(file.name, flush=True)
    except Exception as error:
        print("not stored:", type(error).__name__, file=sys.stderr)
"""

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]


def test_a_site_killed_during_uploads_never_shows_part_of_a_file(
    data: Path, tmp_path: Path
) -> None:
    rng = random.Random(SEED)
    files = tmp_path / "files"
    files.mkdir()
    for number in range(NUM_FILES):
        (files / f"{number:02}.safetensors").write_bytes(rng.randbytes(BYTES))
    with running_tree(data, "--workers", "0", "--no-starter") as tree:
        community = Community(tree, tmp_path)
        created = community.client.post("/api/repos/create", json={"name": "big", "type": "model"})
        assert created.status_code == 200, created.text
        uploading = subprocess.Popen(
            [sys.executable, "-c", CLIENT, f"{PERSON}/big", str(files)],
            env=community.hf_environment(), stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        kills = 0
        while uploading.poll() is None and kills < NUM_KILLS:
            time.sleep(rng.uniform(0.5, 3))
            tree.wait_replaced("site", tree.kill("site"), 120)
            kills += 1
        told, _ = uploading.communicate()
        shown = {one["path"] for one in community.get(f"/api/models/{PERSON}/big/tree/main")}
        stored = shown - {".gitattributes"}
        for name in sorted(stored):
            assert (
                digest(community.client, name)
                == hashlib.sha256((files / name).read_bytes()).hexdigest()
            ), f"seed {SEED}: {name}"
        community.client.close()
    sys.stderr.write(
        f"\nfaults: seed {SEED}, {NUM_FILES} uploads, {kills} kills of the site: "
        f"{len(stored)} stored whole, {len(told.split())} of them said so, 0 in part\n"
    )
    assert set(told.split()) <= stored, f"seed {SEED}"


def digest(client: httpx.Client, name: str) -> str:
    seen = hashlib.sha256()
    with client.stream("GET", f"/{PERSON}/big/resolve/main/{name}") as answer:
        assert answer.status_code == 200
        for block in answer.iter_bytes():
            seen.update(block)
    return seen.hexdigest()
