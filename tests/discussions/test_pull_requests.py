"""Pull requests: who may commit, merge and close; what is merged and what conflicts."""

import asyncio

import pytest

from tests.discussions.conftest import FILES, Forum

TEXT = "sub/deep/a.txt"


async def test_a_reader_proposes_and_the_owner_merges(forum: Forum) -> None:
    before = await forum.head()
    num = await forum.pull({"new/x.txt": b"x\n", TEXT: b"one\n2\nthree\nfour\nfive\n"})
    proposed = await forum.details(num)
    answer = await forum.post(f"/discussions/{num}/merge")
    merged = await forum.details(num)
    commits = (await forum.get("/commits/main")).json()
    assert (proposed["status"], proposed["filesWithConflicts"]) == ("open", [])
    assert "-two\n+2" in proposed["diff"]
    assert "diff --git a/new/x.txt b/new/x.txt\nnew file mode" in proposed["diff"]
    assert answer.json()["newStatus"]["data"] == {"status": "merged"}
    assert merged["changes"]["mergeCommitId"] == await forum.head() != before
    assert merged["diff"] == proposed["diff"]
    assert commits[0]["title"] == f"Change (#{num})"
    assert commits[0]["authors"] == [{"user": "ada"}]
    assert {row["title"] for row in commits[1:3]} == {"Change", "Add files"}
    assert await forum.read("new/x.txt") == b"x\n"


async def test_strangers_cannot_merge_nor_commit_to_somebody_elses_pull_request(
    forum: Forum,
) -> None:
    num = await forum.pull({"x.txt": b"x"}, "eve")
    answers = [
        await forum.post(f"/discussions/{num}/merge", None, "eve"),
        await forum.post(f"/discussions/{num}/merge", None, "bob"),
        await forum.propose({"y.txt": b"y"}, "bob", f"refs%2Fpr%2F{num}"),
        await forum.propose({"y.txt": b"y"}, "eve", "main"),
        await forum.post(f"/discussions/{num}/status", {"status": "closed"}, "bob"),
    ]
    assert [answer.status_code for answer in answers] == [403] * 5
    assert (await forum.propose({"y.txt": b"y"}, "eve", f"refs%2Fpr%2F{num}")).status_code == 200
    assert (await forum.propose({"z.txt": b"z"}, "ada", f"refs%2Fpr%2F{num}")).status_code == 200


async def test_a_visitor_cannot_propose(forum: Forum) -> None:
    answer = await forum.propose({"x.txt": b"x"}, "nobody")
    assert answer.status_code == 401


async def test_changes_to_different_lines_of_one_text_come_together(forum: Forum) -> None:
    num = await forum.pull({TEXT: b"ONE\ntwo\nthree\nfour\nfive\n"})
    await forum.commit({TEXT: b"one\ntwo\nthree\nfour\nFIVE\nsix\n", "other.txt": b"o"})
    before = await forum.head()
    answer = await forum.post(f"/discussions/{num}/merge")
    assert answer.status_code == 200, answer.text
    assert await forum.read(TEXT) == b"ONE\ntwo\nthree\nfour\nFIVE\nsix\n"
    assert await forum.read("other.txt") == b"o"
    assert await forum.head() != before


async def test_every_conflict_is_named_and_nothing_is_half_merged(forum: Forum) -> None:
    num = await forum.pull(
        {
            TEXT: b"one\n2\nthree\nfour\nfive\n",
            "config.json": None,
            "blob.bin": b"\0\1\3",
            "same.txt": b"eve",
            "fine.txt": b"fine",
        }
    )
    await forum.commit(
        {
            TEXT: b"one\nzwei\nthree\nfour\nfive\n",
            "config.json": b"{}\n",
            "blob.bin": b"\0\1\4",
            "same.txt": b"ada",
        }
    )
    before = await forum.head()
    details = await forum.details(num)
    answer = await forum.post(f"/discussions/{num}/merge")
    assert details["filesWithConflicts"] == ["blob.bin", "config.json", "same.txt", TEXT]
    assert answer.status_code == 409
    assert {one["path"]: one["message"] for one in answer.json()["details"]} == {
        "blob.bin": "Both sides changed it, and it is not text.",
        "config.json": "The pull request deleted it, main changed it.",
        "same.txt": "Both sides added it, with different content.",
        TEXT: "Both sides changed the same lines.",
    }
    assert await forum.head() == before
    assert (await forum.details(num))["status"] == "open"
    assert (await forum.propose({TEXT: b"one\n"}, "eve", f"refs%2Fpr%2F{num}")).status_code == 200


