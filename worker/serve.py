"""`python -m worker serve`: register, wait for the bell, claim, run, again.

This process never imports torch; each attempt runs in processes of its own. On SIGTERM the running
attempt saves a checkpoint and is given back without being charged.
"""

import contextlib
import fcntl
import logging
import os
import random
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import structlog

from worker import sandbox
from worker.celery_app import Bell
from worker.contract.protocol import Claim, ClaimRequest, Registered, Registration
from worker.redaction import RedactingProcessor
from worker.runner import ENGINE, Attempt, Workplace
from worker.sandbox import Strength
from worker.settings import SettingsError, WorkerSettings, capabilities, read_settings
from worker.site_client import RefusedError, SiteClient, SiteError, UnreachableError
from worker.trying.host import Predictor, wants_predictions
from worker.warm_engine import WarmEngine

log = structlog.get_logger(__name__)

_LONGEST_PAUSE_S = 15.0
_REFUSED_PAUSE_S = 15.0


class Worker:
    """The claim loop. `stop` may be called from a signal handler."""

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._settings = place.settings
        self._site = SiteClient(self._settings.url, self._settings.key)
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._registered: Registered | None = None
        self._warm = _warm_engine(place)

    def stop(self) -> None:
        """Finish what can be finished quickly, then return from `run`."""
        self._stopping.set()
        self._wake.set()

    def wake(self, queue: str = "") -> None:
        """Look for work now."""
        log.debug("bell_rung", queue=queue)
        self._wake.set()

    def run(self) -> None:
        """Work until stopped."""
        pause_s = 0.5
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                claim = self._claim()
            except UnreachableError as error:
                log.warning("site_unreachable", reason=str(error), again_in_s=round(pause_s, 1))
                self._rest(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            except SiteError as error:
                log.error("site_refused", reason=str(error), fix=_advice(error))  # noqa: TRY400 - the reason is enough
                self._registered = None
                self._rest(_REFUSED_PAUSE_S)
            else:
                pause_s = 0.5
                self._work_or_rest(claim)
        self._site.close()
        if self._warm is not None:
            self._warm.close()

    def _claim(self) -> Claim | None:
        if self._registered is None:
            self._registered = self._register()
        return self._site.claim(
            ClaimRequest(worker_id=self._registered.worker_id, queues=self._settings.queues)
        )

    def _register(self) -> Registered:
        registered = self._site.register(
            Registration(
                name=self._settings.name,
                queues=self._settings.queues,
                capabilities=capabilities(self._place.strength),
                version=_version(),
            )
        )
        log.info("worker_registered", queues=self._settings.queues, sandbox=self._place.strength)
        return registered

    def _work_or_rest(self, claim: Claim | None) -> None:
        if claim is None:
            poll_s = self._registered.poll_s if self._registered else 1.0
            if self._warm is not None:
                self._warm.tend()
            # Not all workers at the same moment.
            self._rest(poll_s * random.uniform(0.8, 1.2))
            return
        log.info("job_claimed", job_id=claim.job_id, attempt=claim.attempt)
        try:
            Attempt(self._place, claim, self._stopping, self._warm).run()
        except Exception:
            # The outer boundary of a run: one broken attempt must not end the worker. Its lease
            # ends by itself, and the site counts how often that happened.
            log.exception("attempt_broke", job_id=claim.job_id, attempt=claim.attempt)

    def _rest(self, seconds: float) -> None:
        self._wake.wait(seconds)


def _warm_engine(place: Workplace) -> WarmEngine | None:
    """Return what keeps the engine warm; None where that is not wanted, or another one runs."""
    settings = place.settings
    if not settings.warm_minutes or place.engine != ENGINE:
        return None
    folder = settings.directory / "warm"
    return WarmEngine(folder, 60.0 * settings.warm_minutes, place.strength, settings.sandbox)


def _advice(error: SiteError) -> str:
    status = error.status if isinstance(error, RefusedError) else 0
    if status in {401, 403}:
        return "TUNINGFORK_WORKER_KEY must be the worker key of the site."
    if status == 409:  # noqa: PLR2004 - conflict
        return "Install the same version of the worker as of the site."
    return "The worker registers again."


def _version() -> str:
    try:
        return version("tuningfork")
    except PackageNotFoundError:
        return "source"


@contextlib.contextmanager
def own_directory(directory: Path) -> Iterator[None]:
    """Hold a worker's directory for this process alone and clear what a killed one left.

    Raises:
        SettingsError: another worker uses it.
    """
    (directory / "jobs").mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SettingsError(
                f"Another worker uses {directory}: give each its own TUNINGFORK_WORKER_DIR."
            ) from error
        for leftover in (directory / "jobs").iterdir():
            shutil.rmtree(leftover, ignore_errors=True)
        yield


def configure_logging(settings: WorkerSettings) -> None:
    """Send log lines to standard error, without credentials."""
    as_json = os.environ.get("TUNINGFORK_LOG_FORMAT") == "json"
    level = logging.getLevelName(os.environ.get("TUNINGFORK_LOG_LEVEL", "info").upper())
    renderer = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            RedactingProcessor([settings.key, settings.broker_url]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            level if isinstance(level, int) else logging.INFO
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def serve() -> int:
    """Run a worker until it is told to stop; return the exit status, 2 for unusable settings."""
    try:
        settings = read_settings()
        configure_logging(settings)
        with own_directory(settings.directory):
            strength = sandbox.choose(settings.sandbox)
            _serve(Worker(Workplace(settings, strength)), settings, strength)
    except (SettingsError, sandbox.SandboxError) as error:
        sys.stderr.write(f"The worker cannot start. {error}\n")
        return 2
    return 0


def _serve(worker: Worker, settings: WorkerSettings, strength: Strength) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: worker.stop())
    with contextlib.ExitStack() as stack:
        if wants_predictions(settings):
            stack.enter_context(contextlib.closing(Predictor(settings, strength).start()))
        if settings.broker_url:
            bell = Bell(settings.broker_url, settings.queues, worker.wake)
            stack.enter_context(contextlib.closing(bell.start()))
        worker.run()


if __name__ == "__main__":
    sys.exit(serve())
