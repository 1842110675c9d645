"""Tags: synonyms, wider tags, and who makes them."""

import re
from urllib.parse import unquote

import pytest

from tests.factories.accounts import PASSWORD
from tests.questions.conftest import Board


async def test_a_synonym_is_kept_as_its_main_tag(board: Board) -> None:
    asked = await board.ask(tags=["过拟合", "cv", "overfitting"])
    found = await board.send("GET", "/questions?tag=过拟合")
    moved = await board.client.get("/tags/cv")
    assert asked["tags"] == ["overfitting", "computer-vision"]
    assert [row["id"] for row in found.json()["items"]] == [asked["id"]]
    assert (moved.status_code, moved.headers["location"]) == (301, "/tags/computer-vision")


async def test_a_wider_tag_holds_the_questions_of_its_narrower_ones(board: Board) -> None:
    asked = await board.ask(tags=["segmentation"])
    found = (await board.send("GET", "/questions?tag=computer-vision")).json()
    tag = (await board.send("GET", "/tags/computer-vision")).json()
    assert [row["id"] for row in found["items"]] == [asked["id"]]
    assert found["items"][0]["tags"] == ["semantic-segmentation"]
    assert tag["num_questions"] == 1
    assert "semantic-segmentation" in tag["narrower"]


async def test_a_new_tag_has_to_be_earned(board: Board) -> None:
    body = {"title": "A question with a new tag", "body": "x", "tags": ["quantisation"]}
    refused = await board.send("POST", "/questions", "ada", body)
    await board.trust("ada", num_up=4)
    made = await board.send("POST", "/questions", "ada", body)
    assert (refused.status_code, refused.json()["code"]) == (403, "unknown_tag")
    assert made.json()["tags"] == ["quantisation"]


@pytest.mark.parametrize(
    ("tags", "code"),
    [([], "no_tag"), (["a", "b", "c", "d", "e", "f"], "bad_tag"), (["<script>"], "bad_tag")],
)
async def test_bad_tags_are_refused_at_their_field(
    board: Board, tags: list[str], code: str
) -> None:
    body = {"title": "A question with strange tags", "body": "x", "tags": tags}
    answer = await board.send("POST", "/questions", "carol", body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["details"][0]["path"] == "tags"


async def test_what_is_filed_under_a_new_synonym_moves(board: Board) -> None:
    asked = await board.ask("carol", tags=["early-stop"])
    await board.ask("carol", tags=["early-stopping"], title="Another about early stopping")
    made = await board.send(
        "POST", "/tags/early-stopping/synonyms", "carol", {"name": "early-stop"}
    )
    found = await board.read(asked["id"])
    assert (made.status_code, made.json()["num_questions"]) == (200, 2)
    assert found["question"]["tags"] == ["early-stopping"]


async def test_who_followed_a_tag_follows_the_one_it_was_merged_into(board: Board) -> None:
    tags = {}
    await board.ask("carol", tags=["early-stop", "early-stopping"])
    for name in ("early-stop", "early-stopping"):
        page = await board.client.get(f"/tags/{name}", headers=board.headers["carol"])
        tags[name] = unquote(re.findall(r"target=(tag(?:%3A|:)\d+)", page.text)[0])
    for who in ("ada", "bob"):
        level = {"target": tags["early-stop"], "level": "watch", "back": "/tags"}
        await choose(board, who, level)
    await choose(board, "bob", level | {"target": tags["early-stopping"]})
    await board.send("POST", "/tags/early-stopping/synonyms", "carol", {"name": "early-stop"})
    for who in ("ada", "bob"):
        await board.client.post("/login", data={"login": who, "password": PASSWORD})
        watched = (await board.client.get("/settings/notifications")).text
        assert watched.count("early-stopping") >= 1, who
        assert tags["early-stop"] not in watched


async def choose(board: Board, who: str, level: dict[str, str]) -> None:
    await board.client.post("/login", data={"login": who, "password": PASSWORD})
    answer = await board.client.post("/notifications/choice", data=level)
    assert answer.status_code == 303, answer.text


async def test_a_tag_moves_under_another_with_its_questions(board: Board) -> None:
    asked = await board.ask(tags=["overfitting"])
    change = {"parent": "fine-tuning", "about_zh": "训练集好，测试集差。"}
    changed = await board.send("PATCH", "/tags/overfitting", "carol", change)
    found = (await board.send("GET", "/questions?tag=fine-tuning")).json()
    loop = await board.send("PATCH", "/tags/fine-tuning", "carol", {"parent": "overfitting"})
    assert changed.json()["parent"] == "fine-tuning"
    assert [row["id"] for row in found["items"]] == [asked["id"]]
    assert loop.status_code == 409
    assert (await board.send("PATCH", "/tags/nlp", "eve", {"parent": ""})).status_code == 403


async def test_tags_are_offered_by_their_beginning_and_their_synonyms(board: Board) -> None:
    found = (await board.send("GET", "/tags?starts=过拟")).json()["items"]
    assert [tag["name"] for tag in found] == ["overfitting"]


async def test_lists_are_ordered_and_paged_without_gaps(board: Board) -> None:
    asked = [await board.ask("carol", title=f"Question number {n} of five") for n in range(5)]
    await board.vote(asked[1]["body_id"], "bob")
    await board.answer(asked[0]["id"])
    for query, first in (("sort=active", 0), ("sort=votes", 1), ("sort=new", 4)):
        for where in ("", "&tag=overfitting"):
            seen: list[int] = []
            cursor = ""
            while True:
                address = f"/questions?{query}{where}&limit=2&cursor={cursor}"
                page = (await board.send("GET", address)).json()
                seen += [row["id"] for row in page["items"]]
                cursor = page["next_cursor"] or ""
                if not cursor:
                    break
            assert seen[0] == asked[first]["id"]
            assert sorted(seen) == [row["id"] for row in asked]
    waiting = (await board.send("GET", "/questions?sort=unanswered")).json()["items"]
    assert asked[0]["id"] not in [row["id"] for row in waiting]
