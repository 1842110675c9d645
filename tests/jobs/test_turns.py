"""Whose job is next: who used the machines least, with priorities, and nobody waits for ever."""

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.accounts.schemas import AccountRef
from app.core.db import AsyncSession, Database
from app.core.errors import ConflictError, RateLimitedError
from app.jobs.service import control
from app.jobs.service.queueing import NewJob, enqueue
from app.jobs.states import Priority
from app.jobs.tables import Job
from app.quotas import service as quotas
from app.quotas.schemas import Kind
from tests.factories.accounts import make_user
from tests.factories.jobs import FakeWorker, make_job, make_plan


async def _queue(database: Database, owner: AccountRef, *priorities: Priority) -> list[int]:
    made = []
    for priority in priorities or (Priority.NORMAL,):
        async with database.transaction() as db:
            job = await make_job(db, owner.id)
            job.priority = priority.number
            made.append(job.id)
    return made


async def _served(client: httpx.AsyncClient, num: int) -> list[int]:
    found = []
    for _n in range(num):
        worker = FakeWorker(client)
        if await worker.claim():
            found.append(worker.claimed["job_id"])
    return found


@pytest.fixture
async def people(database: Database) -> list[AccountRef]:
    return [await make_user(database, name) for name in ("ada", "bob", "eve")]


async def test_who_runs_nothing_goes_before_who_came_first(
    database: Database, client: httpx.AsyncClient, people: list[AccountRef]
) -> None:
    ada, bob, eve = people
    first = await _queue(database, ada, *[Priority.NORMAL] * 3)
    second, third = await _queue(database, bob), await _queue(database, eve)
    assert await _served(client, 5) == [first[0], second[0], third[0], first[1], first[2]]


async def test_who_used_the_machines_least_lately_goes_first(
    database: Database, client: httpx.AsyncClient, people: list[AccountRef]
) -> None:
    ada, bob, _eve = people
    hers, his = await _queue(database, ada), await _queue(database, bob)
    async with database.transaction() as db:
        await db.execute(
            text(
                "INSERT INTO quotas_usage (account_id, share_s, share_at)"
                " VALUES (:id, 3600, clock_timestamp()) ON CONFLICT (account_id)"
                " DO UPDATE SET share_s = 3600, share_at = clock_timestamp()"
            ),
            {"id": ada.id},
        )
    assert await _served(client, 2) == [*his, *hers]


async def test_interactive_goes_before_normal_before_batch(
    database: Database, client: httpx.AsyncClient, people: list[AccountRef]
) -> None:
    ada = people[0]
    batch, normal, now = await _queue(
        database, ada, Priority.BATCH, Priority.NORMAL, Priority.INTERACTIVE
    )
    assert await _served(client, 3) == [now, normal, batch]


async def test_a_batch_job_that_waited_long_goes_with_the_best_class(
    database: Database, client: httpx.AsyncClient, people: list[AccountRef]
) -> None:
    ada, bob, eve = people
    (batch,) = await _queue(database, ada, Priority.BATCH)
    async with database.transaction() as db:
        await db.execute(text("UPDATE jobs_job SET queued_at = queued_at - interval '5 hours'"))
    (his,) = await _queue(database, bob, Priority.INTERACTIVE)
    await _queue(database, eve, Priority.NORMAL)
    assert await _served(client, 2) == [batch, his]


async def test_a_running_limit_holds_jobs_back_and_lets_others_through(
    database: Database, client: httpx.AsyncClient, people: list[AccountRef]
) -> None:
    ada, bob, _eve = people
    async with database.transaction() as db:
        await quotas.set_limit(db, None, ada.id, Kind.RUNNING_JOBS, 1)
    hers = await _queue(database, ada, Priority.NORMAL, Priority.NORMAL)
    his = await _queue(database, bob)
    assert await _served(client, 3) == [hers[0], his[0]]
    async with database.transaction() as db:
        waiting = await db.get(Job, hers[1])
        assert waiting is not None
        turn = await control.turn_of(db, waiting)
    assert turn is not None
    assert (turn.place, turn.num_waiting, turn.num_running) == (1, 1, 1)
    assert turn.is_held_back


async def test_a_job_is_told_its_place(database: Database, people: list[AccountRef]) -> None:
    ada, bob, _eve = people
    hers = await _queue(database, ada, *[Priority.NORMAL] * 3)
    (his,) = await _queue(database, bob)
    places = {}
    async with database.transaction() as db:
        for number in (*hers, his):
            job = await db.get(Job, number)
            assert job is not None
            turn = await control.turn_of(db, job)
            places[number] = turn.place if turn else 0
    assert [places[n] for n in (hers[0], his, hers[1], hers[2])] == [1, 2, 3, 4]


async def _submit(db: AsyncSession, owner: AccountRef, queue: str, priority: Priority) -> Job:
    plan = make_plan()
    values = plan.model_dump(mode="json")
    new = NewJob("fine-tune", "t", plan.recipe.task, values, values, "h", queue, priority=priority)
    return await enqueue(db, owner.id, new, [])


async def test_of_one_persons_jobs_one_goes_before_everybodys(
    database: Database, people: list[AccountRef]
) -> None:
    async with database.transaction() as db:
        first = await _submit(db, people[0], "cpu", Priority.INTERACTIVE)
        second = await _submit(db, people[0], "cpu", Priority.INTERACTIVE)
        assert (first.priority, second.priority) == (0, 1)


async def test_too_many_waiting_jobs_are_refused_by_the_persons_own_limit(
    database: Database, people: list[AccountRef]
) -> None:
    async with database.transaction() as db:
        await quotas.set_limit(db, None, people[0].id, Kind.QUEUED_JOBS, 1)
        await _submit(db, people[0], "cpu", Priority.NORMAL)
        with pytest.raises(RateLimitedError):
            await _submit(db, people[0], "cpu", Priority.NORMAL)


async def test_gpu_time_is_charged_as_it_runs_and_refuses_when_used_up(
    app: FastAPI, database: Database, client: httpx.AsyncClient, people: list[AccountRef]
) -> None:
    ada = people[0]
    async with database.transaction() as db:
        await quotas.set_limit(db, None, ada.id, Kind.GPU_SECONDS, 3600)
        await _submit(db, ada, "gpu", Priority.NORMAL)
    worker = FakeWorker(client, capabilities={"gpus": [{"name": "x", "memory_bytes": 1}]})
    assert await worker.claim(("gpu",))
    async with database.transaction() as db:
        await db.execute(
            text("UPDATE jobs_attempt SET started_at = started_at - interval '2 hours'")
        )
    async with database.transaction() as db:
        assert 7200 <= await quotas.used(db, ada.id, Kind.GPU_SECONDS) < 7300
        with pytest.raises(ConflictError) as refused:
            await _submit(db, ada, "gpu", Priority.NORMAL)
        assert "2 h of 1 h of GPU time" in refused.value.message
        await _submit(db, ada, "cpu", Priority.NORMAL)
    ended = await worker.post("release", {"reason": "deploy"})
    assert ended.status_code == 200, ended.text
    async with database.transaction() as db:
        assert 7200 <= await quotas.used(db, ada.id, Kind.GPU_SECONDS) < 7300
