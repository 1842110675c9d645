"""Repositories, commits and refs through the stock clients: each call, and each error's class."""

import pytest

from app.core.db import Database
from tests.factories.accounts import make_token, make_user
from tests.hf.conftest import Client
from tests.hf.surface import PRELUDE

_MISSING = "RepositoryNotFoundError 404"
_NO_REVISION = "RevisionNotFoundError 404"
_VERSIONS = pytest.mark.parametrize("version", ["1.19.0", "1.29.0", ""])


@_VERSIONS
def test_a_new_repository_is_one_commit_that_every_look_agrees_on(hf: Client, version: str) -> None:
    result = hf(
        PRELUDE
        + """
url = api.create_repo("net", private=True)
commits = api.list_repo_commits("ada/net")
info = api.model_info("ada/net", files_metadata=True)
result = {
    "url": [url.repo_id, url.repo_type, str(url) == os.environ["HF_ENDPOINT"] + "/ada/net"],
    "commits": [[c.title, c.authors] for c in commits],
    "files": api.list_repo_files("ada/net"),
    "info": [info.id, info.author, info.sha == commits[0].commit_id, info.private, info.gated],
    "exists": [api.repo_exists("ada/net"), api.repo_exists("ada/absent"), api.repo_exists("gpt2")],
    "case": api.model_info("ADA/Net").id,
    "errors": table(
        again=lambda: api.create_repo("ada/net"),
        again_ok=lambda: api.create_repo("ada/net", exist_ok=True),
        other_kind=lambda: api.dataset_info("ada/net"),
        bare=lambda: api.model_info("gpt2"),
        by_a_visitor=lambda: visitor.model_info("ada/net"),
        no_revision=lambda: api.model_info("ada/net", revision="absent"),
        unknown_expand=lambda: api.model_info("ada/net", expand=["nonsense"]),
        delete_absent=lambda: api.delete_repo("ada/absent"),
        delete_absent_ok=lambda: api.delete_repo("ada/absent", missing_ok=True),
        bad_token=lambda: HfApi(token="hf_wrong").whoami(),
    ),
}
""",
        client=version,
    )
    assert result["url"] == ["ada/net", "model", True]
    assert result["commits"] == [["initial commit", ["ada"]]]
    assert result["files"] == [".gitattributes"]
    assert result["info"] == ["ada/net", "ada", True, True, False]
    assert result["exists"] == [True, False, False]
    assert result["case"] == "ada/net"
    assert result["errors"] == {
        "again": "HfHubHTTPError 409",
        "again_ok": "ok",
        "other_kind": _MISSING,
        "bare": _MISSING,
        "by_a_visitor": "RepositoryNotFoundError 401",
        "no_revision": _NO_REVISION,
        "unknown_expand": "BadRequestError 400",
        "delete_absent": _MISSING,
        "delete_absent_ok": "ok",
        "bad_token": "HfHubHTTPError 401",
    }


