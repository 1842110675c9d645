"""The live stream of a job's events: read from the database, woken by the bell, never by memory."""

import time
from collections.abc import AsyncIterator, Sequence

from fastapi import Request

from app.core.db import AsyncSession
from app.core.errors import NotFoundError, UnauthorizedError, UnavailableError
from app.core.http import database, recheck
from app.core.security import Viewer
from app.core.wakeups import Wakeups
from app.jobs.api.view import event_out
from app.jobs.events import job_channel
from app.jobs.policy import access_job
from app.jobs.service import records
from app.jobs.tables import JobEvent

KEEP_ALIVE_S = 15.0
RECHECK_S = 30.0
RETRY_MS = 1000
_BATCH = 500


class JobStream:
    """One reader of one job. No transaction is open while it waits.

    The job's policy is asked with every look at the database, the credential every 30 seconds.
    """

    def __init__(self, request: Request, viewer: Viewer, job_id: int, after: int) -> None:
        self._request = request
        self._database = database(request)
        self._wakeups: Wakeups = request.app.state.wakeups
        self._viewer = viewer
        self._job_id = job_id
        self._after = after
        self._checked_at = time.monotonic()

    async def lines(self) -> AsyncIterator[str]:
        """Yield the events as text/event-stream, until the job's last one was told."""
        yield f"retry: {RETRY_MS}\n\n"
        spoken_at = time.monotonic()
        with self._wakeups.listen(job_channel(self._job_id)) as listener:
            while True:
                try:
                    events, is_over = await self._look()
                except (NotFoundError, UnauthorizedError, UnavailableError):
                    return  # Not theirs any more, or the client tries again: nothing is lost.
                for event in events:
                    yield _line(event)
                if is_over:
                    return
                if events:
                    spoken_at = time.monotonic()
                    continue
                await listener.wait(KEEP_ALIVE_S)
                if time.monotonic() - spoken_at >= KEEP_ALIVE_S:
                    yield ": still here\n\n"
                    spoken_at = time.monotonic()

    async def _look(self) -> tuple[Sequence[JobEvent], bool]:
        """Return the next events, and whether the job has ended and they were its last ones."""
        async with self._database.transaction() as db:
            await self._recheck(db)
            job = await access_job(db, self._viewer, self._job_id)
            events = await records.events_after(db, job, self._after, _BATCH)
        if events:
            self._after = events[-1].seq
        return events, job.state.is_final and self._after >= job.event_seq

    async def _recheck(self, db: AsyncSession) -> None:
        """Pass only while the credential of the request is still worth what it was."""
        if time.monotonic() - self._checked_at < RECHECK_S:
            return
        self._checked_at = time.monotonic()
        await recheck(self._request, db, self._viewer)


def _line(event: JobEvent) -> str:
    return f"id: {event.seq}\ndata: {event_out(event).model_dump_json()}\n\n"
