"""Votes: one a person, counted exactly, and what they open."""

import asyncio

from tests.questions.conftest import Board


async def test_a_vote_counts_once_and_can_be_taken_back(board: Board) -> None:
    asked = await board.ask("ada")
    scores = [
        (await board.vote(asked["body_id"], "bob", value)).json()["score"] for value in (1, 1, 0, 1)
    ]
    assert scores == [1, 1, 0, 1]
    assert (await board.read(asked["id"], "bob"))["body"]["own_vote"] == 1


async def test_nobody_votes_on_their_own_post(board: Board) -> None:
    asked = await board.ask("ada")
    refused = await board.vote(asked["body_id"], "ada")
    assert (refused.status_code, refused.json()["code"]) == (403, "own_post")


async def test_voting_down_has_to_be_earned(board: Board) -> None:
    asked = await board.ask("ada")
    refused = await board.vote(asked["body_id"], "bob", -1)
    await board.trust("bob", num_up=4)
    allowed = await board.vote(asked["body_id"], "bob", -1)
    assert (refused.status_code, refused.json()["code"]) == (403, "ability_needed")
    assert allowed.json()["score"] == -1


async def test_many_voters_at_once_lose_no_vote(board: Board) -> None:
    asked = await board.ask("ada")
    voters = [f"voter{n}" for n in range(12)]
    for name in voters:
        await board.join(name)
    await asyncio.gather(*(board.vote(asked["body_id"], name) for name in voters))
    found = await board.read(asked["id"])
    assert (found["body"]["score"], found["question"]["score"]) == (12, 12)
    assert "120 points" in (await board.client.get("/questions/by/ada")).text


async def test_the_best_answer_stands_first(board: Board) -> None:
    asked = await board.ask("ada")
    one, two = [await board.answer(asked["id"], "bob", f"Answer {n}") for n in range(2)]
    await board.vote(two, "eve")
    best = await board.read(asked["id"])
    oldest = await board.read(asked["id"], sort="old")
    newest = await board.read(asked["id"], sort="new")
    assert [post["id"] for post in best["answers"]] == [two, one]
    assert [post["id"] for post in oldest["answers"]] == [one, two]
    assert [post["id"] for post in newest["answers"]] == [two, one]


async def test_a_script_gets_the_votes_alone_and_a_form_the_page(board: Board) -> None:
    asked = await board.ask("ada")
    address = f"/posts/{asked['body_id']}/vote"
    part = await board.client.post(
        address, data={"value": "1"}, headers={**board.headers["bob"], "HX-Request": "true"}
    )
    page = await board.client.post(address, data={"value": "0"}, headers=board.headers["bob"])
    assert part.status_code == 200
    assert part.text.lstrip().startswith('<div class="votes"')
    assert page.status_code == 303
