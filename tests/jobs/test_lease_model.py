"""Random histories of claims, losses, races and repeats, checked against a small model."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select, update

from app.accounts.schemas import AccountKind
from app.accounts.tables import Account
from app.core.errors import ConflictError
from app.core.security import Viewer
from app.core.settings import Settings
from app.jobs import background
from app.jobs.policy import access_job
from app.jobs.queries.leases import MAX_WORKER_LOST
from app.jobs.service.control import cancel_job, resume_job
from app.jobs.states import JobState
from app.jobs.tables import Attempt, Job, JobEvent
from app.main import create_app
from tests.factories.jobs import make_job

KEY = {"Authorization": "Bearer test-worker-key"}
ACTIVE = {"leased", "running", "finalizing"}


@dataclass
class Expected:
    """What the model believes of one job."""

    id: int
    state: str = "queued"
    attempt: int = 0
    cancel: bool = False
    lost: int = 0
    stored_events: dict[int, int] = field(default_factory=dict)


@dataclass
class Holder:
    """A worker that believes it holds an attempt; it may be wrong by now."""

    job: Expected
    attempt: int
    token: str
    sent: int = 0


class Leases(RuleBasedStateMachine):
    holders: Bundle[Holder] = Bundle("holders")
    jobs: Bundle[Expected] = Bundle("jobs")

    def __init__(self, site: "Site") -> None:
        super().__init__()
        self.run = site.run
        self.app, self.client = site.app, site.client
        self.database = site.app.state.database
        self.queue: list[Expected] = []
        self.all: list[Expected] = []
        self.run(self._begin())

    async def _begin(self) -> None:
        async with self.database.transaction() as db:
            name = f"owner-{await db.scalar(select(func.count(Account.id)))}"
            account = Account(name=name, name_key=name, kind=AccountKind.USER)
            db.add(account)
            await db.flush()
            self.owner = account.id
            await db.execute(update(Job).where(Job.state == "queued").values(state="cancelled"))
        body = {"name": "one", "queues": ["cpu"], "protocol": 1}
        answer = await self.client.post("/api/v1/worker/register", json=body, headers=KEY)
        self.worker_id = answer.json()["worker_id"]

    def _post(self, holder: Holder, verb: str, body: object) -> httpx.Response:
        address = f"/api/v1/worker/jobs/{holder.job.id}/attempts/{holder.attempt}/{verb}"
        headers = {"Authorization": f"Bearer {holder.token}"}
        answer: httpx.Response = self.run(self.client.post(address, json=body, headers=headers))
        return answer

    def _is_current(self, holder: Holder) -> bool:
        return holder.attempt == holder.job.attempt and holder.job.state in ACTIVE

    @rule(target=jobs)
    def submit(self) -> Expected:
        async def make() -> int:
            async with self.database.transaction() as db:
                return (await make_job(db, self.owner)).id

        job = Expected(self.run(make()))
        self.queue.append(job)
        self.all.append(job)
        return job

    @rule(target=holders)
    def claim_as_after_any_bell(self) -> Any:
        body = {"worker_id": self.worker_id, "queues": ["cpu"], "protocol": 1}
        answer = self.run(self.client.post("/api/v1/worker/claim", json=body, headers=KEY))
        if not self.queue:
            assert answer.status_code == 204
            return multiple()
        claimed = answer.json()
        job = self.queue.pop(0)
        assert claimed["job_id"] == job.id, "the longest waiting job comes first"
        assert claimed["attempt"] == job.attempt + 1
        job.attempt, job.state = job.attempt + 1, "leased"
        return Holder(job, job.attempt, claimed["token"])

    @rule(holder=holders)
    def heartbeat(self, holder: Holder) -> None:
        answer = self._post(holder, "heartbeat", {"progress": 0.5})
        assert answer.status_code == (200 if self._is_current(holder) else 409)
        if answer.status_code == 200:
            assert answer.json()["cancel_requested"] == holder.job.cancel

    @rule(holder=holders, kind=st.sampled_from(["RunStarted", "LogWritten", "RunFinished"]))
    def report(self, holder: Holder, kind: str) -> None:
        """Send everything again together with one new event, as after a lost answer."""
        events = [
            {"seq": seq, "kind": kind, "time": "2026-01-01T00:00:00Z", "lines": ["a\u0000b"]}
            for seq in range(1, holder.sent + 2)
        ]
        answer = self._post(holder, "events", {"events": events})
        if not self._is_current(holder):
            assert answer.status_code == 409
            return
        assert answer.json()["accepted_up_to"] == holder.sent + 1
        holder.sent += 1
        holder.job.stored_events[holder.attempt] = holder.sent
        order = ["leased", "running", "finalizing"]
        reached = {"RunStarted": "running", "RunFinished": "finalizing"}.get(kind, "leased")
        holder.job.state = max(holder.job.state, reached, key=order.index)

    @rule(holder=holders)
    def keep_a_checkpoint(self, holder: Holder) -> None:
        body = {"stage": 1, "epoch": 1, "step": holder.sent, "files": [], "metrics": {}}
        answer = self._post(holder, "checkpoints", body)
        assert answer.status_code == (201 if self._is_current(holder) else 409)
        if answer.status_code == 201:
            holder.job.lost = 0

    @rule(holder=holders, again=st.booleans())
    def finish(self, holder: Holder, again: bool) -> None:
        self._end(holder, "finish", {"result": {"accuracy": 0.5}}, "succeeded", again)

    @rule(holder=holders, again=st.booleans())
    def fail(self, holder: Holder, again: bool) -> None:
        self._end(holder, "fail", {"failure": {"code": "DIVERGED"}}, "failed", again)

    def _end(self, holder: Holder, verb: str, body: object, state: str, again: bool) -> None:
        current = self._is_current(holder)
        answer = self._post(holder, verb, body)
        if not current:
            assert answer.status_code in {200, 409}
            return
        assert answer.status_code == 200
        holder.job.state = "cancelled" if holder.job.cancel else state
        if again:
            assert self._post(holder, verb, body).status_code == 200

    @rule(holder=holders)
    def say_cancelled(self, holder: Holder) -> None:
        allowed = self._is_current(holder) and holder.job.cancel
        answer = self._post(holder, "cancelled", {})
        if allowed:
            assert answer.status_code == 200
            holder.job.state = "cancelled"
        elif self._is_current(holder):
            assert answer.status_code == 409

    @rule(holder=holders)
    def release(self, holder: Holder) -> None:
        current = self._is_current(holder)
        answer = self._post(holder, "release", {"reason": "deploy"})
        if current:
            assert answer.status_code == 200
            self._back(holder.job)

    def _back(self, job: Expected) -> None:
        job.state = "cancelled" if job.cancel else "queued"
        if not job.cancel:
            self.queue.append(job)

    @rule(job=jobs)
    def crash(self, job: Expected) -> None:
        """The worker falls silent until the lease is over; the sweeper comes by."""

        async def lose() -> None:
            async with self.database.transaction() as db:
                past = func.clock_timestamp() - timedelta(seconds=1)
                held = (Job.id == job.id) & Job.lease_until.is_not(None)
                await db.execute(update(Job).where(held).values(lease_until=past))
            await background.sweep(self.database, self.app.state.doorbell)

        self.run(lose())
        if job.state not in ACTIVE:
            return
        job.lost += 1
        if not job.cancel and job.lost > MAX_WORKER_LOST:
            job.state = "failed"
        else:
            self._back(job)

    @rule()
    def sweep_finds_nothing_to_take(self) -> None:
        self.run(background.sweep(self.database, self.app.state.doorbell))

    @rule(job=jobs)
    def cancel(self, job: Expected) -> None:
        ok = self._steer(job, cancel_job)
        assert ok == (job.state not in {"succeeded", "failed"})
        if not ok:
            return
        if job.state == "queued":
            self.queue.remove(job)
            job.state = "cancelled"
        job.cancel = True

    @rule(job=jobs)
    def resume(self, job: Expected) -> None:
        ok = self._steer(job, resume_job)
        assert ok == (job.state in {"failed", "cancelled"})
        if ok:
            job.state, job.cancel, job.lost = "queued", False, 0
            self.queue.append(job)

    def _steer(self, job: Expected, verb: Any) -> bool:
        async def steer() -> bool:
            try:
                async with self.database.transaction() as db:
                    found = await access_job(db, Viewer(user_id=self.owner), job.id)
                    await verb(db, found)
            except ConflictError:
                return False
            return True

        return bool(self.run(steer()))

    @rule(holder=consumes(holders))
    def forget_a_worker(self, holder: Holder) -> None:
        """It never speaks again."""

    @invariant()
    def the_rows_agree(self) -> None:
        self.run(self._compare())

    async def _compare(self) -> None:
        async with self.database.transaction() as db:
            for job in self.all:
                row = await access_job(db, Viewer(user_id=self.owner), job.id)
                assert (row.state.value, row.attempt) == (job.state, job.attempt)
                assert row.cancel_requested == job.cancel
                assert (row.result is not None) == (row.state is JobState.SUCCEEDED)
                assert (row.failure is not None) == (row.state is JobState.FAILED)
                assert (row.lease_until is not None) == row.state.is_active
                assert (row.finished_at is not None) == row.state.is_final
                await self._compare_history(db, row, job)

    async def _compare_history(self, db: Any, row: Job, job: Expected) -> None:
        seqs = list(await db.scalars(select(JobEvent.seq).where(JobEvent.job_id == row.id)))
        assert sorted(seqs) == list(range(1, row.event_seq + 1))
        attempts = list(await db.scalars(select(Attempt).where(Attempt.job_id == row.id)))
        assert sorted(a.number for a in attempts) == list(range(1, row.attempt + 1))
        assert sum(a.outcome is None for a in attempts) == row.state.is_active
        stored = {a.number: a.event_seq for a in attempts if a.event_seq}
        assert stored == job.stored_events


class Site:
    """One application for all histories, on a loop of its own: Hypothesis is not asynchronous."""

    def __init__(self, settings: Settings) -> None:
        self.runner = asyncio.Runner()
        self.app = self.run(_made(settings))
        transport = httpx.ASGITransport(app=self.app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://testserver")

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def close(self) -> None:
        self.run(self.client.aclose())
        self.run(self.app.state.database.close())
        self.runner.close()


async def _made(settings: Settings) -> FastAPI:
    return create_app(settings)


def test_no_history_of_claims_and_crashes_breaks_a_job(settings: Settings) -> None:
    site = Site(settings)
    try:
        run_state_machine_as_test(
            lambda: Leases(site),
            settings=hypothesis_settings(
                max_examples=10,
                stateful_step_count=40,
                deadline=None,
                phases=(Phase.generate,),
                suppress_health_check=list(HealthCheck),
                derandomize=True,
                database=None,
            ),
        )
    finally:
        site.close()
