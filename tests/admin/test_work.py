"""Workers are drained and shut out, queues without a worker are told, failures stand together."""

from typing import Any

from sqlalchemy import text

from tests.admin.conftest import Office
from tests.factories.jobs import FakeWorker, make_job

OOM = {"code": "OUT_OF_MEMORY", "sentence": "Too little memory.", "fix": "Less."}


async def queue_jobs(office: Office, number: int, queue: str = "cpu") -> None:
    async with office.database.transaction() as db:
        for _ in range(number):
            await make_job(db, office.people["ada"].id, queue=queue)


async def change(office: Office, what: str, confirm: str = "") -> int:
    body = {"do": what, "confirm": confirm}
    return (await office.api("POST", "/workers/worker-1/act", body)).status_code


async def fail(office: Office, number: int) -> None:
    await queue_jobs(office, number)
    worker = FakeWorker(office.client)
    for attempt in range(number):
        assert await worker.claim()
        detail = f"Tried to allocate {attempt + 2}.5 GiB"
        answer = await worker.post("fail", {"failure": {**OOM, "detail": detail, "log_tail": []}})
        assert answer.status_code == 200, answer.text


async def test_a_drained_worker_ends_its_job_and_gets_no_other(office: Office) -> None:
    await queue_jobs(office, 2)
    worker = FakeWorker(office.client)
    assert await worker.claim()
    held = worker.claimed
    assert await change(office, "drain") == 200
    assert (await worker.post("heartbeat", {"progress": 0.5})).status_code == 200
    assert not await worker.claim()
    worker.claimed = held
    assert await change(office, "resume") == 200
    assert await worker.claim()
    actions = [one.action for one in await office.audited("workers.")]
    assert actions == ["workers.drain", "workers.resume"]


async def test_a_worker_that_is_shut_out_loses_its_job_and_gets_none(office: Office) -> None:
    await queue_jobs(office, 1)
    worker = FakeWorker(office.client)
    assert await worker.claim()
    assert await change(office, "revoke") == 422
    assert await change(office, "revoke", "worker-1") == 200
    assert (await worker.post("heartbeat", {})).status_code == 409
    assert not await FakeWorker(office.client).claim()


async def test_a_queue_that_nobody_serves_is_shown_with_a_warning(office: Office) -> None:
    await queue_jobs(office, 2, queue="gpu")
    await FakeWorker(office.client).claim()
    rows = {one["name"]: one for one in (await office.api("GET", "/queues")).json()}
    assert (rows["gpu"]["num_waiting"], rows["gpu"]["workers"]) == (2, [])
    assert rows["cpu"]["workers"] == ["worker-1"]
    assert "2 jobs wait in the queue gpu, and no worker serves it." in await office.page(
        "/admin/queues"
    )


async def test_jobs_that_failed_alike_are_one_group(office: Office) -> None:
    await fail(office, 3)
    groups: list[dict[str, Any]] = (await office.api("GET", "/failures")).json()
    assert [one["number"] for one in groups] == [3]
    assert "3 jobs" in await office.page("/admin/jobs")
    page = await office.page(f"/admin/jobs/{groups[0]['fingerprint']}")
    assert page.count("Queue it again") == 3


async def test_a_failed_job_is_queued_again_and_written_down(office: Office) -> None:
    await fail(office, 1)
    answer = await office.api("POST", "/jobs/1/act", {"do": "retry"})
    assert answer.status_code == 200, answer.text
    (entry,) = await office.audited("jobs.")
    assert (entry.before["state"], entry.after["state"]) == ("failed", "queued")
    assert (await office.api("POST", "/jobs/1/act", {"do": "retry"})).status_code == 409


async def test_the_pages_show_workers_and_act_on_them(office: Office) -> None:
    await queue_jobs(office, 1)
    await FakeWorker(office.client, capabilities={"gpus": [], "cpu_count": 8}).claim()
    assert "Works" in await office.page("/admin/workers")
    await office.browse()
    answer = await office.form("/admin/workers", name="worker-1", do="drain")
    assert answer.headers["location"] == "/admin/workers?saved=1"
    assert "Drained" in await office.page("/admin/workers", who="")
    async with office.database.transaction() as db:
        await db.execute(text("UPDATE jobs_worker SET last_seen_at = now() - interval '1 hour'"))
    assert "Gone" in await office.page("/admin/workers", who="")
