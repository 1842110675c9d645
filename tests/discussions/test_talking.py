"""Discussions: who may say and change what, and what stays of it."""

import asyncio

import pytest
from sqlalchemy import func, select

from app.comments.tables import Comment, Thread
from app.core.db import Database
from tests.discussions.conftest import API, Forum


async def test_a_reader_opens_a_discussion_and_others_answer(forum: Forum) -> None:
    num = await forum.discuss("eve")
    await forum.post(f"/discussions/{num}/comment", {"comment": "Because"}, "bob")
    found = await forum.details(num, "nobody")
    assert [event["data"]["latest"]["raw"] for event in found["events"]] == ["Words", "Because"]
    assert [event["author"]["name"] for event in found["events"]] == ["eve", "bob"]
    assert (found["status"], found["repo"]) == ("open", {"name": "ada/net", "type": "model"})


async def test_a_visitor_reads_and_writes_nothing(forum: Forum) -> None:
    num = await forum.discuss()
    seen = await forum.get("/discussions", "nobody")
    refused = await forum.post("/discussions", {"title": "x"}, "nobody")
    silent = await forum.post(f"/discussions/{num}/comment", {"comment": "x"}, "nobody")
    assert (seen.status_code, seen.json()["count"]) == (200, 1)
    assert (refused.status_code, silent.status_code) == (401, 401)


async def test_discussions_of_a_private_repository_are_not_there_for_outsiders(
    forum: Forum,
) -> None:
    num = await forum.discuss("eve")
    await forum.client.put(f"{API}/settings", json={"private": True}, headers=forum.headers["ada"])
    answers = [
        await forum.get(f"/discussions/{num}", "eve"),
        await forum.get("/discussions", "eve"),
        await forum.post(f"/discussions/{num}/comment", {"comment": "x"}, "eve"),
        await forum.post(f"/discussions/{num}/title", {"title": "x"}, "eve"),
    ]
    assert {(a.status_code, a.headers["x-error-code"]) for a in answers} == {(404, "RepoNotFound")}
    assert (await forum.get(f"/discussions/{num}")).status_code == 200


async def test_numbers_have_no_gaps_however_many_open_at_once(forum: Forum) -> None:
    refused = await forum.post("/discussions", {"title": "  "}, "eve")
    nums = await asyncio.gather(*(forum.discuss("eve", f"Number {n}") for n in range(8)))
    assert refused.status_code == 422
    assert sorted(nums) == [1, 2, 3, 4, 5, 6, 7, 8]


async def test_author_and_owner_close_and_retitle_and_nobody_else(forum: Forum) -> None:
    num = await forum.discuss("eve")
    stranger = [
        await forum.post(f"/discussions/{num}/status", {"status": "closed"}, "bob"),
        await forum.post(f"/discussions/{num}/title", {"title": "Mine"}, "bob"),
    ]
    closed = await forum.post(f"/discussions/{num}/status", {"status": "closed"}, "eve")
    again = await forum.post(f"/discussions/{num}/status", {"status": "closed"}, "eve")
    opened = await forum.post(f"/discussions/{num}/status", {"status": "open"}, "ada")
    named = await forum.post(f"/discussions/{num}/title", {"title": "What\n for"}, "ada")
    assert [answer.status_code for answer in stranger] == [403, 403]
    assert closed.json()["newStatus"]["data"] == {"status": "closed"}
    assert (again.status_code, opened.status_code) == (409, 200)
    assert named.json()["newTitle"]["data"] == {"from": "Why?", "to": "What for"}


@pytest.mark.parametrize("status", ["published", "merged", "draft", ""])
async def test_a_discussion_has_no_other_status(forum: Forum, status: str) -> None:
    num = await forum.discuss("eve")
    answer = await forum.post(f"/discussions/{num}/status", {"status": status}, "eve")
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_status")


async def test_only_its_author_edits_a_comment_and_every_wording_is_kept(forum: Forum) -> None:
    num = await forum.discuss("eve")
    first = (await forum.details(num))["events"][0]["id"]
    path = f"/discussions/{num}/comment/{first}/edit"
    refused = await forum.post(path, {"content": "Lies"}, "ada")
    await forum.post(path, {"content": "Better"}, "eve")
    answer = await forum.post(path, {"content": "Best"}, "eve")
    data = answer.json()["updatedComment"]["data"]
    assert refused.status_code == 403
    assert (data["edited"], data["latest"]["raw"]) == (True, "Best")
    assert [one["raw"] for one in data["history"]] == ["Words", "Better"]


