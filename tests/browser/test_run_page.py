"""The run page in a real browser: it moves by itself, and a restart of the site loses nothing."""

import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from playwright.async_api import Page, expect

from app.core.db import Database
from app.core.settings import Settings
from app.jobs.tables import Job
from tests.conftest import Site
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.jobs import make_job
from tests.jobs_pages.conftest import WORKER, Worker, result

pytestmark = pytest.mark.browser

EPOCH_ROWS = "#numbers tbody tr"


@pytest.fixture
async def job(database: Database) -> Job:
    ada = await make_user(database, "ada")
    async with database.transaction() as db:
        return await make_job(db, ada.id)


@pytest.fixture
async def outside(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the real server, as a worker on another machine has one."""
    async with httpx.AsyncClient(base_url=site.url, timeout=30) as client:
        yield client


@pytest.fixture
async def worker(outside: httpx.AsyncClient, job: Job) -> Worker:
    about = {"name": "bench-1", "queues": ["cpu"]}
    registered = await outside.post("/api/v1/worker/register", json=about, headers=WORKER)
    body = {"worker_id": registered.json()["worker_id"], "queues": ["cpu"]}
    claimed = await outside.post("/api/v1/worker/claim", json=body, headers=WORKER)
    return Worker(outside, claimed.json())


async def open_run(page: Page, site: Site, job: Job) -> list[str]:
    """Sign in and open the run's page; return the list its errors will be written to."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.goto(f"{site.url}/login?next=/jobs/{job.id}")
    await page.locator("main input[name=login]").fill("ada")
    await page.locator("main input[name=password]").fill(PASSWORD)
    await page.locator("main form button").first.click()
    await page.wait_for_url(f"**/jobs/{job.id}")
    return errors


async def painted(page: Page) -> int:
    """How many pixels of the large curve are not empty."""
    return int(
        await page.evaluate(
            """() => {
              const canvas = document.querySelector("#curve canvas");
              const { data } = canvas.getContext("2d")
                .getImageData(0, 0, canvas.width, canvas.height);
              return data.filter((value, index) => index % 4 === 3 && value > 0).length;
            }"""
        )
    )


async def test_the_curve_and_the_numbers_move_without_a_reload(
    page: Page, site: Site, job: Job, worker: Worker
) -> None:
    errors = await open_run(page, site, job)
    await expect(page.locator("#curve-empty")).to_be_visible()
    empty = await painted(page)
    await page.evaluate("window.stayed = true")
    await worker.begin()
    await worker.epoch(1, 0.5)
    await expect(page.locator(EPOCH_ROWS)).to_have_count(1)
    await worker.epoch(2, 0.875)
    await expect(page.locator(EPOCH_ROWS)).to_have_count(2)
    await expect(page.locator("#curve-empty")).to_be_hidden()
    await expect(page.locator(".step-now")).to_contain_text("epoch 2 of 2")
    assert await painted(page) > empty
    assert await page.evaluate("window.stayed") is True
    assert errors == []


async def test_the_result_appears_by_itself_at_the_end(
    page: Page, site: Site, job: Job, worker: Worker
) -> None:
    errors = await open_run(page, site, job)
    await worker.begin()
    await worker.epoch(1, 0.5)
    await worker.post("finish", {"result": result()})
    await expect(page.locator(".headline")).to_have_text("75.0 %")
    await expect(page.locator("#connection")).to_be_hidden()
    await page.get_by_role("link", name="2", exact=True).click()
    await expect(page.get_by_role("heading", name="dog taken for cat")).to_be_visible()
    assert errors == []


async def test_a_reload_in_the_middle_shows_the_same_numbers(
    page: Page, site: Site, job: Job, worker: Worker
) -> None:
    await open_run(page, site, job)
    await worker.begin()
    await worker.epoch(1, 0.5)
    await expect(page.locator(EPOCH_ROWS)).to_have_count(1)
    await page.reload()
    await expect(page.locator(EPOCH_ROWS)).to_have_count(1)
    await worker.epoch(2, 0.875)
    await expect(page.locator(EPOCH_ROWS)).to_have_count(2)


async def test_the_page_goes_on_after_a_restart_of_the_site(
    page: Page, site: Site, settings: Settings, job: Job, worker: Worker
) -> None:
    await open_run(page, site, job)
    await worker.begin()
    await worker.epoch(1, 0.5)
    await expect(page.locator(EPOCH_ROWS)).to_have_count(1)
    site.stop()
    await expect(page.locator("#connection")).to_be_visible()
    again = _site_at(settings, int(site.url.rpartition(":")[2]))
    again.start()
    try:
        await worker.epoch(2, 0.875)
        await expect(page.locator(EPOCH_ROWS)).to_have_count(2)
        await expect(page.locator("#connection")).to_be_hidden()
    finally:
        again.stop()


def _site_at(settings: Settings, port: int) -> Site:
    site = Site(settings)
    site.socket.close()
    site.socket = socket.create_server(("127.0.0.1", port))
    site.url = f"http://127.0.0.1:{port}"
    return site


async def test_the_epochs_are_read_aloud_by_the_arrow_keys(
    page: Page, site: Site, job: Job, worker: Worker
) -> None:
    await worker.begin()
    await worker.epoch(1, 0.5)
    await worker.epoch(2, 0.875)
    await open_run(page, site, job)
    await page.locator("#curve").focus()
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowRight")
    await expect(page.locator("#curve-said")).to_contain_text("Epoch 2")
    await expect(page.locator("#curve-said")).to_contain_text("87.5 %")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_a_phone_shows_the_curve_without_scrolling_sideways(
    page: Page, site: Site, job: Job, worker: Worker, theme: str
) -> None:
    await worker.begin()
    await worker.epoch(1, 0.5)
    await worker.post("finish", {"result": result()})
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.context.add_cookies([{"name": "theme", "value": theme, "url": site.url}])
    await open_run(page, site, job)
    await expect(page.locator("#curve canvas")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    curve = await page.locator(".curve-panel").bounding_box()
    card = await page.locator(".result").bounding_box()
    assert curve
    assert card
    assert curve["y"] < card["y"]
