"""Nightly checks: a recipe that stopped running is told of, until a check of it succeeds."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from datetime import UTC, datetime
from typing import Any

import pytest

from app.core.settings import Settings
from app.notifications.background import tell_waiting
from app.tutorials.background import is_night, look
from tests.factories.jobs import FakeWorker, make_data
from tests.jobs_pages.conftest import result
from tests.tutorials.conftest import School, body_with, recipe_text

NIGHT = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
NOON = NIGHT.replace(hour=12)
BANNER = "A recipe of this tutorial does not run any more."
CHECK = "/api/v1/tutorials/lesson/check"


@pytest.fixture
async def watched(school: School) -> School:
    """The site's own tutorial with a recipe, an administrator, and a worker that is there."""
    await school.join("carol", is_admin=True)
    await school.publish(body_with(recipe_text()))
    await FakeWorker(school.client).claim()
    return school


async def page_of(school: School) -> str:
    answer = await school.client.get("/tutorials/lesson", headers={"Accept": "text/html"})
    return answer.text


async def job_of(school: School, who: str = "carol") -> dict[str, Any]:
    """Return the newest job of somebody."""
    found: dict[str, Any] = (await school.get("/api/v1/jobs", who)).json()["items"][0]
    answer = await school.get(f"/api/v1/jobs/{found['id']}", who)
    job: dict[str, Any] = answer.json()
    return job


async def finish(school: School, failure: str = "") -> None:
    worker = FakeWorker(school.client)
    assert await worker.claim()
    await worker.events({"kind": "RunStarted"}, {"kind": "RunFinished"})
    if failure:
        body = {"failure": {"code": failure, "sentence": "It broke.", "fix": "Mend it."}}
        done = await worker.post("fail", body)
    else:
        done = await worker.post("finish", {"result": result(0.1), "artifacts": []})
    assert done.is_success, done.text


async def test_at_night_an_idle_site_tries_a_small_form_of_the_recipe(watched: School) -> None:
    await look(watched.app, NIGHT)
    job = await job_of(watched)
    train = job["recipe"]["train"]
    assert job["title"] == "check-tiny"
    assert [stage["max_steps"] for stage in train["stages"]] == [2]
    assert job["recipe"]["resources"]["max_minutes"] == 10
    assert job["recipe"]["data"]["train"]["repo"] == "ada/data"


async def test_nothing_is_tried_by_day_or_when_others_have_jobs(watched: School) -> None:
    await look(watched.app, NOON)
    assert (await watched.get("/api/v1/jobs", "carol")).json()["items"] == []
    await watched.post("/api/v1/tutorials/lesson/recipes/1/run", {"shared": False}, "eve")
    await look(watched.app, NIGHT)
    assert (await watched.get("/api/v1/jobs", "carol")).json()["items"] == []


async def test_a_check_steps_aside_for_somebodys_job(watched: School) -> None:
    await look(watched.app, NIGHT)
    await watched.post("/api/v1/tutorials/lesson/recipes/1/run", {"shared": False}, "eve")
    await look(watched.app, NIGHT)
    assert (await job_of(watched))["state"] == "cancelled"
    assert (await job_of(watched, "eve"))["state"] == "queued"
    assert BANNER not in await page_of(watched)


async def test_a_check_that_passes_says_nothing_and_is_no_reproduction(watched: School) -> None:
    await watched.post(CHECK, who="carol")
    await finish(watched)
    assert BANNER not in await page_of(watched)
    assert (await watched.get(CHECK)).json()["state"] == "passed"
    assert (await watched.runs())["ended"] == 0


async def test_once_a_night_is_enough(watched: School) -> None:
    await look(watched.app, NIGHT)
    await finish(watched)
    await look(watched.app, NIGHT)
    assert len((await watched.get("/api/v1/jobs", "carol")).json()["items"]) == 1


async def test_data_that_are_gone_make_a_banner_until_a_check_passes(watched: School) -> None:
    await watched.client.request(
        "DELETE",
        "/api/repos/delete",
        json={"type": "dataset", "name": "data", "organization": "ada"},
        headers=watched.headers["ada"],
    )
    await look(watched.app, NIGHT)
    assert BANNER in await page_of(watched)
    await make_data(watched.app, watched.people["ada"])
    assert BANNER in await page_of(watched)
    await watched.post(CHECK, who="carol")
    await finish(watched)
    assert BANNER not in await page_of(watched)


async def test_private_data_are_broken_for_readers(watched: School) -> None:
    await watched.client.put(
        "/api/datasets/ada/data/settings", json={"private": True}, headers=watched.headers["ada"]
    )
    await watched.post(CHECK, who="carol")
    assert BANNER in await page_of(watched)


