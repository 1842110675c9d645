"""The servers that the site stands on: database, broker, store, mail."""

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit

from app.core.clock import now
from app.core.i18n import _
from app.core.settings import Settings
from app.doctor.findings import Check, Finding, Level, Patient, first_line

OLDEST_POSTGRES = 16
MOST_CLOCK_S = 2.0


def _database(patient: Patient) -> Iterator[Finding]:
    url = patient.database_url
    if not url:
        return
    from sqlalchemy.exc import SQLAlchemyError

    from app.embedded.migrate import schema_state

    place = urlsplit(url).hostname or _("the embedded server")
    try:
        state = schema_state(url)
    except SQLAlchemyError as error:
        said = {"place": place, "reason": first_line(error)}
        yield Finding(
            "database",
            Level.ERROR,
            _("The database at %(place)s does not answer: %(reason)s") % said,
            _("Check DATABASE_URL, and that the server runs and lets this machine in."),
        )
        return
    said = {"current": state.current or _("empty"), "head": state.head or ""}
    if state.is_current:
        message = _("The database answers; schema %(current)s.") % said
        yield Finding("database", Level.OK, message)
    else:
        yield Finding(
            "database",
            Level.ERROR,
            _("The schema is %(current)s, the site expects %(head)s.") % said,
            _("Run `tuningfork migrate`."),
        )
    yield from _server(url)


def _server(url: str) -> Iterator[Finding]:
    """Look at the server's version and at whether its clock agrees with ours."""
    from sqlalchemy import create_engine, text

    from app.core.db import driver_url

    engine = create_engine(driver_url(url))
    try:
        with engine.connect() as connection:
            began = now()
            theirs = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            waited = now() - began
            number = connection.execute(text("SHOW server_version_num")).scalar_one()
    finally:
        engine.dispose()
    major = int(number) // 10_000
    if major < OLDEST_POSTGRES:
        message = _("The server is PostgreSQL %(major)s.") % {"major": major}
        fix = _("Use PostgreSQL %(major)s or newer.") % {"major": OLDEST_POSTGRES}
        yield Finding("database", Level.ERROR, message, fix)
    off = abs((theirs - began - waited / 2).total_seconds())
    said = {"seconds": f"{off:.1f}"}
    if off > MOST_CLOCK_S:
        yield Finding(
            "clock",
            Level.ERROR,
            _("The clocks of this machine and of the database differ by %(seconds)s s.") % said,
            _("Let both machines take their time from the network (chrony, systemd-timesyncd)."),
        )
    else:
        yield Finding("clock", Level.OK, _("The clock agrees with that of the database."))


def _broker(patient: Patient) -> Iterator[Finding]:
    running = patient.runtime.broker_url if patient.runtime else ""
    url = patient.settings.broker_url or running
    if not url:
        return
    import redis

    try:
        client = redis.Redis.from_url(url, socket_timeout=3, socket_connect_timeout=3)
        client.ping()
        client.close()
    except (redis.RedisError, ValueError) as error:
        yield Finding(
            "broker",
            Level.ERROR,
            _("The broker does not answer: %(reason)s") % {"reason": first_line(error)},
            _("Check BROKER_URL. Jobs still start without it, only later."),
        )
    else:
        yield Finding("broker", Level.OK, _("The broker answers."))


def _storage(patient: Patient) -> Iterator[Finding]:
    from app.core.errors import AppError

    settings = patient.settings
    if not settings.storage_url:
        if not patient.data.root.exists():
            return
        url = patient.data.blobs.as_uri()
        settings = settings.model_copy(update={"storage_url": url})
    try:
        asyncio.run(_write_and_read(settings))
    except (AppError, OSError, ValueError) as error:
        said = {"reason": first_line(error)}
        yield Finding(
            "storage",
            Level.ERROR,
            _("The store cannot be written and read: %(reason)s") % said,
            _("Check STORAGE_URL, its keys and the room that is left."),
        )
    else:
        yield Finding("storage", Level.OK, _("The store takes and gives back bytes."))


async def _write_and_read(settings: Settings) -> None:
    from app.core.storage import open_storage

    probe, key = b"tuningfork doctor", "doctor/probe"
    storage = open_storage(settings)
    try:
        await storage.put(key, probe)
        back = await storage.read_all(key)
        await storage.delete(key)
    finally:
        await storage.close()
    if back != probe:
        raise ValueError(_("other bytes came back than were written"))


def _mail(patient: Patient) -> Iterator[Finding]:
    from app.core.errors import AppError
    from app.mail import service as mail

    try:
        if not mail.is_on(patient.settings):
            yield Finding(
                "mail",
                Level.OK,
                _("No mail server is set: letters wait, and people confirm no e-mail address."),
                _("Set TUNINGFORK_SMTP_URL when the site shall send letters."),
            )
            return
        problem = asyncio.run(mail.check_server(patient.settings))
    except AppError as error:
        yield Finding("mail", Level.ERROR, error.message, error.fix)
        return
    if problem:
        yield Finding(
            "mail",
            Level.ERROR,
            _("The mail server does not take letters: %(reason)s") % {"reason": problem},
            _("Check TUNINGFORK_SMTP_URL. Letters wait meanwhile; none is lost."),
        )
    else:
        yield Finding("mail", Level.OK, _("The mail server lets us in."))


SERVERS: tuple[Check, ...] = (_database, _broker, _storage, _mail)
