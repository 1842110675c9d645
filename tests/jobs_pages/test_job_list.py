"""The list of one's own jobs."""

import httpx

from app.accounts.schemas import AccountRef
from app.core.db import Database
from app.jobs.tables import Job
from tests.factories.accounts import make_user
from tests.factories.jobs import make_job


async def test_an_empty_list_says_what_to_do_next(reader: httpx.AsyncClient) -> None:
    page = (await reader.get("/jobs")).text
    assert "No jobs here yet" in page
    assert 'href="/fine-tune"' in page


async def test_the_list_holds_ones_own_jobs_only(
    reader: httpx.AsyncClient, database: Database, job: Job
) -> None:
    eve = await make_user(database, "eve")
    async with database.transaction() as db:
        await make_job(db, eve.id, name="of-eve")
    page = (await reader.get("/jobs")).text
    assert f'href="/jobs/{job.id}"' in page
    assert "of-eve" not in page


async def test_the_list_is_narrowed_to_a_state_by_its_address(
    reader: httpx.AsyncClient, job: Job
) -> None:
    assert f'href="/jobs/{job.id}"' in (await reader.get("/jobs?state=live")).text
    assert f'href="/jobs/{job.id}"' not in (await reader.get("/jobs?state=failed")).text


async def test_a_long_list_goes_on_at_its_next_page(
    reader: httpx.AsyncClient, database: Database, ada: AccountRef
) -> None:
    async with database.transaction() as db:
        for number in range(31):
            await make_job(db, ada.id, name=f"job-{number}")
    first = (await reader.get("/jobs")).text
    assert 'rel="next"' in first
    assert ">job-0<" not in first
    cursor = first.split("cursor=", 1)[1].split('"', 1)[0]
    assert ">job-0<" in (await reader.get(f"/jobs?cursor={cursor}")).text


async def test_a_visitor_of_the_list_is_asked_to_sign_in(client: httpx.AsyncClient) -> None:
    answer = await client.get("/jobs")
    assert answer.headers["location"] == "/login?next=%2Fjobs"
