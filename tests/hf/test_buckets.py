"""Buckets through the stock client: files without a history, over the same store."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from app.core.db import Database
from tests.factories.accounts import make_token, make_user
from tests.hf.conftest import Client


def test_a_bucket_is_made_filled_listed_and_removed(hf: Client) -> None:
    result = hf("""
from huggingface_hub.errors import BucketNotFoundError
url = api.create_bucket("scratch", private=True)
same = api.create_bucket("ada/scratch", exist_ok=True)
api.batch_bucket_files("ada/scratch", add=[
    (b"one", "logs/one.txt"), (b"two" * 50_000, "logs/deep/two.bin"), (b"", "empty"),
    (b"three", "logs.json"),
])
info = api.bucket_info("ada/scratch")
level = [(i.type, i.path) for i in api.list_bucket_tree("ada/scratch")]
below = [(i.type, i.path) for i in api.list_bucket_tree("ada/scratch", prefix="logs")]
everything = [i.path for i in api.list_bucket_tree("ada/scratch", recursive=True)]
known = list(api.get_bucket_paths_info("ada/scratch", ["logs/one.txt", "nothing"]))
api.download_bucket_files("ada/scratch", [
    ("logs/one.txt", "one.txt"), ("logs/deep/two.bin", "two.bin"), ("empty", "empty"),
])
read = [Path(name).read_bytes() for name in ("one.txt", "two.bin", "empty")]
api.batch_bucket_files("ada/scratch", delete=["logs/one.txt"])
api.update_bucket_settings("ada/scratch", private=False)
api.move_bucket("ada/scratch", "ada/moved")
listed = [[b.id, b.private, b.total_files] for b in api.list_buckets()]
api.delete_bucket("ada/moved")
api.delete_bucket("ada/moved", missing_ok=True)
try:
    api.bucket_info("ada/moved")
except BucketNotFoundError as error:
    gone = type(error).__name__
result = {
    "url": [url.bucket_id, same.bucket_id], "info": [info.private, info.size, info.total_files],
    "level": level, "below": below, "everything": everything,
    "known": [[k.path, k.size, k.mtime is not None] for k in known],
    "read": [r == w for r, w in zip(read, (b"one", b"two" * 50_000, b""))],
    "listed": listed, "gone": gone,
}
""")
    assert result == {
        "url": ["ada/scratch", "ada/scratch"],
        "info": [True, 150_008, 4],
        "level": [["file", "empty"], ["file", "logs.json"], ["directory", "logs"]],
        "below": [
            ["file", "logs.json"],
            ["directory", "logs/deep"],
            ["file", "logs/one.txt"],
        ],
        "everything": ["empty", "logs.json", "logs/deep/two.bin", "logs/one.txt"],
        "known": [["logs/one.txt", 3, True]],
        "read": [True, True, True],
        "listed": [["ada/moved", False, 3]],
        "gone": "BucketNotFoundError",
    }


def test_the_command_line_copies_syncs_lists_and_removes(
    environment: dict[str, str], tmp_path: Path
) -> None:
    def run(*words: str) -> str:
        done = subprocess.run(
            [str(Path(sys.executable).parent / "hf"), "buckets", *words],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    folder = tmp_path / "out"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"a")
    (folder / "deep" / "b.bin").write_bytes(bytes(range(256)) * 1000)
    run("create", "ada/runs")
    run("sync", "out", "hf://buckets/ada/runs/one")
    run("cp", "out/a.txt", "hf://buckets/ada/runs/copy.txt")
    listed = run("ls", "ada/runs", "-R", "--format", "json")
    assert {row["path"] for row in json.loads(listed)} == {
        "one/a.txt",
        "one/deep/b.bin",
        "copy.txt",
    }
    run("sync", "hf://buckets/ada/runs/one", "back")
    sums = [
        hashlib.sha256((tmp_path / place / "deep" / "b.bin").read_bytes()).hexdigest()
        for place in ("out", "back")
    ]
    assert sums[0] == sums[1]
    run("rm", "ada/runs/copy.txt", "-y")
    assert "copy.txt" not in run("ls", "ada/runs", "-R", "--format", "json")


async def test_a_hash_alone_buys_nobody_the_bytes(hf: Client, database: Database) -> None:
    eve = await make_token(database, await make_user(database, "eve"), "write")
    hidden = hf("""
api.create_bucket("ada/hidden", private=True)
api.batch_bucket_files("ada/hidden", add=[(b"secret" * 1000, "secret.bin")])
result = list(api.get_bucket_paths_info("ada/hidden", ["secret.bin"]))[0].xet_hash
""")
    result = hf(
        f"""
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import get_session
api.create_bucket("eve/mine")
headers = api._build_hf_headers()
def get(path, **sent):
    return get_session().get(path, headers=sent or headers)
def batch(**more):
    line = {{"type": "addFile", "path": "x.bin", "xetHash": {hidden!r}, **more}}
    url = api.endpoint + "/api/buckets/eve/mine/batch"
    return get_session().post(url, headers=headers, content=json.dumps(line)).status_code
statuses = [
    batch(),
    batch(type="copyFile", sourceRepoType="bucket", sourceRepoId="ada/hidden"),
    batch(type="copyFile", sourceRepoType="bucket", sourceRepoId="eve/mine"),
]
for path in ("ada/hidden", "ada/hidden/tree", "ada/hidden/xet-read-token"):
    statuses.append(get(api.endpoint + "/api/buckets/" + path).status_code)
statuses.append(get(api.endpoint + "/buckets/ada/hidden/resolve/secret.bin").status_code)
token = get(api.endpoint + "/api/buckets/eve/mine/xet-read-token").json()
url = token["casUrl"] + "/v1/reconstructions/" + {hidden!r}
statuses.append(get(url, authorization="Bearer " + token["accessToken"]).status_code)
result = statuses
""",
        HF_TOKEN=eve,
    )
    assert result == [422, 422, 422, 404, 404, 404, 404, 404]


def test_files_are_copied_from_a_repository_and_between_buckets(hf: Client) -> None:
    result = hf("""
api.create_repo("ada/weights")
api.upload_file(repo_id="ada/weights", path_or_fileobj=b"w" * 300_000, path_in_repo="w.safetensors")
for name in ("one", "two"):
    api.create_bucket(f"ada/{name}")
api.copy_files("hf://ada/weights", "hf://buckets/ada/one/weights")
api.copy_files("hf://buckets/ada/one/weights/w.safetensors", "hf://buckets/ada/two/w.safetensors")
api.download_bucket_files("ada/two", [("w.safetensors", "w")])
result = [sorted(i.path for i in api.list_bucket_tree("ada/one", recursive=True)),
          Path("w").read_bytes() == b"w" * 300_000]
""")
    paths, same = result
    assert any(path.endswith("w.safetensors") for path in paths)
    assert same
