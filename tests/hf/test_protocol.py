"""The answers that clients read field by field, without a client between."""

import base64
import json

import httpx
import pytest
from fastapi import FastAPI

from app.core.db import Database
from app.core.storage import BlobStore
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.hub import make_repository

_README = b"---\nlicense: mit\n---\n# Net\n"
_FILES = {"README.md": _README, "a/b.txt": b"0123456789", "page.html": b"<script>1</script>"}


@pytest.fixture
async def hub(client: httpx.AsyncClient, database: Database, app: FastAPI) -> httpx.AsyncClient:
    """A client with ada's write token; ada/net holds three small files."""
    ada = await make_user(database, "ada")
    storage: BlobStore = app.state.storage
    await make_repository(database, storage, ada, "net", files=_FILES)
    client.headers.update(bearer(await make_token(database, ada, "write")))
    return client


async def _commit(hub: httpx.AsyncClient, *lines: object) -> httpx.Response:
    body = b"\n".join(json.dumps(line).encode() for line in lines)
    return await hub.post("/api/models/ada/net/commit/main", content=body)


async def test_a_small_file_is_sent_under_its_git_id(hub: httpx.AsyncClient) -> None:
    answer = await hub.get("/ada/net/resolve/main/a/b.txt")
    head = await hub.head("/ada/net/resolve/main/a%2Fb.txt")
    again = await hub.get(
        "/ada/net/resolve/main/a/b.txt", headers={"If-None-Match": answer.headers["etag"]}
    )
    assert answer.content == b"0123456789"
    assert answer.headers["etag"] == '"ad471007bd7f5983d273b9584e5629230150fd54"'
    assert len(answer.headers["x-repo-commit"]) == 40
    assert "content-encoding" not in answer.headers
    assert (head.headers["content-length"], head.content) == ("10", b"")
    assert head.headers["etag"] == answer.headers["etag"]
    assert again.status_code == 304


async def test_ranges_follow_the_book(hub: httpx.AsyncClient) -> None:
    found = {}
    for asked in ("bytes=2-4", "bytes=7-", "bytes=-3", "bytes=0-", "bytes=5-99", "bytes=10-",
                  "bytes=4-2", "bytes=-0", "lines=1-2", "bytes=0-1,3-4"):  # fmt: skip
        answer = await hub.get("/ada/net/resolve/main/a/b.txt", headers={"Range": asked})
        body = answer.content if answer.status_code < 400 else b""
        found[asked] = (answer.status_code, body, answer.headers.get("content-range"))
    whole = b"0123456789"
    assert found == {
        "bytes=2-4": (206, b"234", "bytes 2-4/10"),
        "bytes=7-": (206, b"789", "bytes 7-9/10"),
        "bytes=-3": (206, b"789", "bytes 7-9/10"),
        "bytes=0-": (206, whole, "bytes 0-9/10"),
        "bytes=5-99": (206, b"56789", "bytes 5-9/10"),
        "bytes=10-": (416, b"", "bytes */10"),
        "bytes=4-2": (416, b"", "bytes */10"),
        "bytes=-0": (416, b"", "bytes */10"),
        "lines=1-2": (200, whole, None),
        "bytes=0-1,3-4": (200, whole, None),
    }


async def test_a_page_in_a_repository_cannot_run_on_the_site(hub: httpx.AsyncClient) -> None:
    answer = await hub.get("/ada/net/resolve/main/page.html")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_each_kind_of_absence_has_its_own_code(hub: httpx.AsyncClient) -> None:
    codes = {}
    for address in (
        "/ada/net/resolve/main/none.txt", "/ada/net/resolve/main/a", "/ada/net/resolve/nope/x",
        "/ada/none/resolve/main/x", "/gpt2/resolve/main/config.json", "/api/models/gpt2",
        "/api/models/ada/none", "/api/models/ada/net/revision/nope",
        "/api/models/ada/net/tree/main/none", "/api/models/ada/net/tree/main/README.md",
    ):  # fmt: skip
        answer = await hub.get(address)
        assert answer.status_code == 404, address
        codes[address] = answer.headers["x-error-code"]
    assert list(codes.values()) == [
        "EntryNotFound", "EntryNotFound", "RevisionNotFound", "RepoNotFound", "RepoNotFound",
        "RepoNotFound", "RepoNotFound", "RevisionNotFound", "EntryNotFound", "EntryNotFound",
    ]  # fmt: skip
    missing = await hub.get("/ada/net/resolve/main/none.txt")
    assert len(missing.headers["x-repo-commit"]) == 40


