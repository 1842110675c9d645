"""Histories through the stock client: branches, tags, squashing, copies, large files removed."""

from tests.hf.conftest import Client

_ERRORS = """
from huggingface_hub.errors import *
def refused(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except Exception as error:
        return [type(error).__name__, str(error)]
    return None
def put(path, content, repo="ada/net", **kwargs):
    return api.upload_file(path_or_fileobj=content, path_in_repo=path, repo_id=repo, **kwargs)
api.create_repo("ada/net")
"""


def test_branches_and_tags_answer_as_clients_expect(hf: Client) -> None:
    result = hf(
        _ERRORS
        + """
oid = put("a.txt", b"1").oid
api.create_branch("ada/net", branch="dev")
api.create_branch("ada/net", branch="old", revision=oid[:8])
api.create_tag("ada/net", tag="dev", tag_message="same name")
result = {
    "again": refused(api.create_branch, "ada/net", branch="dev"),
    "ok": api.create_branch("ada/net", branch="dev", exist_ok=True),
    "pr": refused(api.create_branch, "ada/net", branch="refs/pr/5"),
    "odd": refused(api.create_branch, "ada/net", branch="refs/foo/bar"),
    "main": refused(api.delete_branch, "ada/net", branch="main"),
    "missing": refused(api.delete_branch, "ada/net", branch="nothing"),
    "tag_twice": refused(api.create_tag, "ada/net", tag="dev"),
    "tag_rev": refused(api.create_tag, "ada/net", tag="not valid", revision="nothing"),
    "tag_name": refused(api.create_tag, "ada/net", tag="not valid"),
    "no_tag": refused(api.delete_tag, "ada/net", tag="nothing"),
}
api.create_branch("ada/net", branch="refs/convert/parquet")
refs = api.list_repo_refs("ada/net", include_pull_requests=True)
result["refs"] = [[r.name for r in part] for part in (refs.branches, refs.tags, refs.converts)]
result["same"] = {r.target_commit for r in refs.branches} == {oid}
api.delete_branch("ada/net", branch="dev")
api.delete_tag("ada/net", tag="dev")
"""
    )
    assert "Reference refs/heads/dev already exists" in result["again"][1]
    assert result["ok"] is None
    for key in ("pr", "odd"):
        assert result[key][0] == "BadRequestError"
        assert "Invalid reference for a branch" in result[key][1]
    assert "Cannot delete refs/heads/main" in result["main"][1]
    assert "Invalid rev id" in result["missing"][1]
    assert "already exists" in result["tag_twice"][1]
    assert result["tag_rev"][0] == "RevisionNotFoundError"
    assert result["tag_name"][0] == "BadRequestError"
    assert result["no_tag"][0] == "RevisionNotFoundError"
    assert result["refs"] == [["main", "dev", "old"], ["dev"], ["parquet"]]
    assert result["same"]


def test_a_long_history_comes_in_pages_with_its_authors(hf: Client) -> None:
    result = hf(
        _ERRORS
        + """
from huggingface_hub import CommitOperationAdd as Add
for n in range(55):
    api.create_commit("ada/net", [Add("n.txt", str(n).encode())], commit_message=f"c{n}",
                      commit_description=f"why {n} <b>")
commits = api.list_repo_commits("ada/net", formatted=True)
result = [len(commits), commits[0].title, commits[0].message, commits[0].formatted_message,
          commits[-1].title, commits[-1].authors, len({c.commit_id for c in commits})]
"""
    )
    assert result[:3] == [56, "c54", "why 54 <b>"]
    assert result[3] == "why 54 &lt;b&gt;"
    assert result[4:] == ["initial commit", ["ada"], 56]


def test_a_squashed_branch_keeps_its_files_and_others_their_history(hf: Client) -> None:
    result = hf(
        _ERRORS
        + """
first = put("a.txt", b"1").oid
put("d/b.txt", b"2"); put("a.txt", b"3")
api.create_branch("ada/net", branch="dev")
api.super_squash_history("ada/net")
main = api.list_repo_commits("ada/net")
dev = api.list_repo_commits("ada/net", revision="dev")
info = api.get_paths_info("ada/net", ["a.txt", "d"], expand=True)
api.create_tag("ada/net", tag="v1")
result = {
    "main": [[c.title, c.message, c.authors] for c in main], "dev": len(dev),
    "last": {i.path: i.last_commit.oid == main[0].commit_id for i in info},
    "tag": refused(api.super_squash_history, "ada/net", branch="v1"),
    "missing": refused(api.super_squash_history, "ada/net", branch="nothing"),
    "sha": api.model_info("ada/net").sha == main[0].commit_id,
}
put("c.txt", b"4")
result["after"] = len(api.list_repo_commits("ada/net"))
"""
    )
    assert result["main"] == [["Super-squash branch 'main' using huggingface_hub", "", ["ada"]]]
    assert result["dev"] == 4
    assert result["last"] == {"a.txt": True, "d": True}
    assert result["tag"][0] == "BadRequestError"
    assert result["missing"][0] == "RevisionNotFoundError"
    assert result["sha"]
    assert result["after"] == 2


