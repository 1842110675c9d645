"""What can be wrong with a site's machine, in sentences, with the way to mend it."""

import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from app.core.files import resource_dir
from app.core.settings import Settings
from app.embedded import programs
from app.embedded.errors import StartError
from app.embedded.guard import alive
from app.embedded.layout import DataDir, Runtime
from app.embedded.owner import server_owner
from app.embedded.services import site_answers

LEAST_PYTHON = (3, 11)
WARN_DISK_BYTES = 10 * 10**9
LEAST_DISK_BYTES = 10**9


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what was seen, and what to do about it."""

    check: str
    level: Level
    message: str
    fix: str = ""


@dataclass(frozen=True)
class Patient:
    """The site to look at: its directory, its settings and its tree if one runs."""

    data: DataDir
    settings: Settings
    runtime: Runtime | None


Check = Callable[[Patient], Iterator[Finding]]


def _python(_patient: Patient) -> Iterator[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < LEAST_PYTHON:
        yield Finding(
            "python", Level.ERROR, f"Python {version} is too old.", "Install Python 3.11 or newer."
        )
    else:
        yield Finding("python", Level.OK, f"Python {version}.")


def _disk(patient: Patient) -> Iterator[Finding]:
    folder = next(one for one in (patient.data.root, *patient.data.root.parents) if one.exists())
    free = shutil.disk_usage(folder).free
    text = f"{free / 10**9:.1f} GB free at {folder}."
    if free < LEAST_DISK_BYTES:
        yield Finding("disk", Level.ERROR, text, "Free at least 1 GB; uploads and runs will fail.")
    elif free < WARN_DISK_BYTES:
        yield Finding("disk", Level.WARNING, text, "Models need room: free 10 GB or more.")
    else:
        yield Finding("disk", Level.OK, text)


def _directory(patient: Patient) -> Iterator[Finding]:
    root = patient.data.root
    if not root.exists():
        yield Finding("directory", Level.OK, f"{root} will be made on the first start.")
    elif not os.access(root, os.W_OK | os.X_OK):
        yield Finding(
            "directory",
            Level.ERROR,
            f"{root} cannot be written to.",
            "Give it to the user who starts the site, or choose another --data-dir.",
        )
    else:
        yield Finding("directory", Level.OK, f"{root} can be written to.")


def _programs(patient: Patient) -> Iterator[Finding]:
    if not patient.settings.database_url:
        try:
            folder = programs.postgres_bin()
            major = programs.postgres_major(folder)
            yield Finding("programs", Level.OK, f"PostgreSQL {major} in {folder}.")
            server_owner()
        except StartError as error:
            yield Finding("programs", Level.ERROR, str(error), "See the sentence before.")
    if not patient.settings.broker_url:
        try:
            yield Finding("programs", Level.OK, f"Valkey at {programs.valkey_program()}.")
        except StartError as error:
            yield Finding("programs", Level.ERROR, str(error), "See the sentence before.")


def _assets(_patient: Patient) -> Iterator[Finding]:
    manifest = resource_dir("static") / "dist" / "manifest.json"
    if manifest.is_file():
        yield Finding("assets", Level.OK, "The browser's files are built.")
    else:
        yield Finding(
            "assets", Level.ERROR, f"{manifest} is missing.", "Build it with `make assets`."
        )


def _tree(patient: Patient) -> Iterator[Finding]:
    runtime = patient.runtime
    if runtime is None:
        yield from _not_running(patient)
        return
    yield Finding("site", Level.OK, f"A site runs on {patient.data.root}.")
    gone = [name for name, pid in runtime.pids.items() if not alive(pid)]
    if not alive(runtime.supervisor):
        yield Finding(
            "site",
            Level.WARNING,
            "Its supervisor was killed; what it left is being cleared away.",
            "Wait ten seconds, then start the site again.",
        )
    for name in gone:
        yield Finding(
            "site",
            Level.ERROR,
            f"{name} is not running.",
            f"It is started again by itself; if not, read {patient.data.logs / name}.log.",
        )
    if site_answers(runtime.address, timeout_s=5.0):
        yield Finding("site", Level.OK, f"The site answers at {runtime.address}.")
    else:
        yield Finding(
            "site",
            Level.ERROR,
            f"The site does not answer at {runtime.address}.",
            f"Read {patient.data.logs / 'site.log'}.",
        )


def _not_running(patient: Patient) -> Iterator[Finding]:
    if patient.data.last_runtime() is not None:
        yield Finding(
            "site",
            Level.WARNING,
            "The last site on this directory did not stop in order.",
            "Nothing to do: the next `tuningfork up` recovers what was written.",
        )
    else:
        yield Finding("site", Level.OK, "No site runs here; `tuningfork up` starts one.")
    host, port = patient.settings.host, patient.settings.port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            yield Finding(
                "port",
                Level.WARNING,
                f"Port {port} of {host} cannot be bound ({error.strerror}).",
                "`tuningfork up` takes the next free one, or give --port.",
            )
        else:
            yield Finding("port", Level.OK, f"Port {port} of {host} is free.")


def _database(patient: Patient) -> Iterator[Finding]:
    url = patient.settings.database_url or (patient.runtime.database_url if patient.runtime else "")
    if not url:
        return
    from sqlalchemy.exc import SQLAlchemyError

    from app.embedded.migrate import schema_state

    place = urlsplit(url).hostname or "the embedded server"
    try:
        state = schema_state(url)
    except SQLAlchemyError as error:
        yield Finding(
            "database",
            Level.ERROR,
            f"The database at {place} does not answer: {_first_line(error)}",
            "Check DATABASE_URL, and that the server runs and lets this machine in.",
        )
        return
    if state.is_current:
        yield Finding("database", Level.OK, f"The database answers; schema {state.current}.")
    else:
        yield Finding(
            "database",
            Level.ERROR,
            f"The schema is {state.current or 'empty'}, the site expects {state.head}.",
            "Run `tuningfork migrate`.",
        )


def _broker(patient: Patient) -> Iterator[Finding]:
    url = patient.settings.broker_url or (patient.runtime.broker_url if patient.runtime else "")
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
            f"The broker does not answer: {_first_line(error)}",
            "Check BROKER_URL. Jobs still start without it, only later.",
        )
    else:
        yield Finding("broker", Level.OK, "The broker answers.")


def _storage(patient: Patient) -> Iterator[Finding]:
    import asyncio

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
        yield Finding(
            "storage",
            Level.ERROR,
            f"The store cannot be written and read: {_first_line(error)}",
            "Check STORAGE_URL, its keys and the room that is left.",
        )
    else:
        yield Finding("storage", Level.OK, "The store takes and gives back bytes.")


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
        raise ValueError("other bytes came back than were written")


def _mail(patient: Patient) -> Iterator[Finding]:
    import asyncio

    from app.core.errors import AppError
    from app.mail import service as mail

    try:
        if not mail.is_on(patient.settings):
            yield Finding(
                "mail",
                Level.OK,
                "No mail server is set: letters wait, and people confirm no e-mail address.",
                "Set TUNINGFORK_SMTP_URL when the site shall send letters.",
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
            f"The mail server does not take letters: {problem}",
            "Check TUNINGFORK_SMTP_URL. Letters wait meanwhile; none is lost.",
        )
    else:
        yield Finding("mail", Level.OK, "The mail server lets us in.")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


CHECKS: tuple[Check, ...] = (
    _python,
    _disk,
    _directory,
    _programs,
    _assets,
    _tree,
    _database,
    _broker,
    _storage,
    _mail,
)


def examine(data: DataDir, settings: Settings) -> list[Finding]:
    """Look at everything; what runs is asked, nothing is started."""
    patient = Patient(data, settings, data.runtime())
    return [finding for check in CHECKS for finding in check(patient)]