async def test_a_recipe_the_contract_refuses_makes_a_banner_until_its_fix_is_checked(
    watched: School,
) -> None:
    await watched.publish(body_with("recipe: 1\nname: old\nwas_understood: once\n", info=""))
    await watched.post(CHECK, who="carol")
    first = await page_of(watched)
    await watched.publish(body_with(recipe_text(name="mended")))
    second = await page_of(watched)
    await watched.post(CHECK, who="carol")
    await finish(watched)
    assert BANNER in first
    assert "There is a newer version since" in second
    assert BANNER not in await page_of(watched)


async def test_a_run_that_fails_says_at_which_recipe_and_why(watched: School) -> None:
    await watched.post(CHECK, who="carol")
    await finish(watched, "BASE_INVALID")
    page = " ".join((await page_of(watched)).split())
    assert "Recipe 1 of version 1 (English) failed when it was tried" in page
    assert (await watched.get(CHECK)).json()["recipe"] == 1


async def test_the_fault_of_a_machine_is_not_the_tutorials(watched: School) -> None:
    await watched.post(CHECK, who="carol")
    await finish(watched, "DISK_FULL")
    assert BANNER not in await page_of(watched)
    assert (await watched.get(CHECK)).json()["state"] == "unchecked"


async def own_tutorial(school: School) -> None:
    body = {
        "slug": "eves",
        "title": "Mine",
        "summary": "Short.",
        "body": body_with(recipe_text(name="mine")),
    }
    begun = await school.post("/api/v1/tutorials", body, "eve")
    assert begun.status_code == 201, begun.text
    made = await school.post("/api/v1/tutorials/eves/publish", {"language": "en"}, "eve")
    assert made.is_success, made.text


async def told(school: School, who: str) -> list[str]:
    await tell_waiting(school.database, school.app.state.wakeups)
    answer = await school.get("/api/v1/notifications?state=all", who)
    return [one["what"] for one in reversed(answer.json()["items"])]


async def test_the_author_is_told_when_it_breaks_and_when_it_runs_again(watched: School) -> None:
    await own_tutorial(watched)
    on = await watched.client.put(
        "/api/v1/tutorials/eves/check", json={"on": True}, headers=watched.headers["carol"]
    )
    assert on.json()["on"]
    for failure in ("BASE_INVALID", "BASE_INVALID", ""):
        answer = await watched.post("/api/v1/tutorials/eves/check", who="eve")
        assert answer.status_code == 202, answer.text
        await finish(watched, failure)
    assert await told(watched, "eve") == ["broken", "mended"]
    assert await told(watched, "carol") == []


async def test_what_people_write_is_watched_only_when_a_moderator_says_so(watched: School) -> None:
    await own_tutorial(watched)
    refused = await watched.post("/api/v1/tutorials/eves/check", who="eve")
    stranger = await watched.client.put(
        "/api/v1/tutorials/eves/check", json={"on": True}, headers=watched.headers["bob"]
    )
    assert refused.status_code == stranger.status_code == 403


async def test_a_moderator_switches_the_sites_own_off(watched: School) -> None:
    async with watched.browser("carol") as browser:
        await browser.post("/tutorials/lesson/check/watch", data={"on": "0"})
        page = (await browser.get("/tutorials/lesson")).text
    await look(watched.app, NIGHT)
    assert "Try its recipes every night" in page
    assert (await watched.get("/api/v1/jobs", "carol")).json()["items"] == []


async def test_two_checks_of_one_tutorial_do_not_run_at_once(watched: School) -> None:
    first = await watched.post(CHECK, who="carol")
    second = await watched.post(CHECK, who="carol")
    assert (first.status_code, second.status_code) == (202, 409)


async def test_the_command_checks_at_once_and_says_what_it_did(
    watched: School, settings: Settings
) -> None:
    environment = os.environ | {
        "DATABASE_URL": settings.database_url,
        "STORAGE_URL": settings.storage_url,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.cli", "tutorials", "check"),
        stdout=PIPE,
        stderr=PIPE,
        env=environment,
    )
    out, err = await process.communicate()
    assert out.decode() == "lesson: running\n", err.decode()
    assert (await job_of(watched))["title"] == "check-tiny"


@pytest.mark.parametrize(
    ("hours", "hour", "expected"),
    [("1-5", 1, True), ("1-5", 5, False), ("22-5", 23, True), ("22-5", 6, False), ("", 3, False)],
)
def test_the_night_is_what_the_setting_says(hours: str, hour: int, *, expected: bool) -> None:
    assert is_night(hours, NIGHT.replace(hour=hour)) is expected