async def test_an_earlier_name_answers_with_a_redirect(hub: httpx.AsyncClient) -> None:
    moved = await hub.post(
        "/api/repos/move", json={"fromRepo": "ada/net", "toRepo": "ada/other", "type": "model"}
    )
    api = await hub.get("/api/models/ada/net/tree/main?recursive=true")
    file = await hub.get("/ada/net/resolve/main/a%2Fb.txt")
    assert moved.status_code == 200
    assert (api.status_code, api.headers["location"]) == (
        307, "/api/models/ada/other/tree/main?recursive=true",
    )  # fmt: skip
    assert (file.status_code, file.headers["location"]) == (
        307, "/ada/other/resolve/main/a%2Fb.txt",
    )  # fmt: skip


async def test_a_tree_comes_in_pages_with_the_last_commit_of_each_path(
    hub: httpx.AsyncClient,
) -> None:
    first = await hub.get("/api/models/ada/net/tree/main?recursive=1&expand=1&limit=3")
    rest = await hub.get(first.links["next"]["url"])
    rows = first.json() + rest.json()
    assert first.links["next"]["url"].startswith("http://testserver/")
    assert [row["path"] for row in rows] == [
        ".gitattributes", "README.md", "a", "a/b.txt", "page.html",
    ]  # fmt: skip
    assert [row["lastCommit"]["title"] for row in rows][:3] == [
        "initial commit", "Add files", "Add files",
    ]  # fmt: skip
    assert "next" not in rest.links


async def test_a_description_is_cut_to_the_fields_asked_for(hub: httpx.AsyncClient) -> None:
    answer = await hub.get("/api/models/ada/net?expand=sha&expand[]=tags")
    unknown = await hub.get("/api/models/ada/net?expand=nothing")
    assert sorted(answer.json()) == ["_id", "id", "modelId", "sha", "tags"]
    assert answer.json()["tags"] == ["license:mit", "region:us"]
    assert unknown.status_code == 400


async def test_files_that_are_to_be_sent_are_sorted_by_content(hub: httpx.AsyncClient) -> None:
    files = [
        {"path": "w.safetensors", "size": 10, "sample": "e30="},
        {"path": "data.txt", "size": 5_000_000, "sample": "e30="},
        {"path": "image", "size": 10, "sample": base64.b64encode(b"\x89PNG\0").decode()},
        {"path": "a/b.txt", "size": 10, "sample": "e30="},
        {"path": "zh.txt", "size": 9, "sample": base64.b64encode("中文".encode()).decode()},
        {"path": "x.log", "size": 1, "sample": "e30="},
        {"path": "empty.bin", "size": 0, "sample": ""},
    ]
    answer = await hub.post(
        "/api/models/ada/net/preupload/main", json={"files": files, "gitIgnore": "*.log\n"}
    )
    rows = answer.json()["files"]
    assert [row["uploadMode"] for row in rows] == [
        "lfs", "lfs", "lfs", "regular", "regular", "regular", "regular",
    ]  # fmt: skip
    assert rows[3]["oid"] == "ad471007bd7f5983d273b9584e5629230150fd54"
    assert [row["shouldIgnore"] for row in rows].index(True) == 5


async def test_a_commit_that_cannot_be_read_says_which_line(hub: httpx.AsyncClient) -> None:
    header = {"key": "header", "value": {"summary": "s"}}
    file = {"path": "x", "content": "!!!", "encoding": "base64"}
    broken = await hub.post("/api/models/ada/net/commit/main", content=b"{}\n")
    answers = [
        broken,
        await _commit(hub, header, "text"),
        await _commit(hub, header, {"key": "other", "value": {"path": "x"}}),
        await _commit(hub, header, {"key": "file", "value": file}),
        await _commit(hub, header, {"key": "file", "value": {"content": ""}}),
        await _commit(hub, header, {"key": "header", "value": []}),
    ]
    assert [answer.status_code for answer in answers] == [400] * 6
    assert broken.json()["error"] == "Line 1 of the commit cannot be read."