@pytest.mark.parametrize(
    ("proposed", "committed"),
    [
        ({"sub/deep": b"a file now", TEXT: None}, {"sub/deep/b.txt": b"b"}),
        ({"thing/x.txt": b"x"}, {"thing": b"a file"}),
        ({"thing": b"a file"}, {"thing/x.txt": b"x"}),
        ({"Twin.txt": b"1"}, {"twin.txt": b"2"}),
    ],
)
async def test_paths_that_cannot_stand_side_by_side_do_not_merge(
    forum: Forum, proposed: dict[str, bytes | None], committed: dict[str, bytes]
) -> None:
    num = await forum.pull(proposed)
    await forum.commit(committed)
    before = await forum.head()
    answer = await forum.post(f"/discussions/{num}/merge")
    assert (answer.status_code, answer.json()["code"]) == (409, "merge_conflict")
    assert await forum.head() == before


async def test_the_same_change_on_both_sides_is_no_conflict(forum: Forum) -> None:
    num = await forum.pull({TEXT: b"same\n", "config.json": None, "n.txt": b"n"})
    await forum.commit({TEXT: b"same\n", "n.txt": b"n"})
    answer = await forum.post(f"/discussions/{num}/merge")
    gone = await forum.client.get("/ada/net/resolve/main/config.json")
    assert (answer.status_code, gone.status_code) == (200, 404)


async def test_two_who_merge_at_once_make_one_merge(forum: Forum) -> None:
    num = await forum.pull({"x.txt": b"x"})
    before = (await forum.get("/commits/main")).json()
    answers = await asyncio.gather(*(forum.post(f"/discussions/{num}/merge") for _ in range(3)))
    after = (await forum.get("/commits/main")).json()
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert len(after) == len(before) + 2


async def test_a_merge_and_a_commit_to_main_at_once_lose_nothing(forum: Forum) -> None:
    num = await forum.pull({"x.txt": b"x"})
    merge, commit = await asyncio.gather(
        forum.post(f"/discussions/{num}/merge"),
        forum.propose({"y.txt": b"y"}, "ada", "main"),
    )
    assert (merge.status_code, commit.status_code) == (200, 200)
    assert (await forum.read("x.txt"), await forum.read("y.txt")) == (b"x", b"y")


async def test_a_draft_is_made_ready_before_it_is_merged(forum: Forum) -> None:
    num = await forum.discuss("eve", pullRequest=True)
    await forum.propose({"x.txt": b"x"}, "eve", f"refs%2Fpr%2F{num}")
    early = await forum.post(f"/discussions/{num}/merge")
    await forum.post(f"/discussions/{num}/status", {"status": "open"}, "eve")
    late = await forum.post(f"/discussions/{num}/merge")
    final = await forum.post(f"/discussions/{num}/status", {"status": "closed"})
    assert (early.status_code, late.status_code, final.status_code) == (409, 200, 409)


async def test_a_closed_pull_request_takes_no_commits_until_it_is_open_again(
    forum: Forum,
) -> None:
    num = await forum.pull({"x.txt": b"x"})
    shown = (await forum.details(num))["diff"]
    await forum.post(f"/discussions/{num}/status", {"status": "closed"}, "eve")
    closed = await forum.propose({"y.txt": b"y"}, "eve", f"refs%2Fpr%2F{num}")
    unmerged = await forum.post(f"/discussions/{num}/merge")
    kept = (await forum.details(num))["diff"]
    await forum.post(f"/discussions/{num}/status", {"status": "open"}, "eve")
    reopened = await forum.propose({"y.txt": b"y"}, "eve", f"refs%2Fpr%2F{num}")
    assert (closed.status_code, closed.json()["code"]) == (409, "frozen_ref")
    assert (unmerged.status_code, reopened.status_code) == (409, 200)
    assert kept == shown != ""


