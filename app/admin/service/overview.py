"""How the site stands: looked at in the background, shown at once."""

import platform
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from app.accounts.service import managing
from app.admin import queries
from app.admin.schemas import PARTS, STALE_S, Figure, Overview, Part
from app.comments import service as comments
from app.core.clock import now
from app.core.db import AsyncSession, Database
from app.core.probes import (
    Level,
    Reading,
    probe_broker,
    probe_clock,
    probe_database,
    probe_disk,
    probe_storage,
    worst,
)
from app.core.security import Viewer
from app.core.settings import Settings
from app.core.storage import BlobStore
from app.jobs.service import fleet
from app.jobs.service import overview as jobs
from app.mail import service as mail
from app.moderation import service as moderation
from app.questions import service as questions

# A process that was not heard of for so long has ended.
_PROCESS_LIVES = timedelta(seconds=35)
_WORKERS_OF = timedelta(hours=1)
_LONG_QUEUE = 100
_MOST = 10_000
_DAY = timedelta(hours=24)


@dataclass(frozen=True)
class Grounds:
    """What the site stands on, as this process reaches it."""

    database: Database
    storage: BlobStore
    settings: Settings


async def look(grounds: Grounds, parts: frozenset[str] = frozenset(PARTS)) -> None:
    """Look at these parts and keep what was found; what fails is what is kept.

    Raises:
        UnavailableError: the database does not take it.
    """
    readings = [await probe() for name, probe in _probes(grounds).items() if name in parts]
    async with grounds.database.transaction() as db:
        await queries.keep(db, readings)


def _probes(grounds: Grounds) -> dict[str, Callable[[], Awaitable[Reading]]]:
    database, settings = grounds.database, grounds.settings
    return {
        "web": partial(_probe_web, database),
        "database": partial(probe_database, database),
        "broker": partial(probe_broker, settings.broker_url),
        "storage": partial(probe_storage, grounds.storage),
        "mail": partial(_probe_mail, database, settings),
        "disk": partial(probe_disk, settings.data_dir),
        "clock": partial(probe_clock, database),
        "workers": partial(_probe_workers, database),
    }


async def _probe_web(database: Database) -> Reading:
    async with database.transaction() as db:
        rows = await queries.processes(db, now() - _PROCESS_LIVES)
    versions = sorted({row.version for row in rows})
    figures = {
        "processes": len(rows),
        "versions": versions,
        "python": platform.python_version(),
        "started_at": min((row.started_at for row in rows), default=now()).isoformat(),
    }
    if len(versions) > 1:
        return Reading("web", Level.WARN, "versions", figures)
    return Reading("web", Level.OK, "", figures)


async def _probe_mail(database: Database, settings: Settings) -> Reading:
    async with database.transaction() as db:
        waiting = await mail.waiting(db)
    figures: dict[str, object] = {"waiting": waiting}
    if not mail.is_on(settings):
        return Reading("mail", Level.OFF, "none", figures)
    problem = await mail.check_server(settings)
    if problem:
        return Reading("mail", Level.FAIL, "no_answer", {**figures, "error": problem[:200]})
    if waiting > _LONG_QUEUE:
        return Reading("mail", Level.WARN, "many_wait", figures)
    return Reading("mail", Level.OK, "", figures)


async def _probe_workers(database: Database) -> Reading:
    async with database.transaction() as db:
        found = await fleet.workers(db, seen_within=_WORKERS_OF)
        known = bool(found) or bool(await fleet.workers(db))
    expected = [one for one in found if one.revoked_at is None]
    alive = [one for one in expected if one.is_alive]
    newest_s = min((one.age_s for one in expected), default=None)
    figures = {
        "alive": len(alive),
        "silent": [one.name for one in expected if not one.is_alive][:10],
        "silent_s": round(newest_s) if newest_s is not None else None,
    }
    if not known:
        return Reading("workers", Level.WARN, "none", figures)
    if newest_s is None or newest_s > fleet.GONE_S:
        return Reading("workers", Level.FAIL, "gone", figures)
    if not alive:
        return Reading("workers", Level.WARN, "silent", figures)
    return Reading(
        "workers",
        Level.WARN if figures["silent"] else Level.OK,
        "some_silent" if figures["silent"] else "",
        figures,
    )


async def overview(db: AsyncSession, viewer: Viewer) -> Overview:
    """Return how the site stands now, and what happened today."""
    parts = await _parts(db)
    return Overview(
        level=worst(part.level for part in parts), parts=parts, figures=await _figures(db, viewer)
    )


async def _parts(db: AsyncSession) -> list[Part]:
    rows = {row.name: row for row in await queries.health(db)}
    stale = now() - timedelta(seconds=STALE_S)
    found = []
    for name in PARTS:
        row = rows.get(name)
        if row is None:
            found.append(Part(name, Level.WARN, "unknown", {}, None, None))
        elif row.checked_at < stale and name != "mail":
            figures = {**row.figures, "was": row.level.value}
            found.append(Part(name, Level.WARN, "stale", figures, row.checked_at, row.checked_at))
        else:
            found.append(Part(name, row.level, row.problem, row.figures, row.since, row.checked_at))
    return found


def day_began() -> datetime:
    """Return when today began, in UTC."""
    return now().replace(hour=0, minute=0, second=0, microsecond=0)


async def _figures(db: AsyncSession, viewer: Viewer) -> list[Figure]:
    today = day_began()
    joined = await managing.num_joined_since(db, today, _MOST)
    posts = await comments.num_written_since(db, today, _MOST)
    unanswered = await questions.num_unanswered(db, now() - _DAY, _MOST)
    work, ended = await jobs.overview(db), await fleet.ended_since(db, today)
    reports = await moderation.num_open(db, viewer)
    figures = [
        _counted("joined", joined, "/admin/users"),
        _counted("posts", posts),
        Figure("jobs_queued", work.num_queued, address="/admin/queues"),
        Figure("jobs_running", work.num_running, address="/admin/workers"),
        _counted("jobs_succeeded", ended.num_succeeded),
        _counted("jobs_failed", ended.num_failed, "/admin/jobs"),
        _counted("jobs_cancelled", ended.num_cancelled),
        Figure("reports", reports, address="/moderation"),
        _counted("unanswered", unanswered, "/questions?sort=unanswered"),
    ]
    if ended.wait_half_s is not None and ended.wait_most_s is not None:
        figures += [
            Figure("wait_p50", ended.wait_half_s, unit="s"),
            Figure("wait_p95", ended.wait_most_s, unit="s"),
        ]
    return figures


def _counted(name: str, number: int, address: str = "") -> Figure:
    return Figure(name, number, is_more=number >= _MOST, address=address)
