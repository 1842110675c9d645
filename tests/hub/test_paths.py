"""What a file, a branch or a digest may not be called, whichever door it comes through."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InvalidError
from app.hub.paths import check_path, check_ref_name
from tests.hub.conftest import Hub

BAD_PATHS = [
    "", "/", "/etc/passwd", "//x", "../x", "a/../b", "..", ".", "a/.", "./a", "a//b", "a/", "a/b/",
    "..\\x", "a\\b", "C:\\x", ".git", ".git/config", ".GIT/config", ".Git", "a/.git/hooks/x",
    "git~1", "GIT~1/config", ".git ", ".git.", ".g\u200cit", ".git\u200d/x", "\ufeff.git",
    "a\x00b", "a\nb", "a\rb", "a\tb", "\x7f", "\x1b[31m", "a\u0085b", "x\u202egpj.exe",
    "a\u2066b", "\u200fabc", "a\u2028b", "a\u2029b", "\ue000", "a\ue000b", "\ud800",
    "con", "CON", "con.txt", "a/NUL", "aux.h", "com1", "COM9.log", "lpt1", "prn.",
    "a.", "a ", "a /b", "a./b", "x" * 256, "\u4e2d" * 86, "a/" * 600 + "b", "/".join("a" * 60),
]  # fmt: skip
GOOD_PATHS = [
    "a", ".gitignore", ".gitattributes", ".github/x.yml", "a b.txt", "中文/文件 1.txt", "a..b",
    "console.log", "x" * 255, "é.txt", "a:b", "-rf", "--help", "~", "%2e%2e", "👩‍🔬.png", "git~2",
]  # fmt: skip
BAD_REFS = [
    "", "-x", "--upload-pack=x", "a..b", "a@{1}", "@", "x.lock", "a/b.lock", "refs/heads/x", "a b",
    "HEAD", "head", "x" * 201, "a//b", "/a", "a/", ".a", "a/.b", "a.", "a\n", "a~1", "a^", "a:b",
    "a?b", "a*b", "a[b", "a\\b", "0" * 40, "中文",
]  # fmt: skip


@pytest.mark.parametrize("path", BAD_PATHS)
def test_a_path_that_would_hurt_somebody_is_refused_with_a_reason(path: str) -> None:
    with pytest.raises(InvalidError) as caught:
        check_path(path)
    assert "cannot be the path of a file" in caught.value.message


@pytest.mark.parametrize("path", GOOD_PATHS)
def test_an_honest_path_is_kept_as_it_is(path: str) -> None:
    assert check_path(path) == path


@given(st.text(max_size=300))
def test_every_text_is_either_refused_or_harmless(path: str) -> None:
    try:
        check_path(path)
    except InvalidError:
        return
    assert not path.startswith("/")
    for part in path.split("/"):
        assert part not in {"", ".", "..", ".git"}
        assert part == part.rstrip(". ")
        assert len(part.encode()) <= 255
        assert part.isprintable() or any(ord(char) > 0x7F for char in part)


@pytest.mark.parametrize("name", BAD_REFS)
def test_a_branch_name_outside_the_allowed_letters_is_refused(name: str) -> None:
    with pytest.raises(InvalidError):
        check_ref_name(name)


@pytest.mark.parametrize("name", ["main", "v1.0", "feature/x", "a-b_c.d+e", "release/2026.11"])
def test_an_honest_branch_name_is_kept(name: str) -> None:
    assert check_ref_name(name) == name


async def test_no_door_lets_a_bad_path_in(hub: Hub) -> None:
    content = base64.b64encode(b"x").decode()
    let_in = []
    for path in BAD_PATHS:
        value = {"path": path, "content": content, "encoding": "base64"}
        committed = await hub.client.post(
            "/api/models/ada/net/commit/main",
            content=json.dumps({"key": "file", "value": value}),
            headers=hub.headers,
        )
        file = {"path": path, "size": 1, "sample": "eA=="}
        upload = {"repository": "models/ada/net", "path": path, "size": 3}
        texts = {"message": "m", "texts": {path: "x"}}
        answers = [committed]
        if "\ud800" not in path:  # no JSON reader takes half a character
            answers += [
                await hub.post("/api/models/ada/net/preupload/main", {"files": [file]}),
                await hub.post("/api/v1/uploads", upload),
                await hub.post("/api/v1/repos/models/ada/net/commits", texts),
            ]
        let_in += [(path, a.status_code, a.url.path) for a in answers if a.status_code != 422]
    tree = (await hub.get("/api/models/ada/net/tree/main?recursive=true")).json()
    assert let_in == []
    assert [item["path"] for item in tree if item["type"] == "file"] == [
        ".gitattributes", "README.md", "notes/a.txt",
    ]  # fmt: skip


async def test_two_names_that_are_one_on_many_computers_are_refused(hub: Hub) -> None:
    pairs: list[dict[str, str]] = [
        {"readme.md": "x"},
        {"notes/A.txt": "x"},
        {"Notes/b.txt": "x"},
        {"e\u0301.txt": "x", "\u00e9.txt": "y"},
        {"stra\u00dfe": "x", "STRASSE": "y"},
    ]
    for texts in pairs:
        answer = await hub.post(
            "/api/v1/repos/models/ada/net/commits", {"message": "m", "texts": texts}
        )
        assert (answer.status_code, answer.json()["code"]) == (409, "twin_path")


async def test_a_file_cannot_stand_where_a_folder_is(hub: Hub) -> None:
    for path in ("notes", "README.md/x"):
        answer = await hub.post(
            "/api/v1/repos/models/ada/net/commits", {"message": "m", "texts": {path: "x"}}
        )
        assert answer.status_code == 409


BAD_DIGESTS = [
    "0" * 63, "0" * 65, "A" * 64, "0" * 64 + "\n", "sha256:../../x", "g" * 64, "", " " * 64,
]  # fmt: skip


async def test_no_door_takes_a_digest_in_another_spelling(hub: Hub) -> None:
    upload = {"repository": "models/ada/net", "path": "x", "size": 1}
    upload_id = (await hub.post("/api/v1/uploads", upload)).json()["id"]
    for digest in BAD_DIGESTS:
        value = {"path": "x", "algo": "sha256", "oid": digest, "size": 1}
        committed = await hub.client.post(
            "/api/models/ada/net/commit/main",
            content=json.dumps({"key": "lfsFile", "value": value}),
            headers=hub.headers,
        )
        batch = await hub.post(
            "/ada/net.git/info/lfs/objects/batch",
            {"operation": "upload", "objects": [{"oid": digest, "size": 1}]},
        )
        completed = await hub.post(f"/api/v1/uploads/{upload_id}/complete", {"sha256": digest})
        part = await hub.client.put(
            f"/api/v1/uploads/{upload_id}/parts/1",
            content=b"x",
            headers=hub.headers | {"X-Content-Sha256": digest.strip()},
        )
        answers = (committed, batch, completed, part)
        assert [answer.status_code for answer in answers] == [422] * 4