async def test_a_pull_request_grows_from_the_commit_that_was_named(forum: Forum) -> None:
    old = await forum.head()
    await forum.commit({"later.txt": b"l"})
    lines = (
        f'{{"key":"header","value":{{"summary":"Old","parentCommit":"{old}"}}}}\n'
        '{"key":"file","value":{"path":"x.txt","content":"eA==","encoding":"base64"}}'
    )
    path = "/api/models/ada/net/commit/main?create_pr=1"
    made = await forum.client.post(path, content=lines, headers=forum.headers["eve"])
    tree = (await forum.get("/tree/refs%2Fpr%2F1")).json()
    assert made.status_code == 200
    assert "later.txt" not in [row["path"] for row in tree]
    assert "x.txt" in [row["path"] for row in tree]


async def test_a_refused_commit_opens_no_pull_request(forum: Forum) -> None:
    bad = await forum.propose({"../x": b"x"}, "eve")
    none = await forum.propose({"nothing.txt": None}, "eve")
    listed = (await forum.get("/discussions")).json()
    assert (bad.status_code, none.status_code, listed["count"]) == (422, 404, 0)
    assert await forum.pull({"x.txt": b"x"}) == 1


async def test_merging_again_and_again_keeps_the_history_readable(forum: Forum) -> None:
    first = await forum.pull({"a.txt": b"a"})
    second = await forum.pull({"b.txt": b"b"}, "bob")
    await forum.post(f"/discussions/{first}/merge")
    await forum.post(f"/discussions/{second}/merge")
    assert (await forum.details(second))["diff"].count("diff --git") == 1
    assert [e["type"] for e in (await forum.details(second))["events"]] == [
        "comment", "commit", "status-change",
    ]  # fmt: skip
    assert set(FILES) < {row["path"] for row in (await forum.get("/tree/main?recursive=1")).json()}


async def test_who_was_not_let_in_discusses_but_sees_no_changes(forum: Forum) -> None:
    num = await forum.pull({"x.txt": b"secret\n"}, "eve")
    gated = await forum.client.put(
        "/api/models/ada/net/settings", json={"gated": "manual"}, headers=forum.headers["ada"]
    )
    seen = await forum.details(num, "bob")
    page = await forum.client.get(f"/ada/net/discussions/{num}/files", headers=forum.headers["bob"])
    said = await forum.post(f"/discussions/{num}/comment", {"comment": "Hm"}, "bob")
    refused = await forum.propose({"y.txt": b"y"}, "bob")
    late = await forum.propose({"y.txt": b"y"}, "eve", f"refs%2Fpr%2F{num}")
    assert gated.status_code == 200
    assert (seen["diff"], seen["filesWithConflicts"]) == (None, [])
    assert [event["type"] for event in seen["events"]] == ["comment"]
    assert page.status_code in {401, 403}
    assert "secret" not in page.text
    assert (said.status_code, refused.status_code, late.status_code) == (200, 403, 403)
    assert "secret" in (await forum.details(num))["diff"]


async def test_a_squashed_main_leaves_pull_requests_readable_and_mergeable(forum: Forum) -> None:
    merged = await forum.pull({"a.txt": b"a"})
    await forum.post(f"/discussions/{merged}/merge")
    waiting = await forum.pull({"b.txt": b"b"})
    closed = await forum.pull({"c.txt": b"c"})
    await forum.post(f"/discussions/{closed}/status", {"status": "closed"})
    squashed = await forum.post("/super-squash/main", {"message": "One"})
    seen = {num: (await forum.details(num))["diff"] for num in (merged, waiting, closed)}
    answer = await forum.post(f"/discussions/{waiting}/merge")
    assert squashed.status_code == 200, squashed.text
    assert {num: diff.count("diff --git") for num, diff in seen.items()} == {
        merged: 1, waiting: 1, closed: 1,
    }  # fmt: skip
    assert answer.status_code == 200, answer.text
    assert (await forum.read("b.txt"), await forum.read("a.txt")) == (b"b", b"a")
