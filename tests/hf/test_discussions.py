"""Discussions and pull requests through the stock client."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from app.core.db import Database
from tests.factories.accounts import make_token, make_user
from tests.hf.conftest import Client

_STORY = """
import warnings
warnings.simplefilter("ignore")
from huggingface_hub import CommitOperationAdd
repo = "ada/net"
api.create_repo(repo)
talk = api.create_discussion(repo, title="  Why?  ", description="Tell me.")
pull = api.create_pull_request(repo, title="Better")
first = [talk.num, talk.title, talk.status, talk.author, talk.events[0].content, talk.url]
draft = [pull.num, pull.status, pull.is_pull_request, pull.git_reference, pull.target_branch,
         pull.conflicting_files, pull.diff]
said = api.comment_discussion(repo, talk.num, "**Because**")
edited = api.edit_discussion_comment(repo, talk.num, said.id, "Because!")
renamed = api.rename_discussion(repo, talk.num, "What for?")
closed = api.change_discussion_status(repo, talk.num, "closed", comment="Enough.")
hidden = api.hide_discussion_comment(repo, talk.num, said.id)
api.create_commit(repo, commit_message="Add", operations=[CommitOperationAdd("a.txt", b"one")],
                  revision=pull.git_reference)
api.change_discussion_status(repo, pull.num, "open")
seen = api.get_discussion_details(repo, pull.num)
api.merge_pull_request(repo, pull.num, comment="Thanks")
merged = api.get_discussion_details(repo, pull.num)
after = api.get_discussion_details(repo, talk.num)
result = {
    "first": first, "draft": draft,
    "said": [said.content, edited.content, edited.edited, hidden.hidden, edited.number_of_edits],
    "renamed": [renamed.old_title, renamed.new_title], "closed": closed.new_status,
    "after": [event.type for event in after.events],
    "same": renamed.id in {e.id for e in after.events},
    "seen": [seen.diff, [e.type for e in seen.events], seen.status],
    "merged": [merged.status, merged.merge_commit_oid == api.model_info(repo).sha,
               [e.type for e in merged.events]],
    "parents": api.list_repo_commits(repo)[0].title,
    "open": [d.num for d in api.get_repo_discussions(repo, discussion_status="open")],
    "closed_list": [d.num for d in api.get_repo_discussions(repo, discussion_status="closed")],
    "pulls": [d.num for d in api.get_repo_discussions(repo, discussion_type="pull_request")],
    "mine": [d.num for d in api.get_repo_discussions(repo, author="ada")],
    "nobody": [d.num for d in api.get_repo_discussions(repo, author="nobody")],
    "refs": [r.ref for r in api.list_repo_refs(repo, include_pull_requests=True).pull_requests],
    "files": api.list_repo_files(repo),
}
"""


def test_the_client_talks_proposes_and_merges(hf: Client) -> None:
    found: dict[str, Any] = hf(_STORY)
    assert found["first"][:5] == [1, "Why?", "open", "ada", "Tell me."]
    assert found["first"][5].endswith("/ada/net/discussions/1")
    assert found["draft"] == [2, "draft", True, "refs/pr/2", "refs/heads/main", [], ""]
    assert found["said"] == ["**Because**", "Because!", True, True, 1]
    assert found["renamed"] == ["Why?", "What for?"]
    assert found["closed"] == "closed"
    assert found["same"]
    assert found["after"] == ["comment", "comment", "title-change", "comment", "status-change"]
    assert "+one" in found["seen"][0]
    assert found["seen"][1:] == [["comment", "commit", "status-change"], "open"]
    assert found["merged"] == [
        "merged", True, ["comment", "commit", "status-change", "comment", "status-change"],
    ]  # fmt: skip
    assert found["parents"] == "Better (#2)"
    assert (found["open"], found["closed_list"], found["pulls"]) == ([], [2, 1], [2])
    assert (found["mine"], found["nobody"]) == ([2, 1], [])
    assert found["refs"] == ["refs/pr/2"]
    assert sorted(found["files"]) == [".gitattributes", "a.txt"]


_CREATE_PR = """
from huggingface_hub import CommitOperationAdd, snapshot_download, hf_hub_download
repo = "ada/net"
api.create_repo(repo)
Path("folder/sub").mkdir(parents=True)
Path("folder/sub/a.txt").write_text("deep")
Path("folder/w.bin").write_bytes(os.urandom(300_000))
one = api.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=repo, create_pr=True,
                      commit_message="Add x")
two = api.upload_folder(folder_path="folder", repo_id=repo, create_pr=True)
big = api.create_commit(repo, [CommitOperationAdd("v.bin", b"\\0" * 200_000)], create_pr=True,
                        commit_message="Add weights", commit_description="Why not")
pulls = list(api.get_repo_discussions(repo))
again = api.upload_file(path_or_fileobj=b"y", path_in_repo="y.txt", repo_id=repo,
                        revision="refs/pr/1")
