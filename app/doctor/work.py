"""What the site does: waiting jobs, workers, waiting letters, backups."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from app.core.backup_shelf import backups_in, newest_moment, verdict_of
from app.core.clock import now
from app.core.errors import AppError
from app.core.i18n import _
from app.doctor.findings import Check, Finding, Level, Patient

LONGEST_WAIT_S = 600.0
OLD_LETTER_S = 1800.0
# Twice what is due: one that did not succeed is tried again.
LATE = 2.0
BY_HAND = timedelta(days=7)


@dataclass(frozen=True)
class Load:
    """What waits, in numbers."""

    num_jobs: int
    oldest_s: float
    num_workers: int
    num_letters: int
    oldest_letter_s: float


def _load(patient: Patient) -> Iterator[Finding]:
    if not patient.database_url:
        return
    from sqlalchemy.exc import SQLAlchemyError

    try:
        load = asyncio.run(_look(patient.database_url))
    except (AppError, SQLAlchemyError):
        return  # what is wrong with the database has been said
    yield _queue(load)
    if load.num_workers:
        message = _("%(num)d workers are there.") % {"num": load.num_workers}
        yield Finding("workers", Level.OK, message)
    if load.oldest_letter_s > OLD_LETTER_S:
        said = {"num": load.num_letters, "minutes": int(load.oldest_letter_s / 60)}
        yield Finding(
            "mail",
            Level.WARNING,
            _("%(num)d letters wait, the oldest for %(minutes)d minutes.") % said,
            _("See what the mail server says: the finding on mail, and `tuningfork mail test`."),
        )


def _queue(load: Load) -> Finding:
    said = {"num": load.num_jobs, "minutes": int(load.oldest_s / 60)}
    if load.num_jobs and not load.num_workers:
        message = _("%(num)d jobs wait, and no worker is there.") % said
        fix = _("Start one: `tuningfork up --workers 1`, or `python -m worker serve`.")
        return Finding("queue", Level.ERROR, message, fix)
    if load.num_jobs and load.oldest_s > LONGEST_WAIT_S:
        message = _("%(num)d jobs wait, the first for %(minutes)d minutes.") % said
        fix = _("Start more workers, or look whether one serves that queue.")
        return Finding("queue", Level.WARNING, message, fix)
    return Finding("queue", Level.OK, _("%(num)d jobs wait.") % said)


async def _look(url: str) -> Load:
    import app.tables  # noqa: F401  # a feature's queries name other features' tables
    from app.core.db import Database
    from app.jobs.service import overview as jobs
    from app.mail import service as mail

    database = Database(url, pool_size=1)
    try:
        async with database.transaction() as db:
            queues = (await jobs.waiting_by_queue(db)).values()
            letters = await mail.waiting_since(db)
            return Load(
                num_jobs=sum(one.num for one in queues),
                oldest_s=max((one.oldest_s for one in queues), default=0.0),
                num_workers=len(await jobs.live_workers(db)),
                num_letters=letters.num,
                oldest_letter_s=letters.oldest_s,
            )
    finally:
        await database.close()


def _backup(patient: Patient) -> Iterator[Finding]:
    if not patient.data.root.exists() and not patient.settings.database_url:
        return
    found = backups_in(patient.backups)
    newest = newest_moment(patient.backups)
    if newest is None:
        yield Finding(
            "backup",
            Level.WARNING,
            _("There is no backup in %(folder)s.") % {"folder": patient.backups},
            _("Run `tuningfork backup create`, or set TUNINGFORK_BACKUP_DIR to have them made."),
        )
        return
    age = now() - newest
    every_h = patient.settings.backup_every_h if patient.settings.backup_dir else 0
    latest = timedelta(hours=every_h * LATE) if every_h else BY_HAND
    said = {"hours": f"{age.total_seconds() / 3600:.1f}", "folder": patient.backups}
    message = _("What was kept last in %(folder)s is %(hours)s hours old.") % said
    if age > latest:
        fix = _("Run `tuningfork backup create`, and read logs/backup.log where the site runs.")
        yield Finding("backup", Level.ERROR, message, fix)
    else:
        yield Finding("backup", Level.OK, message)
    verdict = verdict_of(patient.backups, found[-1].id)
    if verdict is not None and verdict.problems:
        yield Finding(
            "backup",
            Level.ERROR,
            _("The backup %(id)s is damaged.") % {"id": found[-1].id},
            _("Make a new one, and look at the disk that it lies on."),
        )


WORK: tuple[Check, ...] = (_load, _backup)
