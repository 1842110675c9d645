"""Names and digests made to hurt, at the doors that tests/hub does not try."""

import json
from urllib.parse import quote

import pytest

from tests.factories.hub import make_commit
from tests.hub.conftest import Hub, hub, storage
from tests.hub.test_paths import BAD_DIGESTS, BAD_PATHS, BAD_REFS

__all__ = ["hub", "storage"]

_ODD_NAMES = [
    'a"b.txt', "a';filename=evil.exe;b.txt", "a%0d%0aX-Evil: 1.txt", "a;b=c.txt", "中文 file.txt",
    "a,b.txt", "UTF-8''x.txt", "\N{LATIN SMALL LETTER E WITH ACUTE}.txt", "a=b&c.txt",
]  # fmt: skip


async def _commit(hub: Hub, key: str, value: object) -> int:
    content = json.dumps({"key": key, "value": value})
    address = "/api/models/ada/net/commit/main"
    return (await hub.client.post(address, content=content, headers=hub.headers)).status_code


async def test_no_bad_path_is_copied_moved_or_deleted_to(hub: Hub) -> None:
    let_in = []
    for path in BAD_PATHS:
        for key, value in (
            ("copyFile", {"path": path, "srcPath": "README.md"}),
            ("copyFile", {"path": "x", "srcPath": path}),
            ("deletedFile", {"path": path}),
            ("lfsFile", {"path": path, "algo": "sha256", "oid": "0" * 64, "size": 1}),
        ):
            status = await _commit(hub, key, value)
            let_in += [(key, path, status)] if status != 422 else []
    assert let_in == []


async def test_no_bad_path_is_downloaded_or_shown(hub: Hub) -> None:
    found = []
    for path in BAD_PATHS:
        if not path or "\ud800" in path:
            continue
        for view in ("resolve", "blob", "raw", "edit"):
            address = f"/ada/net/{view}/main/{quote(path, safe='')}"
            answer = await hub.get(address, Accept="text/html")
            # The folder notes is found with a slash at its end, and is no file.
            if answer.status_code == 200 and view != "edit":
                found.append((view, path))
            assert answer.status_code < 500
    assert found == []


@pytest.mark.parametrize("name", [name for name in BAD_REFS if name])
async def test_no_branch_or_tag_gets_a_bad_name(hub: Hub, name: str) -> None:
    branch = await hub.post(f"/api/models/ada/net/branch/{quote(name, safe='')}", {})
    tag = await hub.post("/api/models/ada/net/tag/main", {"tag": name})
    assert tag.status_code == 400
    # A line feed at the end of an address never reaches a route; what stands before it is a name.
    assert branch.status_code == (200 if name == "a\n" else 400)


async def test_no_new_door_takes_a_digest_in_another_spelling(hub: Hub) -> None:
    target = {"type": "model", "name": "ada/net"}
    for digest in BAD_DIGESTS:
        deleted = await hub.post(
            "/api/models/ada/net/lfs-files/batch", {"deletions": {"sha": [digest]}}
        )
        copied = await hub.post(
            "/api/models/ada/net/lfs-files/duplicate",
            {"target": target, "files": [{"sha256": digest, "filename": "x"}]},
        )
        assert (deleted.status_code, copied.status_code) == (422, 422)


async def test_a_strange_file_name_adds_no_header_and_no_second_name(hub: Hub) -> None:
    files = dict.fromkeys(_ODD_NAMES, b"content\n")
    await make_commit(hub.database, hub.storage, hub.owner, hub.repository, files)
    plain = await hub.get("/ada/net/resolve/main/README.md")
    for name in _ODD_NAMES:
        answer = await hub.get(f"/ada/net/resolve/main/{quote(name, safe='')}")
        assert answer.status_code == 200
        assert answer.headers.keys() == plain.headers.keys()
        said = answer.headers["content-disposition"]
        assert f"filename*=UTF-8''{quote(name, safe='')}" in said
        assert said.count('"') == 2
        assert said.count("; filename") == 2
        assert "\r" not in said
        assert said.isascii()
