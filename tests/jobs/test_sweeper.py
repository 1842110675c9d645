import asyncio
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, update

from app.core.settings import Settings
from app.jobs import background
from app.jobs.tables import IdempotencyKey, Job
from app.main import create_app
from tests.factories.accounts import make_user
from tests.factories.jobs import FakeWorker, make_job


async def lose_contact(app: FastAPI) -> None:
    """Let every lease have run out a second ago."""
    past = func.clock_timestamp() - timedelta(seconds=1)
    async with app.state.database.transaction() as db:
        await db.execute(update(Job).where(Job.lease_until.is_not(None)).values(lease_until=past))


async def waiting_job(app: FastAPI) -> int:
    owner = await make_user(app.state.database)
    async with app.state.database.transaction() as db:
        return (await make_job(db, owner.id)).id


async def state_of(app: FastAPI, job_id: int) -> tuple[str, int, object]:
    async with app.state.database.transaction() as db:
        job = await db.get_one(Job, job_id)
        return job.state.value, job.worker_lost_count, (job.failure or {}).get("code")


async def test_a_lost_job_waits_again_and_the_next_attempt_has_the_next_number(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    job_id = await waiting_job(app)
    first, second = FakeWorker(client), FakeWorker(client)
    await first.claim()
    await lose_contact(app)
    await background.sweep(app.state.database, app.state.doorbell)
    assert await state_of(app, job_id) == ("queued", 1, None)
    await second.claim()
    assert second.claimed["attempt"] == 2
    late = await first.post("heartbeat", {})
    assert (late.status_code, late.json()["code"]) == (409, "stale_attempt")


async def test_a_job_that_loses_every_worker_fails_with_the_reason(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    job_id = await waiting_job(app)
    worker = FakeWorker(client)
    for _attempt in range(4):
        assert await worker.claim()
        await lose_contact(app)
        await background.sweep(app.state.database, app.state.doorbell)
    assert await state_of(app, job_id) == ("failed", 4, "WORKER_LOST")


async def test_silence_proves_nothing_while_the_site_was_away(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    job_id = await waiting_job(app)
    await FakeWorker(client).claim()
    await lose_contact(app)
    await background.sweep(app.state.database, app.state.doorbell, expire_leases=False)
    assert (await state_of(app, job_id))[0] == "leased"
    assert not background.LeasePatience(lease_s=30).is_over
    assert background.LeasePatience(lease_s=0).is_over


async def test_one_process_sweeps_at_a_time(app: FastAPI, client: httpx.AsyncClient) -> None:
    from app.jobs.queries.jobs import lock

    job_id = await waiting_job(app)
    await FakeWorker(client).claim()
    await lose_contact(app)
    async with app.state.database.transaction() as db:
        await lock(db, "jobs.sweep")
        await background.sweep(app.state.database, app.state.doorbell)
        assert (await state_of(app, job_id))[0] == "leased"


async def test_idempotency_keys_are_forgotten_after_a_day(app: FastAPI) -> None:
    job_id = await waiting_job(app)
    async with app.state.database.transaction() as db:
        owner = (await db.get_one(Job, job_id)).owner_id
        db.add(IdempotencyKey(user_id=owner, key="old", body_hash=b"", job_id=job_id))
        await db.flush()
        old = func.clock_timestamp() - timedelta(hours=25)
        await db.execute(update(IdempotencyKey).values(created_at=old))
    await background.sweep(app.state.database, app.state.doorbell)
    async with app.state.database.transaction() as db:
        assert await db.get(IdempotencyKey, (owner, "old")) is None


@pytest.mark.parametrize("num_workers", [8])
async def test_no_two_workers_ever_get_the_same_job(settings: Settings, num_workers: int) -> None:
    app = create_app(settings)
    transport = httpx.ASGITransport(app=app)
    owner = await make_user(app.state.database)
    async with app.state.database.transaction() as db:
        jobs = [(await make_job(db, owner.id)).id for _number in range(20)]
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:

        async def drain() -> list[int]:
            worker, found = FakeWorker(client), []
            while await worker.claim():
                found.append(worker.claimed["job_id"])
            return found

        claimed = await asyncio.gather(*(drain() for _number in range(num_workers)))
    await app.state.database.close()
    assert sorted(job for found in claimed for job in found) == sorted(jobs)
