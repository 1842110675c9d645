"""A job's log and its numbers as the event streams that Hugging Face clients read."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request

from app.core.db import AsyncSession
from app.core.errors import NotFoundError, UnauthorizedError, UnavailableError
from app.core.http import database, recheck
from app.core.security import Viewer
from app.core.wakeups import Wakeups
from app.hfapi.jobs_views import log_event, metrics_event
from app.jobs.events import job_channel
from app.jobs.policy import access_job
from app.jobs.service import Job, overview, records

KEEP_ALIVE_S = 15.0
RECHECK_S = 30.0
BATCH = 500


class _Stream:
    """One reader of one job; no transaction is open while it waits."""

    def __init__(self, request: Request, viewer: Viewer, job_id: int) -> None:
        self._request = request
        self._database = database(request)
        self._wakeups: Wakeups = request.app.state.wakeups
        self._viewer = viewer
        self._job_id = job_id
        self._checked_at = time.monotonic()

    async def lines(self) -> AsyncIterator[str]:
        """Yield text/event-stream until the job has ended and everything was told."""
        spoken_at = time.monotonic()
        yield ": the stream begins\n\n"
        with self._wakeups.listen(job_channel(self._job_id)) as listener:
            while True:
                try:
                    told, is_over = await self._look()
                except (NotFoundError, UnauthorizedError, UnavailableError):
                    return  # not theirs any more; or the client asks again
                for text in told:
                    yield text
                if is_over:
                    return
                if told:
                    spoken_at = time.monotonic()
                if len(told) >= BATCH:
                    continue
                await listener.wait(KEEP_ALIVE_S)
                if time.monotonic() - spoken_at >= KEEP_ALIVE_S:
                    yield ": keep-alive\n\n"
                    spoken_at = time.monotonic()

    async def _look(self) -> tuple[list[str], bool]:
        async with self._database.transaction() as db:
            if time.monotonic() - self._checked_at >= RECHECK_S:
                self._checked_at = time.monotonic()
                await recheck(self._request, db, self._viewer)
            job = await access_job(db, self._viewer, self._job_id)
            return await self._news(db, job)

    async def _news(self, db: AsyncSession, job: Job) -> tuple[list[str], bool]:
        """Return the events since the last look, and whether there will be no more."""
        del db
        return [], job.state.is_final


class LogStream(_Stream):
    """The log from its beginning, or only from its last `tail` lines on."""

    def __init__(self, request: Request, viewer: Viewer, job_id: int, tail: int | None) -> None:
        super().__init__(request, viewer, job_id)
        self._tail = tail
        self._after = 0

    async def _news(self, db: AsyncSession, job: Job) -> tuple[list[str], bool]:
        lines = await records.log_lines(db, job, self._after, self._tail, self._tail or BATCH)
        self._tail = None
        if lines:
            self._after = lines[-1].number
        told = [_event(log_event(line)) for line in lines]
        return told, job.state.is_final and self._after >= job.log_seq


class MetricsStream(_Stream):
    """The newest step whenever there is a newer one."""

    def __init__(self, request: Request, viewer: Viewer, job_id: int) -> None:
        super().__init__(request, viewer, job_id)
        self._step = -1

    async def _news(self, db: AsyncSession, job: Job) -> tuple[list[str], bool]:
        point = await records.newest_point(db, job)
        if point is None or point.step == self._step:
            return [], job.state.is_final
        self._step = point.step
        workers = await overview.live_workers(db)
        worker = next((one for one in workers if one.id == job.worker_id), None)
        return [_event(metrics_event(point, worker), "metric")], job.state.is_final


def _event(value: dict[str, Any], name: str = "") -> str:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(value, ensure_ascii=False)}\n\n"
