"""References in posts: links for everybody, cards for those who may look."""

import pytest

from app.core.markdown import Links, render_markdown
from tests.factories.jobs import FakeWorker, make_job
from tests.questions.conftest import TITLE, Board


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("see #job-12.", "/jobs/12"),
        ("见#run-7，", "/jobs/7"),
        ("like #question-3", "/questions/3"),
        ("with #ada/net-2", "/ada/net-2"),
        ("on #datasets/ada/cats!", "/datasets/ada/cats"),
    ],
)
def test_a_reference_is_a_link(text: str, place: str) -> None:
    assert f'href="{place}"' in render_markdown(text, Links(people="/"))


@pytest.mark.parametrize(
    "text", ["`#job-12`", "# job-12", "a#job-12", "#job-0", "#job-12x", "#12", "x/#ada/net"]
)
def test_what_only_looks_like_a_reference_stays_text(text: str) -> None:
    assert 'class="reference"' not in render_markdown(text, Links(people="/"))


async def test_a_card_follows_its_run_and_is_for_its_owner_alone(board: Board) -> None:
    async with board.database.transaction() as db:
        job = await make_job(db, board.people["ada"].id)
    address = f"/references?on=job-{job.id}"
    before = (await board.send("GET", address, "ada")).json()
    worker = FakeWorker(board.client)
    await worker.claim()
    failure = {"code": "DIVERGED", "sentence": "x", "fix": "y"}
    await worker.post("fail", {"failure": failure})
    after = (await board.send("GET", address, "ada")).json()
    stranger = (await board.send("GET", address, "bob")).json()
    assert (before[0]["live"], before[0]["label"]) == (True, "Waiting")
    assert (after[0]["live"], after[0]["tone"], after[0]["label"]) == (False, "fail", "Failed")
    assert stranger == []


async def test_a_card_tells_a_question_and_nothing_of_what_is_not_there(board: Board) -> None:
    asked = await board.ask()
    address = f"/references?on=question-{asked['id']}&on=question-999&on=nobody/nothing&on=job-x"
    found = (await board.send("GET", address)).json()
    assert [(card["on"], card["title"]) for card in found] == [(f"question-{asked['id']}", TITLE)]
