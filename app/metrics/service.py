"""Collect the numbers: those of this process at once, those of the whole site every few seconds."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy.pool import QueuePool

from app.core.backup_shelf import newest_moment
from app.core.clock import now
from app.core.db import Database
from app.core.request_times import BOUNDS_S, RequestTimes
from app.core.settings import Settings
from app.hub.service import quotas
from app.jobs.service import overview as jobs
from app.jobs.states import JobState
from app.mail import service as mail
from app.metrics.schemas import Family, Sample, gauge, gauges

_STALE_S = 5.0
_STARTED = time.time()


class SiteNumbers:
    """What is asked of the database: kept for seconds, however many watch."""

    def __init__(self) -> None:
        self._families: list[Family] = []
        self._until = 0.0

    async def get(self, database: Database, settings: Settings) -> list[Family]:
        """Return the numbers of the whole site.

        Raises:
            UnavailableError: the database does not answer.
        """
        if time.monotonic() >= self._until:
            self._families = await _site_families(database, settings)
            self._until = time.monotonic() + _STALE_S
        return self._families


async def _site_families(database: Database, settings: Settings) -> list[Family]:
    async with database.transaction() as db:
        states = await jobs.num_by_state(db)
        queues = await jobs.waiting_by_queue(db)
        workers = len(await jobs.live_workers(db))
        letters = await mail.waiting_since(db)
        stored = await quotas.stored_bytes(db)
    by_state = {state.value: float(states.get(state, 0)) for state in JobState}
    depth = {queue: float(one.num) for queue, one in queues.items()}
    age = {queue: one.oldest_s for queue, one in queues.items()}
    return [
        gauges("tuningfork_jobs", "Jobs by state.", "state", by_state),
        gauges("tuningfork_queue_depth", "Jobs that wait, by queue.", "queue", depth),
        gauges("tuningfork_queue_oldest_seconds", "Age of the first in a queue.", "queue", age),
        gauge("tuningfork_workers_alive", "Workers heard within two minutes.", workers),
        gauge("tuningfork_mail_waiting", "Letters that wait to be sent.", letters.num),
        gauge("tuningfork_mail_oldest_seconds", "Age of the oldest of them.", letters.oldest_s),
        gauge("tuningfork_storage_bytes", "Bytes of all large files.", stored),
        *_backup_age(settings),
    ]


def _backup_age(settings: Settings) -> Iterator[Family]:
    if not settings.backup_dir:
        return
    newest = newest_moment(Path(settings.backup_dir))
    age = (now() - newest).total_seconds() if newest else float("inf")
    about = "Seconds since the newest moment that could be brought back."
    yield Family("tuningfork_backup_age_seconds", "gauge", about, (Sample(age),))


def process_families(
    database: Database, times: RequestTimes, settings: Settings
) -> Iterator[Family]:
    """Yield the numbers of this process, which ask nobody."""
    yield _histogram(times)
    yield gauge("tuningfork_requests_in_progress", "Answers under way.", times.in_progress)
    yield gauge("tuningfork_event_streams", "Open streams of events.", times.streams)
    pool: Any = database.engine.pool
    if isinstance(pool, QueuePool):
        values = {"in_use": float(pool.checkedout()), "idle": float(pool.checkedin())}
        yield gauges("tuningfork_db_pool_connections", "Connections.", "state", values)
        yield gauge("tuningfork_db_pool_size", "Connections kept for good.", pool.size())
    if settings.data_dir.exists():
        free = shutil.disk_usage(settings.data_dir).free
        yield gauge("tuningfork_disk_free_bytes", "Free on the disk of the data directory.", free)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    resident = pages * os.sysconf("SC_PAGE_SIZE")
    yield gauge("process_resident_memory_bytes", "Memory of this process.", resident)
    num_files = len(list(Path("/proc/self/fd").iterdir()))
    yield gauge("process_open_fds", "Open files of this process.", num_files)
    yield gauge("process_start_time_seconds", "When this process began.", round(_STARTED, 2))


def _histogram(times: RequestTimes) -> Family:
    samples = []
    for (method, route, status), one in sorted(times.times.items()):
        labels = {"method": method, "route": route, "status": status}
        for bound, num in zip(BOUNDS_S, one.at_most, strict=True):
            samples.append(Sample(num, {**labels, "le": f"{bound:g}"}, "_bucket"))
        samples.append(Sample(one.count, {**labels, "le": "+Inf"}, "_bucket"))
        samples.append(Sample(one.total_s, labels, "_sum"))
        samples.append(Sample(one.count, labels, "_count"))
    about = "Seconds until an answer begins, by route."
    return Family("tuningfork_request_seconds", "histogram", about, tuple(samples))