def test_a_copy_has_the_files_and_one_commit(hf: Client) -> None:
    result = hf(
        _ERRORS
        + """
put("README.md", b"---\\nlicense: mit\\n---\\n# x\\n")
put("w.bin", os.urandom(2_000_000)); put("w.bin", data := os.urandom(2_000_000))
url = api.duplicate_repo("ada/net", "ada/copy", private=True)
again = api.duplicate_repo("ada/net", "ada/copy", exist_ok=True)
from huggingface_hub import hf_hub_download
info = api.model_info("ada/copy")
result = [url.repo_id, str(again) == str(url), info.private, info.card_data.license,
          [c.title for c in api.list_repo_commits("ada/copy")],
          Path(hf_hub_download("ada/copy", "w.bin")).read_bytes() == data,
          sorted(api.list_repo_files("ada/copy")), len(list(api.list_lfs_files("ada/copy")))]
"""
    )
    assert result[:4] == ["ada/copy", True, True, "mit"]
    assert result[4] == ["Duplicate from ada/net"]
    assert result[5]
    assert result[6] == [".gitattributes", "README.md", "w.bin"]
    assert result[7] == 1


def test_large_files_are_listed_and_removed_from_every_commit(hf: Client) -> None:
    result = hf(
        _ERRORS
        + """
put("keep.bin", os.urandom(2_000_000))
put("a/old.bin", os.urandom(2_000_001))
put("a/old.bin", os.urandom(2_000_002))
api.create_branch("ada/net", branch="dev")
put("dev.bin", os.urandom(2_000_003), revision="dev")
api.create_tag("ada/net", tag="v1")
before = list(api.list_lfs_files("ada/net"))
rows = [[f.filename, f.ref, f.size] for f in before]
api.permanently_delete_lfs_files("ada/net", [f for f in before if f.filename == "a/old.bin"])
after = [[f.filename, f.ref] for f in api.list_lfs_files("ada/net")]
commits = api.list_repo_commits("ada/net")
trees = [sorted(api.list_repo_files("ada/net", revision=c.commit_id)) for c in commits]
tree = api.list_repo_tree("ada/net", recursive=True, expand=True)
known = {c.commit_id for c in commits}
result = {
    "rows": rows, "after": after, "trees": trees,
    "dev": api.list_repo_files("ada/net", revision="dev"),
    "tag": api.list_repo_files("ada/net", revision="v1"),
    "last": all(i.last_commit.oid in known for i in tree),
    "folders": [i.path for i in api.list_repo_tree("ada/net", recursive=True)],
    "titles": [c.title for c in commits],
    "sha": api.model_info("ada/net").sha == commits[0].commit_id,
}
put("new.txt", b"x")
"""
    )
    assert result["rows"] == [
        ["a/old.bin", "refs/heads/main", 2_000_002], ["keep.bin", "refs/heads/main", 2_000_000],
        ["dev.bin", "refs/heads/dev", 2_000_003], ["a/old.bin", None, 2_000_001],
    ]  # fmt: skip
    assert result["after"] == [["keep.bin", "refs/heads/main"], ["dev.bin", "refs/heads/dev"]]
    assert not [path for paths in result["trees"] for path in paths if "old" in path]
    assert sorted(result["dev"]) == [".gitattributes", "dev.bin", "keep.bin"]
    assert sorted(result["tag"]) == [".gitattributes", "keep.bin"]
    assert result["folders"] == [".gitattributes", "keep.bin"]
    assert result["last"]
    assert result["sha"]
    assert len(result["titles"]) == 4


def test_files_are_copied_inside_a_repository_and_from_another(hf: Client) -> None:
    result = hf(
        _ERRORS
        + """
from huggingface_hub import CommitOperationAdd, CommitOperationCopy, hf_hub_download
Path("w.bin").write_bytes(os.urandom(2_000_000))
old = api.upload_file(path_or_fileobj="w.bin", path_in_repo="w.bin", repo_id="ada/net").oid
put("t.txt", b"text")
Path("v.bin").write_bytes(os.urandom(2_000_000))
api.upload_file(path_or_fileobj="v.bin", path_in_repo="w.bin", repo_id="ada/net")
copy = CommitOperationCopy
api.create_commit("ada/net", [copy("w.bin", "c/w.bin"), copy("t.txt", "c/t.txt"),
    copy("w.bin", "c/old.bin", src_revision=old)], commit_message="inside")
api.create_repo("ada/other")
api.create_commit("ada/other", [
    copy("w.bin", "w.bin", src_repo_id="ada/net", src_repo_type="model"),
    copy("t.txt", "t.txt", src_repo_id="ada/net", src_repo_type="model"),
], commit_message="across")
get = lambda repo, path: Path(hf_hub_download(repo, path)).read_bytes()
w, v = Path("w.bin").read_bytes(), Path("v.bin").read_bytes()
result = [get("ada/net", "c/w.bin") == v, get("ada/net", "c/old.bin") == w,
          get("ada/net", "c/t.txt") == b"text", get("ada/other", "w.bin") == v,
          get("ada/other", "t.txt") == b"text"]
"""
    )
    assert result == [True] * 5
