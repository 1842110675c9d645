"""The stock client, unchanged, against a real server."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from app.core.db import Database
from tests.conftest import Site
from tests.factories.accounts import make_token, make_user
from tests.hf.conftest import Client

_FOLDER = """
folder = Path("up")
for name, data in {
    "README.md": b"---\\nlicense: mit\\npipeline_tag: image-classification\\n---\\n# Hi\\n",
    "a/b/c.txt": b"text",
    "weights.bin": os.urandom(3_000_000),
    "empty": b"",
    "\\u4e2d\\u6587/\\u6587\\u4ef6 1.txt": "\\u4f60\\u597d".encode(),
}.items():
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
api.create_repo("ada/net")
info = api.upload_folder(repo_id="ada/net", folder_path="up", commit_message="Everything")
"""


def test_the_client_knows_who_it_is(hf: Client) -> None:
    result = hf("me = api.whoami()\nresult = [me['name'], me['auth']['accessToken']['role']]")
    assert result == ["ada", "write"]


def test_a_folder_comes_back_as_it_was_sent(hf: Client) -> None:
    result = hf(
        _FOLDER
        + """
from huggingface_hub import snapshot_download
down = Path(snapshot_download("ada/net", local_dir="down"))
same = {
    p.relative_to(folder).as_posix(): p.read_bytes() == (down / p.relative_to(folder)).read_bytes()
    for p in folder.rglob("*") if p.is_file()
}
model = api.model_info("ada/net", files_metadata=True)
result = {
    "same": same, "oid": info.oid, "sha": model.sha, "task": model.pipeline_tag,
    "files": sorted(s.rfilename for s in model.siblings),
}
"""
    )
    assert all(result["same"].values())
    assert len(result["same"]) == 5
    assert result["oid"] == result["sha"]
    assert result["task"] == "image-classification"
    assert ".gitattributes" in result["files"]


def test_git_itself_finds_every_object_valid_and_the_same(
    hf: Client, site: Site, tmp_path: Path
) -> None:
    """Fill a bare repository with the objects' bytes; git computes every id again."""
    head = hf(_FOLDER + "result = info.oid")
    bare = tmp_path / "check.git"
    git = shutil.which("git")
    assert git is not None
    subprocess.run([git, "init", "-q", "--bare", "-b", "main", str(bare)], check=True)
    objects = _objects(site)
    for kind, oid, raw in objects:
        command = [git, "-C", str(bare), "hash-object", "-w", "-t", kind, "--stdin"]
        done = subprocess.run(command, input=raw, capture_output=True, check=True)
        assert done.stdout.decode().strip() == oid
    subprocess.run([git, "-C", str(bare), "update-ref", "refs/heads/main", head], check=True)
    check = subprocess.run(
        [git, "-C", str(bare), "fsck", "--full", "--strict", "--no-dangling"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")
    assert {kind for kind, _oid, _raw in objects} == {"blob", "tree", "commit"}


def _objects(site: Site) -> list[tuple[str, str, bytes]]:
    import psycopg

    found: list[tuple[str, str, bytes]] = []
    with psycopg.connect(site.settings.database_url) as connection:
        for kind, column in (("blob", "inline"), ("tree", "raw"), ("commit", "raw")):
            query = f"SELECT oid, {column} FROM hub_{kind}"
            found += [(kind, oid, bytes(raw)) for oid, raw in connection.execute(query)]
    return found


def test_a_large_file_goes_through_xet_and_a_small_change_moves_few_bytes(
    hf: Client, site: Site
) -> None:
    result = hf("""
data = bytearray(os.urandom(30_000_000))
Path("big.bin").write_bytes(data)
api.create_repo("ada/big")
api.upload_file(path_or_fileobj="big.bin", path_in_repo="big.bin", repo_id="ada/big")
data[10_000_000:11_000_000] = os.urandom(1_000_000)
Path("big.bin").write_bytes(data)
api.upload_file(path_or_fileobj="big.bin", path_in_repo="big.bin", repo_id="ada/big")
from huggingface_hub import hf_hub_download
got = Path(hf_hub_download("ada/big", "big.bin")).read_bytes()
result = got == bytes(data)
""")
    sizes = sorted(
        path.stat().st_size
        for path in (Path(site.settings.data_dir) / "blobs" / "xorb").rglob("*")
        if path.is_file()
    )
    assert result
    assert 30_000_000 < sum(sizes) < 32_500_000


def test_a_large_file_goes_through_lfs_where_xet_is_off(hf: Client) -> None:
    result = hf(
        """
data = os.urandom(5_000_000)
Path("big.bin").write_bytes(data)
api.create_repo("ada/big")
api.upload_file(path_or_fileobj="big.bin", path_in_repo="big.bin", repo_id="ada/big")
from huggingface_hub import hf_hub_download
info = api.get_paths_info("ada/big", "big.bin", expand=True)[0]
got = Path(hf_hub_download("ada/big", "big.bin")).read_bytes()
result = [got == data, info.lfs.size, info.lfs.sha256, info.last_commit.title]
""",
        HF_HUB_DISABLE_XET="1",
    )
    assert result[:2] == [True, 5_000_000]
    assert len(result[2]) == 64
    assert result[3].startswith("Upload big.bin")


def test_a_download_is_resumed_where_it_stopped(hf: Client) -> None:
    result = hf("""
import httpx2
data = os.urandom(3_000_000)
api.create_repo("ada/net")
api.upload_file(path_or_fileobj=data, path_in_repo="w.bin", repo_id="ada/net")
from huggingface_hub import hf_hub_url, get_hf_file_metadata
url = hf_hub_url("ada/net", "w.bin")
meta = get_hf_file_metadata(url)
part = httpx2.get(url, headers={"Range": "bytes=1000000-"})
tail = httpx2.get(url, headers={"Range": "bytes=-10"})
beyond = httpx2.get(url, headers={"Range": "bytes=3000000-"})
result = [
    part.status_code, part.content == data[1_000_000:], part.headers["content-range"],
    tail.content == data[-10:], beyond.status_code, beyond.headers["content-range"],
    meta.size, len(meta.etag), len(meta.commit_hash),
]
""")
    assert result == [
        206, True, "bytes 1000000-2999999/3000000", True, 416, "bytes */3000000", 3_000_000, 64, 40,
    ]  # fmt: skip


async def test_a_private_repository_does_not_exist_for_others(
    hf: Client, database: Database
) -> None:
    hf("""
api.create_repo("ada/secret", private=True)
api.upload_file(path_or_fileobj=b"x", path_in_repo="a.txt", repo_id="ada/secret")
""")
    eve = await make_user(database, "eve")
    token = await make_token(database, eve, "write")
    result = hf(
        """
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import RepositoryNotFoundError
def outcome(call):
    try:
        call()
    except RepositoryNotFoundError as error:
        return str(error.response.headers.get("X-Error-Message"))
    return "found"
result = [
    outcome(lambda: api.repo_info("ada/secret")),
    outcome(lambda: api.repo_info("ada/absent")),
    outcome(lambda: hf_hub_download("ada/secret", "a.txt")),
    outcome(lambda: api.upload_file(path_or_fileobj=b"", path_in_repo="b", repo_id="ada/secret")),
    [m.id for m in api.list_models(author="ada")],
]
""",
        HF_TOKEN=token,
    )
    assert result == ["Repository not found."] * 4 + [[]]


def test_lists_are_narrowed_and_paged(hf: Client) -> None:
    result = hf("""
for number, task in enumerate(["image-classification", "fill-mask", "image-classification"]):
    repo = f"ada/m{number}"
    api.create_repo(repo)
    card = f"---\\npipeline_tag: {task}\\ntags: [demo]\\n---\\n"
    api.upload_file(path_or_fileobj=card.encode(), path_in_repo="README.md", repo_id=repo)
names = lambda **kw: sorted(m.id for m in api.list_models(**kw))
result = [
    names(pipeline_tag="image-classification"), names(filter=["demo", "fill-mask"]),
    names(search="m1"), names(author="nobody"),
    [m.id for m in api.list_models(sort="createdAt", limit=2)],
]
""")
    assert result == [
        ["ada/m0", "ada/m2"], ["ada/m1"], ["ada/m1"], [], ["ada/m2", "ada/m1"],
    ]  # fmt: skip


def test_files_are_deleted_and_folders_too(hf: Client) -> None:
    result = hf(
        _FOLDER
        + """
api.delete_file("empty", "ada/net")
api.delete_folder("a", "ada/net")
left = api.list_repo_files("ada/net")
titles = [c.title for c in api.list_repo_commits("ada/net")]
result = [left, titles]
"""
    )
    assert "empty" not in result[0]
    assert not [path for path in result[0] if path.startswith("a/")]
    assert result[1][-1] == "initial commit"
    assert len(result[1]) == 4


def test_a_renamed_repository_is_found_under_both_names(hf: Client) -> None:
    result = hf(
        _FOLDER
        + """
from huggingface_hub import hf_hub_download
api.move_repo("ada/net", "ada/renamed")
old = api.model_info("ada/net").id
text = Path(hf_hub_download("ada/net", "a/b/c.txt")).read_text()
result = [old, text, api.repo_exists("ada/renamed")]
"""
    )
    assert result == ["ada/renamed", "text", True]


def test_a_deleted_repository_is_gone(hf: Client) -> None:
    result = hf("""
api.create_repo("ada/data", repo_type="dataset")
before = api.repo_exists("ada/data", repo_type="dataset")
api.delete_repo("ada/data", repo_type="dataset")
result = [before, api.repo_exists("ada/data", repo_type="dataset")]
""")
    assert result == [True, False]


def test_branches_and_tags_come_and_go(hf: Client) -> None:
    result = hf("""
from huggingface_hub.errors import HfHubHTTPError, RevisionNotFoundError
api.create_repo("ada/net")
api.create_branch("ada/net", branch="feature/x")
api.upload_file(path_or_fileobj=b"1", path_in_repo="a", repo_id="ada/net", revision="feature/x")
api.create_tag("ada/net", tag="v1", revision="feature/x")
refs = api.list_repo_refs("ada/net")
def status(call):
    try:
        call()
    except HfHubHTTPError as error:
        return error.response.status_code
    return 200
result = [
    [b.name for b in refs.branches], [t.name for t in refs.tags],
    api.list_repo_files("ada/net", revision="v1"), api.list_repo_files("ada/net"),
    status(lambda: api.create_branch("ada/net", branch="feature/x")),
    status(lambda: api.delete_branch("ada/net", branch="main")),
    status(lambda: api.model_info("ada/net", revision="nothing")),
    status(lambda: api.delete_branch("ada/net", branch="feature/x")),
]
""")
    assert result == [
        ["main", "feature/x"], ["v1"], [".gitattributes", "a"], [".gitattributes"],
        409, 403, 404, 200,
    ]  # fmt: skip


def test_a_commit_on_a_stale_parent_is_refused(hf: Client) -> None:
    result = hf("""
from huggingface_hub import CommitOperationAdd
from huggingface_hub.errors import HfHubHTTPError
api.create_repo("ada/net")
first = api.model_info("ada/net").sha
ops = [CommitOperationAdd("a", b"1")]
api.create_commit("ada/net", ops, commit_message="one", parent_commit=first)
try:
    api.create_commit("ada/net", [CommitOperationAdd("b", b"2")], commit_message="two",
                      parent_commit=first)
except HfHubHTTPError as error:
    result = error.response.status_code
""")
    assert result == 412


def test_the_command_line_uploads_and_downloads(
    environment: dict[str, str], tmp_path: Path
) -> None:
    command = str(Path(sys.executable).parent / "hf")
    data = os.urandom(2_000_000)
    (tmp_path / "w.bin").write_bytes(data)
    for arguments in (
        ["repos", "create", "ada/cli"],
        ["upload", "ada/cli", "w.bin"],
        ["download", "ada/cli", "w.bin", "--local-dir", "down"],
    ):
        done = subprocess.run(
            [command, *arguments], env=environment, cwd=tmp_path, capture_output=True, text=True,
            check=False, timeout=100,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
    got = (tmp_path / "down" / "w.bin").read_bytes()
    assert hashlib.sha256(got).hexdigest() == hashlib.sha256(data).hexdigest()
