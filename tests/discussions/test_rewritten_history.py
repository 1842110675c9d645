"""Taking a large file out of the whole history leaves every pull request readable."""

import hashlib
import json
import os

import httpx

from tests.discussions.conftest import API, Forum

_BIG = os.urandom(5000)
_OID = hashlib.sha256(_BIG).hexdigest()


async def _commit_large(forum: Forum) -> None:
    ada = forum.headers["ada"]
    body = {"operation": "upload", "objects": [{"oid": _OID, "size": len(_BIG)}]}
    asked = await forum.client.post("/ada/net.git/info/lfs/objects/batch", json=body, headers=ada)
    (row,) = asked.json()["objects"]
    await forum.client.put(row["actions"]["upload"]["href"], content=_BIG)
    lines = [
        {"key": "header", "value": {"summary": "Add weights"}},
        {"key": "lfsFile", "value": {"path": "big.bin", "algo": "sha256", "oid": _OID}},
    ]
    content = "\n".join(json.dumps(line) for line in lines)
    answer = await forum.client.post(f"{API}/commit/main", content=content, headers=ada)
    assert answer.status_code == 200, answer.text


async def _page(forum: Forum, num: int, tab: str) -> httpx.Response:
    headers = {**forum.headers["ada"], "Accept": "text/html"}
    return await forum.client.get(f"/ada/net/discussions/{num}{tab}", headers=headers)


async def test_pull_requests_outlive_a_rewritten_history(forum: Forum) -> None:
    await _commit_large(forum)
    merged = await forum.pull({"a.txt": b"a"})
    await forum.post(f"/discussions/{merged}/merge")
    waiting = await forum.pull({"b.txt": b"b"})
    closed = await forum.pull({"c.txt": b"c"})
    await forum.post(f"/discussions/{closed}/status", {"status": "closed"})
    old_merge = (await forum.details(merged))["changes"]["mergeCommitId"]

    deletions = {"sha": [_OID], "rewriteHistory": True}
    gone = await forum.post("/lfs-files/batch", {"deletions": deletions})
    assert gone.status_code == 200, gone.text

    names = {merged: "a.txt", waiting: "b.txt", closed: "c.txt"}
    details = {num: await forum.details(num) for num in names}
    assert {num: one["diff"].count("diff --git") for num, one in details.items()} == {
        merged: 1, waiting: 1, closed: 1,
    }  # fmt: skip
    assert all(names[num] in one["diff"] for num, one in details.items())
    new_merge = details[merged]["changes"]["mergeCommitId"]
    assert new_merge != old_merge
    assert (await forum.get(f"/revision/{new_merge}")).status_code == 200
    for num, name in names.items():
        talk, files = await _page(forum, num, ""), await _page(forum, num, "/files")
        assert (talk.status_code, files.status_code) == (200, 200)
        assert name in files.text
    reopened = await forum.post(f"/discussions/{closed}/status", {"status": "open"})
    assert reopened.status_code == 200, reopened.text
    for num in (waiting, closed):
        answer = await forum.post(f"/discussions/{num}/merge")
        assert answer.status_code == 200, answer.text
    assert (await forum.read("b.txt"), await forum.read("c.txt")) == (b"b", b"c")