async def test_a_hidden_comment_loses_its_words_for_good(forum: Forum, database: Database) -> None:
    num = await forum.discuss("eve")
    said = await forum.post(f"/discussions/{num}/comment", {"comment": "secret"}, "bob")
    name = said.json()["newMessage"]["id"]
    path = f"/discussions/{num}/comment/{name}"
    await forum.post(f"{path}/edit", {"content": "secret too"}, "bob")
    refused = await forum.post(f"{path}/hide", None, "eve")
    hidden = await forum.post(f"{path}/hide", None, "ada")
    late = await forum.post(f"{path}/edit", {"content": "back"}, "bob")
    assert (refused.status_code, late.status_code) == (403, 409)
    assert hidden.json()["updatedComment"]["data"]["hidden"] is True
    assert "secret" not in (await forum.get(f"/discussions/{num}")).text
    async with database.transaction() as db:
        words = (await db.scalars(select(Comment.body).order_by(Comment.id))).all()
    assert list(words) == ["Words", ""]


async def test_a_locked_discussion_is_open_to_writers_only(forum: Forum) -> None:
    num = await forum.discuss("eve")
    refused = await forum.post(f"/discussions/{num}/lock", {"locked": True}, "eve")
    await forum.post(f"/discussions/{num}/lock", {"locked": True})
    silent = await forum.post(f"/discussions/{num}/comment", {"comment": "x"}, "eve")
    heard = await forum.post(f"/discussions/{num}/comment", {"comment": "x"}, "ada")
    assert (refused.status_code, silent.status_code, heard.status_code) == (403, 409, 200)


@pytest.mark.parametrize("comment", ["", " \n", "x" * 65_537])
async def test_a_comment_without_words_or_too_long_is_refused(forum: Forum, comment: str) -> None:
    num = await forum.discuss("eve")
    answer = await forum.post(f"/discussions/{num}/comment", {"comment": comment}, "eve")
    assert answer.status_code == 422


@pytest.mark.parametrize("what", ["0", "7", "99999999999999999999", "1/comment/zz/hide"])
async def test_what_is_not_there_is_not_found(forum: Forum, what: str) -> None:
    await forum.discuss("eve")
    if "/" in what:
        answer = await forum.post(f"/discussions/{what}")
    else:
        answer = await forum.get(f"/discussions/{what}")
    assert answer.status_code in {404, 422}
    assert "error" in answer.json()


async def test_a_list_is_narrowed_and_comes_in_pages(forum: Forum) -> None:
    for n in range(3):
        await forum.discuss("eve", f"Question {n}")
    await forum.discuss("bob", "Fix", pullRequest=True)
    await forum.post("/discussions/2/status", {"status": "closed"}, "eve")
    found = {}
    for query in ("", "status=open", "status=closed", "type=pull_request", "author=bob",
                  "type=discussion&status=open&author=eve", "search=question", "p=1"):  # fmt: skip
        rows = (await forum.get(f"/discussions?{query}")).json()
        found[query] = ([row["num"] for row in rows["discussions"]], rows["count"], rows["start"])
    bad = await forum.get("/discussions?type=nothing")
    assert found == {
        "": ([4, 3, 2, 1], 4, 0),
        "status=open": ([4, 3, 1], 3, 0),
        "status=closed": ([2], 1, 0),
        "type=pull_request": ([4], 1, 0),
        "author=bob": ([4], 1, 0),
        "type=discussion&status=open&author=eve": ([3, 1], 2, 0),
        "search=question": ([3, 2, 1], 3, 0),
        "p=1": ([], 4, 50),
    }
    assert bad.status_code == 400


async def test_a_deleted_repository_takes_its_comments_along(
    forum: Forum, database: Database
) -> None:
    await forum.discuss("eve")
    await forum.client.request(
        "DELETE",
        "/api/repos/delete",
        json={"name": "net", "organization": "ada"},
        headers=forum.headers["ada"],
    )
    async with database.transaction() as db:
        left = await db.scalar(select(func.count()).select_from(Thread))
    assert left == 0
