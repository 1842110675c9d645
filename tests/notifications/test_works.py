"""Jobs, new models and data sets, new tutorials: who is told."""

import pytest

from app.accounts.schemas import AccountRef
from app.core.clock import now
from app.core.events import emit
from app.core.security import Viewer
from app.jobs.service import control
from app.jobs.service import news as job_news
from app.jobs.states import JobState
from app.tutorials.events import TutorialPublished
from app.tutorials.schemas import TutorialText
from app.tutorials.service import talking
from app.tutorials.service.publishing import add_version
from app.tutorials.tables import Tutorial
from tests.factories.hub import make_repository
from tests.factories.jobs import make_job
from tests.notifications.conftest import News


async def _end_job(news: News, owner: AccountRef, state: JobState, **labels: str) -> int:
    async with news.database.transaction() as db:
        job = await make_job(db, owner.id, name="Flowers")
        await control.set_labels(db, job, labels)
        job.state, job.finished_at = state, now()
        await job_news.record_state(db, job)
    return job.id


async def test_the_owner_of_a_job_is_told_of_its_end_and_nobody_else(news: News) -> None:
    number = await _end_job(news, news.people["ada"], JobState.SUCCEEDED)
    await _end_job(news, news.people["ada"], JobState.FAILED)
    assert await news.told("ada") == [
        ("succeeded", "job", "owner"),
        ("failed", "job", "owner"),
    ]
    assert await news.told("eve") == []
    item = (await news.asked("ada")).json()["items"][1]
    assert (item["title"], item["url"]) == ("Flowers", f"/jobs/{number}")


async def test_what_one_cancelled_and_the_trials_of_a_sweep_are_no_news(news: News) -> None:
    await _end_job(news, news.people["ada"], JobState.CANCELLED)
    await _end_job(news, news.people["ada"], JobState.SUCCEEDED, sweep="1")
    assert await news.told("ada") == []


async def test_who_watches_a_person_is_told_of_new_models_once_they_are_public(
    news: News,
) -> None:
    await news.set_level("bob", f"account:{news.people['ada'].id}", "watch")
    await make_repository(news.database, news.storage, news.people["ada"], "hidden", private=True)
    await make_repository(news.database, news.storage, news.people["ada"], "shown")
    assert await news.told("bob") == [("published", "published", "watch")]
    await news.client.put(
        "/api/models/ada/hidden/settings", json={"private": False}, headers=news.headers["ada"]
    )
    await news.told("bob")
    titles = [one["title"] for one in (await news.asked("bob")).json()["items"]]
    assert titles == ["ada/hidden", "ada/shown"]


async def test_who_watches_a_person_is_told_of_a_tutorial_once(
    news: News,
) -> None:
    ada = news.people["ada"]
    await news.set_level("bob", f"account:{ada.id}", "watch")
    async with news.database.transaction() as db:
        tutorial = Tutorial(slug="freezing", owner_id=ada.id)
        db.add(tutorial)
        await db.flush()
        for body in ("One", "Two"):
            text = TutorialText("en", "Freezing", "What to freeze", body)
            number = await add_version(db, tutorial, text, author_id=ada.id)
            emit(db, TutorialPublished(tutorial.id, number, ada.id))
    assert await news.told("bob") == [("published", "published", "watch")]
    item = (await news.asked("bob")).json()["items"][0]
    assert (item["title"], item["url"]) == ("Freezing", "/tutorials/freezing")


async def test_the_end_of_a_job_is_found_again_by_the_sweep(
    news: News, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with news.lost(monkeypatch):
        await _end_job(news, news.people["ada"], JobState.FAILED)
    assert await news.told("ada") == [("failed", "job", "owner")]


async def test_a_tutorial_and_what_is_said_under_it_are_found_again_by_the_sweep(
    news: News, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = news.people["ada"]
    await news.set_level("bob", f"account:{ada.id}", "watch")
    async with news.lost(monkeypatch):
        async with news.database.transaction() as db:
            tutorial = Tutorial(slug="freezing", owner_id=ada.id)
            db.add(tutorial)
            await db.flush()
            text = TutorialText("en", "Freezing", "How to freeze.", "Words.")
            await add_version(db, tutorial, text, author_id=ada.id)
        async with news.database.transaction() as db:
            eve = Viewer(user_id=news.people["eve"].id)
            await talking.add_comment(db, eve, "freezing", "Thanks!")
    assert await news.told("bob") == [("published", "published", "watch")]
    assert await news.told("ada") == [("commented", "answer", "author")]
