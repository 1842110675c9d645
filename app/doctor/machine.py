"""The machine: its Python, disk, programs, ports, and the tree that runs on it."""

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from app.core.files import resource_dir
from app.core.i18n import _
from app.doctor.findings import Check, Finding, Level, Patient
from app.embedded import programs
from app.embedded.errors import StartError
from app.embedded.guard import alive
from app.embedded.layout import Runtime
from app.embedded.owner import server_owner
from app.embedded.services import site_answers

LEAST_PYTHON = (3, 11)
WARN_DISK_BYTES = 10 * 10**9
LEAST_DISK_BYTES = 10**9


def _versions(_patient: Patient) -> Iterator[Finding]:
    python = ".".join(str(part) for part in sys.version_info[:3])
    try:
        own = version("tuningfork")
    except PackageNotFoundError:
        own = "?"
    yield Finding("version", Level.OK, _("Tuningfork %(version)s.") % {"version": own})
    if sys.version_info[:2] < LEAST_PYTHON:
        message = _("Python %(version)s is too old.") % {"version": python}
        yield Finding("python", Level.ERROR, message, _("Install Python 3.11 or newer."))
    else:
        yield Finding("python", Level.OK, _("Python %(version)s.") % {"version": python})


def _disk(patient: Patient) -> Iterator[Finding]:
    folder = next(one for one in (patient.data.root, *patient.data.root.parents) if one.exists())
    free = shutil.disk_usage(folder).free
    said = {"size": f"{free / 10**9:.1f}", "folder": folder}
    text = _("%(size)s GB free at %(folder)s.") % said
    if free < LEAST_DISK_BYTES:
        fix = _("Free at least 1 GB; uploads and runs will fail.")
        yield Finding("disk", Level.ERROR, text, fix)
    elif free < WARN_DISK_BYTES:
        yield Finding("disk", Level.WARNING, text, _("Models need room: free 10 GB or more."))
    else:
        yield Finding("disk", Level.OK, text)


def _directory(patient: Patient) -> Iterator[Finding]:
    root = patient.data.root
    said = {"folder": root}
    if not root.exists():
        message = _("%(folder)s will be made on the first start.") % said
        yield Finding("directory", Level.OK, message)
    elif not os.access(root, os.W_OK | os.X_OK):
        yield Finding(
            "directory",
            Level.ERROR,
            _("%(folder)s cannot be written to.") % said,
            _("Give it to the user who starts the site, or choose another --data-dir."),
        )
    elif patient.data.restoring.exists():
        yield Finding(
            "directory",
            Level.ERROR,
            _("A backup was only half brought back into %(folder)s.") % said,
            _("Run the same `tuningfork restore` again; it begins anew by itself."),
        )
    else:
        yield Finding("directory", Level.OK, _("%(folder)s can be written to.") % said)


def _programs(patient: Patient) -> Iterator[Finding]:
    last = _("See the sentence before.")
    if not patient.settings.database_url:
        try:
            folder = programs.postgres_bin()
            said = {"major": programs.postgres_major(folder), "folder": folder}
            message = _("PostgreSQL %(major)s in %(folder)s.") % said
            yield Finding("programs", Level.OK, message)
            server_owner()
        except StartError as error:
            yield Finding("programs", Level.ERROR, str(error), last)
    if not patient.settings.broker_url:
        try:
            message = _("Valkey at %(path)s.") % {"path": programs.valkey_program()}
            yield Finding("programs", Level.OK, message)
        except StartError as error:
            yield Finding("programs", Level.ERROR, str(error), last)


def _assets(_patient: Patient) -> Iterator[Finding]:
    manifest = resource_dir("static") / "dist" / "manifest.json"
    if manifest.is_file():
        yield Finding("assets", Level.OK, _("The browser's files are built."))
    else:
        message = _("%(file)s is missing.") % {"file": manifest}
        yield Finding("assets", Level.ERROR, message, _("Build it with `make assets`."))


def _tree(patient: Patient) -> Iterator[Finding]:
    if patient.runtime is None:
        yield from _not_running(patient)
        yield from _port(patient)
    else:
        yield from _running(patient, patient.runtime)


def _running(patient: Patient, runtime: Runtime) -> Iterator[Finding]:
    message = _("A site runs on %(folder)s.") % {"folder": patient.data.root}
    yield Finding("site", Level.OK, message)
    if not alive(runtime.supervisor):
        yield Finding(
            "site",
            Level.WARNING,
            _("Its supervisor was killed; what it left is being cleared away."),
            _("Wait ten seconds, then start the site again."),
        )
    for name in [name for name, pid in runtime.pids.items() if not alive(pid)]:
        log = {"file": patient.data.logs / f"{name}.log"}
        yield Finding(
            "site",
            Level.ERROR,
            _("%(name)s is not running.") % {"name": name},
            _("It is started again by itself; if not, read %(file)s.") % log,
        )
    said = {"address": runtime.address}
    if site_answers(runtime.address, timeout_s=5.0):
        yield Finding("site", Level.OK, _("The site answers at %(address)s.") % said)
    else:
        yield Finding(
            "site",
            Level.ERROR,
            _("The site does not answer at %(address)s.") % said,
            _("Read %(file)s.") % {"file": patient.data.logs / "site.log"},
        )


def _not_running(patient: Patient) -> Iterator[Finding]:
    if patient.data.last_runtime() is not None:
        yield Finding(
            "site",
            Level.WARNING,
            _("The last site on this directory did not stop in order."),
            _("Nothing to do: the next `tuningfork up` recovers what was written."),
        )
    else:
        yield Finding("site", Level.OK, _("No site runs here; `tuningfork up` starts one."))


def _port(patient: Patient) -> Iterator[Finding]:
    host, port = patient.settings.host, patient.settings.port
    said = {"host": host, "port": port}
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = {**said, "reason": error.strerror}
            yield Finding(
                "port",
                Level.WARNING,
                _("Port %(port)s of %(host)s cannot be bound (%(reason)s).") % reason,
                _("`tuningfork up` takes the next free one, or give --port."),
            )
        else:
            yield Finding("port", Level.OK, _("Port %(port)s of %(host)s is free.") % said)


MACHINE: tuple[Check, ...] = (_versions, _disk, _directory, _programs, _assets, _tree)