@_VERSIONS
def test_every_kind_of_operation_goes_into_one_commit(hf: Client, version: str) -> None:
    result = hf(
        PRELUDE
        + """
import io
Path("weights").write_bytes(os.urandom(700_000))
api.create_repo("ada/net")
api.create_commit("ada/net", [Add("a/b.txt", b"old"), Add("w.bin", "weights")], commit_message="1")
first = api.model_info("ada/net").sha
api.create_commit("ada/net", [
    Delete("a/"), Add("new.txt", b"new"), Add("stream.bin", io.BytesIO(os.urandom(9000))),
    Copy("w.bin", "copies/w.bin"), Copy("a/b.txt", "copies/b.txt", src_revision=first),
], commit_message="2", parent_commit=first[:7])
same = api.upload_file(path_or_fileobj="weights", path_in_repo="w.bin", repo_id="ada/net")
big = api.get_paths_info("ada/net", ["copies/w.bin"], expand=True)[0]
one = [Add("z", b"1")]
result = {
    "files": sorted(api.list_repo_files("ada/net")),
    "old text": Path(hf_hub_download("ada/net", "copies/b.txt")).read_text(),
    "large copy": [big.size, big.lfs.size, big.last_commit.title],
    "nothing to do makes no commit": same.oid == api.model_info("ada/net").sha,
    "errors": table(
        stale=lambda: api.create_commit("ada/net", one, commit_message="m", parent_commit=first),
        on_a_commit=lambda: api.create_commit("ada/net", one, commit_message="m", revision=first),
        no_branch=lambda: api.create_commit("ada/net", one, commit_message="m", revision="no"),
        no_repository=lambda: api.create_commit("ada/absent", one, commit_message="m"),
        delete_absent=lambda: api.delete_file("absent", "ada/net"),
        copy_absent=lambda: api.create_commit("ada/net", [Copy("no", "x")], commit_message="m"),
        visitor=lambda: visitor.create_commit("ada/net", one, commit_message="m"),
    ),
}
""",
        client=version,
    )
    assert result["files"] == [
        ".gitattributes", "copies/b.txt", "copies/w.bin", "new.txt", "stream.bin", "w.bin",
    ]  # fmt: skip
    assert result["old text"] == "old"
    assert result["large copy"] == [700_000, 700_000, "2"]
    assert result["nothing to do makes no commit"]
    assert result["errors"] == {
        "stale": "HfHubHTTPError 412",
        "on_a_commit": _NO_REVISION,
        "no_branch": _NO_REVISION,
        "no_repository": _MISSING,
        "delete_absent": "RemoteEntryNotFoundError 404",
        "copy_absent": result["errors"]["copy_absent"],
        "visitor": "HfHubHTTPError 401",
    }
    assert "EntryNotFoundError" in result["errors"]["copy_absent"]


def test_refs_are_made_and_refused_with_the_sentences_that_clients_look_for(hf: Client) -> None:
    result = hf(
        PRELUDE
        + """
def sentence(call):
    try:
        call()
    except Exception as error:
        return str(error)
    return ""
api.create_repo("ada/net")
first = api.model_info("ada/net").sha
api.upload_file(path_or_fileobj=b"1", path_in_repo="a", repo_id="ada/net")
api.create_branch("ada/net", branch="feat/a", revision=first[:7])
api.create_tag("ada/net", tag="feat/a", tag_message="same name", revision=first)
api.create_branch("ada/net", branch="feat/a", exist_ok=True)
refs = api.list_repo_refs("ada/net", include_pull_requests=True)
names = {
    "exists": (lambda: api.create_branch("ada/net", branch="feat/a"), "already exists"),
    "main": (lambda: api.delete_branch("ada/net", branch="main"),
             "Cannot delete refs/heads/main"),
    "absent": (lambda: api.delete_branch("ada/net", branch="absent"), "Invalid rev id"),
}
result = {
    "branch": {b.name: b.target_commit == first for b in refs.branches},
    "tag": {t.name: t.target_commit == first for t in refs.tags},
    "pull requests": refs.pull_requests,
    "sentences": [name for name, (call, part) in names.items() if part not in sentence(call)],
    "errors": table(
        tag_twice=lambda: api.create_tag("ada/net", tag="feat/a"),
        tag_nowhere=lambda: api.create_tag("ada/net", tag="not valid", revision="absent"),
        tag_bad_name=lambda: api.create_tag("ada/net", tag="not valid"),
        tag_gone=lambda: api.delete_tag("ada/net", tag="absent"),
        branch_nowhere=lambda: api.create_branch("ada/net", branch="b", revision="absent"),
    ),
}
"""
    )
    assert result["branch"] == {"main": False, "feat/a": True}
    assert result["tag"] == {"feat/a": True}
    assert result["pull requests"] == []
    assert result["sentences"] == []
    assert result["errors"] == {
        "tag_twice": "HfHubHTTPError 409",
        "tag_nowhere": _NO_REVISION,
        "tag_bad_name": "BadRequestError 400",
        "tag_gone": _NO_REVISION,
        "branch_nowhere": _NO_REVISION,
    }