async def test_a_file_too_large_for_git_is_refused_while_it_comes(hub: httpx.AsyncClient) -> None:
    content = base64.b64encode(bytes(11_000_000)).decode()
    file = {"path": "x", "content": content, "encoding": "base64"}
    answer = await _commit(hub, {"key": "file", "value": file})
    assert answer.status_code == 413


async def test_deleting_what_is_not_there_is_an_error(hub: httpx.AsyncClient) -> None:
    answer = await _commit(hub, {"key": "deletedFile", "value": {"path": "none"}})
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "EntryNotFound")


async def test_creating_what_is_there_answers_with_its_address(hub: httpx.AsyncClient) -> None:
    again = await hub.post("/api/repos/create", json={"name": "net", "organization": None})
    foreign = await hub.post("/api/repos/create", json={"name": "x", "organization": "nobody"})
    space = await hub.post("/api/repos/create", json={"name": "x", "type": "space"})
    assert (again.status_code, again.json()["url"]) == (409, "http://testserver/ada/net")
    assert foreign.status_code == 403
    assert space.status_code == 501


async def test_a_card_is_checked_before_it_is_committed(hub: httpx.AsyncClient) -> None:
    async def check(content: str) -> tuple[int, str]:
        answer = await hub.post("/api/validate-yaml", json={"content": content})
        rows = answer.json()["errors"] or answer.json()["warnings"] or [{"message": ""}]
        return answer.status_code, rows[0]["message"]

    assert await check("\n\n---\nlicense: mit\n---\n# x") == (200, "")
    assert (await check("---\nlicense: my-own\n---\n"))[0] == 400
    assert (await check("---\nlicense: my-own\n---\n"))[1].startswith('"license" must be one of')
    assert (await check("---\nmodel-index: 3\n---\n"))[0] == 400
    assert (await check("---\na: [1\n---\n"))[0] == 400
    assert (await check("---\na: &x [1]\nb: *x\n---\n"))[0] == 400
    assert (await check("---\na: " + "[" * 500 + "]" * 500 + "\n---\n"))[0] == 400
    assert await check("# no head") == (200, "empty or missing yaml metadata in repo card")


async def test_parts_of_the_protocol_that_are_left_out_say_so(hub: httpx.AsyncClient) -> None:
    for address in ("/api/spaces", "/api/spaces/ada/x", "/api/papers/1", "/api/kernels"):
        assert (await hub.get(address)).status_code == 501
    assert (await hub.get("/api/agent-harnesses")).json()["harnesses"] == {}
    assert (await hub.head("/api/telemetry/x/y")).status_code == 200
    assert (await hub.post("/v1/telemetry")).status_code == 204


async def test_a_read_token_changes_nothing(hub: httpx.AsyncClient, database: Database) -> None:
    eve = await make_user(database, "eve")
    for scope, expected in (("read", 403), ("write", 403)):
        hub.headers.update(bearer(await make_token(database, eve, scope)))
        answers = [
            await _commit(hub, {"key": "header", "value": {"summary": "s"}}),
            await hub.post("/api/models/ada/net/branch/x", json={}),
            await hub.put("/api/models/ada/net/settings", json={"private": True}),
            await hub.request("DELETE", "/api/repos/delete", json={"name": "ada/net"}),
            await hub.get("/api/models/ada/net/auth-check/write"),
        ]
        assert [answer.status_code for answer in answers] == [expected] * 5
    assert (await hub.get("/api/models/ada/net/auth-check")).status_code == 200


async def test_one_person_counts_once_a_day_however_many_files_they_fetch(
    hub: httpx.AsyncClient, database: Database
) -> None:
    other = await make_token(database, await make_user(database, "bob"), "read")
    counter = {"X-HF-Download-Counter": "1"}
    for path in ("README.md", "a/b.txt", "page.html"):
        await hub.get(f"/ada/net/resolve/main/{path}", headers=counter)
        await hub.get(f"/ada/net/resolve/main/{path}", headers={**counter, **bearer(other)})
    info = (await hub.get("/api/models/ada/net")).json()
    assert info["downloads"] == 2