place = snapshot_download(repo, revision="refs/pr/2")
result = {
    "one": [one.pr_num, one.pr_revision, one.pr_url],
    "pulls": [[p.num, p.status, p.title] for p in pulls],
    "main": api.list_repo_files(repo),
    "pr1": api.list_repo_files(repo, revision="refs/pr/1"),
    "pr2": sorted(str(p.relative_to(place)) for p in Path(place).rglob("*") if p.is_file()),
    "y": Path(hf_hub_download(repo, "y.txt", revision="refs/pr/1")).read_text(),
    "events": [e.type for e in api.get_discussion_details(repo, 1).events],
    "tree": [i.last_commit.title for i in
             api.get_paths_info(repo, ["y.txt"], revision="refs/pr/1", expand=True)],
}
"""


def test_uploads_open_pull_requests_and_go_into_them(hf: Client) -> None:
    found: dict[str, Any] = hf(_CREATE_PR)
    assert found["one"][:2] == [1, "refs/pr/1"]
    assert found["one"][2].endswith("/ada/net/discussions/1")
    assert found["pulls"][0] == [3, "open", "Add weights"]
    assert [row[1] for row in found["pulls"]] == ["open", "draft", "open"]
    assert found["main"] == [".gitattributes"]
    assert sorted(found["pr1"]) == [".gitattributes", "x.txt", "y.txt"]
    assert found["pr2"] == [".gitattributes", "sub/a.txt", "w.bin"]
    assert found["y"] == "y"
    assert found["events"] == ["comment", "commit", "commit"]
    assert found["tree"] == ["Upload y.txt with huggingface_hub"]


_PROPOSE = """
Path("w.bin").write_bytes(b"\\0" * 200_000 + b"eve")
one = api.upload_file(path_or_fileobj="w.bin", path_in_repo="w.bin", repo_id="ada/net",
                      create_pr=True)
Path("more").mkdir()
Path("more/w2.bin").write_bytes(os.urandom(100_000))
two = api.upload_folder(folder_path="more", repo_id="ada/net", revision="refs/pr/1")
try:
    api.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id="ada/net")
    direct = "done"
except Exception as error:
    direct = str(error)
try:
    api.merge_pull_request("ada/net", 1)
    merged = "done"
except Exception as error:
    merged = str(error)
result = [one.pr_num, direct, merged, [f.rfilename for f in
          api.model_info("ada/net", revision="refs/pr/1").siblings]]
"""

_OWNER = """
import warnings
from huggingface_hub import CommitOperationAdd
Path("m.bin").write_bytes(b"\\0" * 200_000 + b"ada")
api.create_commit("ada/net", [CommitOperationAdd("w.bin", "m.bin")], commit_message="Mine")
seen = api.get_discussion_details("ada/net", 1)
try:
    api.merge_pull_request("ada/net", 1)
    refused = "done"
except Exception as error:
    refused = str(error)
api.delete_file("w.bin", "ada/net", revision="main")
after = api.get_discussion_details("ada/net", 1).conflicting_files
api.create_commit("ada/net", [CommitOperationAdd("y.txt", b"y")], commit_message="y",
                  revision="refs/pr/1")
result = [seen.conflicting_files, refused, after]
"""


async def test_a_stranger_sends_weights_and_large_files_do_not_merge_by_themselves(
    hf: Client, database: Database
) -> None:
    eve = await make_token(database, await make_user(database, "eve"), "write")
    hf('api.create_repo("ada/net")')
    num, direct, merged, files = hf(_PROPOSE, HF_TOKEN=eve)
    conflicts, refused, after = hf(_OWNER)
    assert num == 1
    assert "403" in direct
    assert "403" in merged
    assert sorted(files) == [".gitattributes", "w.bin", "w2.bin"]
    assert (conflicts, after) == (["w.bin"], [])
    assert "w.bin conflict with main" in refused


def _run(environment: dict[str, str], *words: str) -> str:
    command = [str(Path(sys.executable).parent / "hf"), "discussions", *words]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_command_line_lists_opens_and_closes(hf: Client, environment: dict[str, str]) -> None:
    hf('api.create_repo("ada/pets", repo_type="dataset")')
    where = ("ada/pets", "--type", "dataset")
    _run(environment, "create", *where, "--title", "Labels?", "--body", "Which ones")
    _run(environment, "create", *where, "--title", "Fix", "--pr")
    _run(environment, "comment", "ada/pets", "1", "--type", "dataset", "--body", "These")
    _run(environment, "close", "ada/pets", "1", "--type", "dataset", "--yes")
    _run(environment, "rename", "ada/pets", "2", "Mend", "--type", "dataset")
    listed = _run(environment, "list", *where, "--status", "all", "--format", "json")
    drafts = _run(environment, "list", *where, "--status", "draft", "--format", "json")
    info = json.loads(_run(environment, "info", "ada/pets", "1", "--type", "dataset",
                           "--format", "json"))  # fmt: skip
    diff = _run(environment, "diff", "ada/pets", "2", "--type", "dataset")
    assert [(row["num"], row["status"]) for row in json.loads(listed)] == [
        (2, "draft"), (1, "closed"),
    ]  # fmt: skip
    assert [row["title"] for row in json.loads(drafts)] == ["Mend"]
    assert (info["status"], len(info["events"])) == ("closed", 3)
    assert diff.strip() == "No diff available."
