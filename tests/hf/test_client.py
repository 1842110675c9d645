"""The stock client, unchanged, against a real server."""

from tests.hf.conftest import Client


def test_the_client_knows_who_it_is(hf: Client) -> None:
    result = hf("me = api.whoami()\nresult = [me['name'], me['auth']['accessToken']['role']]")
    assert result == ["ada", "write"]


def test_a_folder_comes_back_as_it_was_sent(hf: Client) -> None:
    result = hf("""
import filecmp
from huggingface_hub import snapshot_download
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
""")
    assert all(result["same"].values())
    assert len(result["same"]) == 5
    assert result["oid"] == result["sha"]
    assert result["task"] == "image-classification"
    assert ".gitattributes" in result["files"]