async def test_a_stranger_is_told_what_they_may_not_do(hf: Client, database: Database) -> None:
    hf('api.create_repo("ada/net"); api.create_repo("ada/secret", private=True)')
    eve = await make_user(database, "eve")
    result = hf(
        PRELUDE
        + """
one = [Add("a", b"1")]
result = table(
    exists_already=lambda: api.create_repo("ada/net", exist_ok=True),
    create=lambda: api.create_repo("ada/new"),
    commit=lambda: api.create_commit("ada/net", one, commit_message="m"),
    settings=lambda: api.update_repo_settings("ada/net", private=True),
    delete=lambda: api.delete_repo("ada/net"),
    branch=lambda: api.create_branch("ada/net", branch="b"),
    check=lambda: api.auth_check("ada/net"),
    check_write=lambda: api.auth_check("ada/net", write=True),
    secret=lambda: api.auth_check("ada/secret"),
    secret_commit=lambda: api.create_commit("ada/secret", one, commit_message="m"),
    propose=lambda: api.create_commit("ada/net", one, commit_message="m", create_pr=True),
)
""",
        HF_TOKEN=await make_token(database, eve, "write"),
    )
    forbidden = "HfHubHTTPError 403"
    assert result == {
        "exists_already": "ok", "create": forbidden, "commit": forbidden, "settings": forbidden,
        "delete": forbidden, "branch": forbidden, "check": "ok", "check_write": forbidden,
        "secret": _MISSING, "secret_commit": _MISSING, "propose": "ok",
    }  # fmt: skip


def test_a_pull_request_grows_from_a_branch_and_from_nothing_else(hf: Client) -> None:
    result = hf(
        PRELUDE
        + """
api.create_repo("ada/net")
api.create_branch("ada/net", branch="other")
api.create_tag("ada/net", tag="v1")
head = api.model_info("ada/net").sha
def propose(revision):
    one = [Add("a", b"1")]
    return api.create_commit("ada/net", one, commit_message="m", revision=revision, create_pr=True)
made = propose("other")
result = {
    "made": [made.pr_num, made.pr_revision, made.pr_url[len(os.environ["HF_ENDPOINT"]):]],
    "errors": table(
        commit=lambda: propose(head), tag=lambda: propose("v1"), absent=lambda: propose("absent")
    ),
    "opened": [d.num for d in api.get_repo_discussions("ada/net")],
}
"""
    )
    assert result["made"] == [1, "refs/pr/1", "/ada/net/discussions/1"]
    assert result["errors"] == dict.fromkeys(("commit", "tag", "absent"), _NO_REVISION)
    assert result["opened"] == [1]


def test_writers_in_many_threads_lose_no_commit(hf: Client) -> None:
    result = hf(
        PRELUDE
        + """
from concurrent.futures import ThreadPoolExecutor
from huggingface_hub.errors import HfHubHTTPError
api.create_repo("ada/net")
def write(number):
    while True:
        try:
            api.upload_file(path_or_fileobj=b"1", path_in_repo=f"{number}", repo_id="ada/net")
        except HfHubHTTPError as error:
            if error.response.status_code not in (409, 412):
                raise
        else:
            return
with ThreadPoolExecutor(8) as pool:
    list(pool.map(write, range(8)))
result = [len(api.list_repo_files("ada/net")), len(api.list_repo_commits("ada/net"))]
"""
    )
    assert result == [9, 9]


def test_likes_come_and_go_and_hide_what_is_private(hf: Client) -> None:
    result = hf(
        PRELUDE
        + """
from huggingface_hub.utils import get_session
for name, private in (("open", False), ("closed", True)):
    api.create_repo(f"ada/{name}", private=private)
    url = f"{os.environ['HF_ENDPOINT']}/api/models/ada/{name}/like"
    get_session().post(url, headers=api._build_hf_headers()).raise_for_status()
likers = [user.username for user in api.list_repo_likers("ada/open")]
mine = api.list_liked_repos("ada")
result = [likers, sorted(mine.models), mine.total, visitor.list_liked_repos("ada").models]
api.unlike("ada/open")
result += [list(api.list_repo_likers("ada/open")), api.model_info("ada/open").likes]
"""
    )
    assert result == [["ada"], ["ada/closed", "ada/open"], 2, ["ada/open"], [], 0]
