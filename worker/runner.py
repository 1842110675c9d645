"""Runs one attempt from its claim to the last word about it."""

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar, cast

import structlog
from pydantic import JsonValue, ValidationError

from worker import sandbox
from worker.contract.attempt import CACHE_FOLDER, EVENTS_FILE, JOB_FILE, RESULT_FOLDER, AttemptJob
from worker.contract.failures import Failure, FailureCode
from worker.contract.feature_shelf import FEATURES_FOLDER, FeatureShelf
from worker.contract.protocol import ArtifactKind, Claim, Fail, Finish, Release
from worker.contract.work import read_work
from worker.hub_client import FetchRequest
from worker.lease import Lease, Order
from worker.processes import Ended, Limits, Watch, is_disk_low, is_full
from worker.redaction import redact
from worker.reporting import Event, Reporter
from worker.sandbox import Child, Job, Strength
from worker.settings import WorkerSettings, find_gpus
from worker.site_client import (
    AttemptClient,
    RefusedError,
    SiteError,
    StaleAttemptError,
    UnreachableError,
    is_loopback,
)
from worker.uploads import CheckpointUploader, Saved, upload_result
from worker.verdict import (
    Abandoned,
    Cancelled,
    Failed,
    Released,
    Succeeded,
    Verdict,
    judge,
    log_tail,
    stopped_early,
)
from worker.warm_engine import WarmEngine

log = structlog.get_logger(__name__)

T = TypeVar("T")
_FETCH_TRIES = 4
_PATIENCE_S = 15 * 60.0
_SHORT_PATIENCE_S = 3.0
_RELEASE_PATIENCE_S = 5.0
_LONGEST_PAUSE_S = 15.0
_LONGEST_LOG = 1024 * 1024
# Events that bring a job nearer to its end, and where they say how many such steps are done.
_STEPS_DONE = {"EpochFinished": "epoch", "CandidateMeasured": "done"}


ENGINE = (sys.executable, "-m", "worker", "run-attempt")


@dataclass(frozen=True)
class Workplace:
    """What every attempt of this worker shares. `engine` gets `--job FOLDER` appended."""

    settings: WorkerSettings
    strength: Strength
    engine: Sequence[str] = ENGINE


class Attempt:
    """One execution of a job. `run` does everything; the rest is how."""

    def __init__(
        self,
        place: Workplace,
        claim: Claim,
        stopping: threading.Event,
        warm: WarmEngine | None = None,
    ) -> None:
        self._place = place
        self._warm = warm
        self._claim = claim
        self._stopping = stopping
        self._folder = place.settings.directory / "jobs" / f"{claim.job_id}-{claim.attempt}"
        self._job_dir = self._folder / "job"
        self._input = self._folder / "input"
        self._output = self._folder / "output.log"
        settings = place.settings
        self._shelf = FeatureShelf(settings.directory / "features", settings.cache_bytes // 2)
        self._done = 0
        self._total = 0
        self._client = AttemptClient(place.settings.url, claim)
        self._lease = Lease(self._client, claim.lease_s, self._progress)
        self._reporter = Reporter(
            self._client, self._job_dir / EVENTS_FILE, self._seen, self._lease.raise_order
        )
        self._uploader = CheckpointUploader(
            self._client, self._job_dir, self._folder / "held", self._lease.raise_order
        )

    def run(self) -> Verdict:
        """Run the attempt and tell the site how it ended; return what was decided."""
        words = structlog.contextvars.bound_contextvars(
            job_id=self._claim.job_id, attempt=self._claim.attempt
        )
        with words, closing(self._client):
            self._prepare_folder()
            with (
                closing(self._lease.start()),
                closing(self._reporter.start()),
                closing(self._uploader.start()),
            ):
                verdict = self._conclude(self._work())
            shutil.rmtree(self._folder, ignore_errors=True)
            log.info("attempt_ended", verdict=type(verdict).__name__)
        return verdict

    def _prepare_folder(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        for folder in (self._job_dir / "out", self._input):
            folder.mkdir(parents=True)
        self._shelf.folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)

    def _work(self) -> Verdict:
        try:
            if is_disk_low(self._folder):
                return Failed(Failure.of(FailureCode.DISK_FULL))
            return self._fetch() or self._train()
        except OSError as error:
            if not is_full(error):
                raise
            return Failed(Failure.of(FailureCode.DISK_FULL))

    def _order(self) -> Order:
        stop = Order.STOP if self._stopping.is_set() else Order.GO_ON
        return max(self._lease.order, stop)

    def _progress(self) -> float | None:
        return min(1.0, self._done / self._total) if self._total else None

    def _seen(self, event: Event) -> None:
        kind = event.get("kind")
        if kind == "RunStarted" and isinstance(total := event.get("total_epochs"), int):
            self._total = total
        elif kind in _STEPS_DONE and isinstance(done := event.get(_STEPS_DONE[str(kind)]), int):
            self._done = done
        elif kind == "CheckpointSaved":
            try:
                self._uploader.add(Saved.model_validate(event))
            except ValidationError:
                log.warning("checkpoint_unreadable")

    # -- fetching ------------------------------------------------------------------------------

    def _fetch(self) -> Verdict | None:
        """Bring base, data and checkpoint here; None when all is there."""
        names = [f"{pin.repo}@{pin.commit[:7]}" for pin in self._claim.repositories]
        if self._claim.resume is not None:
            names.append(f"the checkpoint of epoch {self._claim.resume.epoch}")
        if not names:
            return None
        self._reporter.say(f"Fetching {', '.join(names)}.")
        for number in range(1, _FETCH_TRIES + 1):
            ended = self._watch(self._start_fetch(), deadline=None)
            if ended.order is not Order.GO_ON:
                return stopped_early(ended.order)
            if ended.status == 0:
                self._reporter.say(f"Fetched in {ended.seconds:.0f} s; the engine starts.")
                return None
            verdict = judge(ended, self._input, self._output)
            again = isinstance(verdict, Failed) and verdict.failure.code is FailureCode.INTERNAL
            if not again:
                return verdict
            log.warning("fetch_failed", number=number, tail=log_tail(self._output)[-1:])
            if (order := self._wait(2.0**number)) is not Order.GO_ON:
                return stopped_early(order)
        tail = log_tail(self._output)
        return Failed(Failure.of(FailureCode.HUB_UNREACHABLE, tail[-1] if tail else "", tail))

    def _start_fetch(self) -> subprocess.Popen[bytes]:
        settings = self._place.settings
        request = FetchRequest(
            url=settings.url,
            token=self._claim.token,
            cache=settings.directory / "hub",
            cache_bytes=settings.cache_bytes,
            output=self._input,
            repositories=self._claim.repositories,
            checkpoint=self._claim.resume.files if self._claim.resume else (),
        )
        request.cache.mkdir(parents=True, exist_ok=True)
        job = Job(
            argv=(sys.executable, "-m", "worker.hub_client"),
            writable=(self._input,),
            environment=_hub_environment(settings, self._code()),
        )
        with self._output.open("wb") as output:
            child = sandbox.start(job, "limits", output, stdin=subprocess.PIPE)
        _hand_over(child, request.model_dump_json().encode() + b"\n")
        return child

    def _code(self) -> Path:
        return sandbox.code_folder(self._place.settings.directory)

    # -- training ------------------------------------------------------------------------------

    def _train(self) -> Verdict:
        try:
            job = self._attempt_job()
        except ValidationError as error:
            return Failed(Failure.of(FailureCode.INTERNAL, f"The plan cannot be read: {error}"))
        (self._job_dir / JOB_FILE).write_text(job.model_dump_json(), encoding="utf-8")
        minutes = job.plan.resources.max_minutes
        deadline = time.monotonic() + 60 * minutes if minutes else None
        ended = self._watch(self._start_engine(), deadline)
        if ended.status == 0:
            self._shelf.put(self._job_dir / CACHE_FOLDER / FEATURES_FOLDER)
        verdict = judge(ended, self._job_dir, self._output)
        log.info("engine_ended", status=ended.status, seconds=round(ended.seconds, 1))
        return verdict

    def _attempt_job(self) -> AttemptJob:
        roles = ["data", *(pin.role for pin in self._claim.repositories)]
        given = {role: str(self._input / role) for role in roles}
        return AttemptJob(
            plan=read_work(self._claim.plan),
            inputs=given,
            resume_dir=str(self._input / "resume") if self._claim.resume else None,
            shelf_dir=str(self._shelf.folder),
        )

    def _start_engine(self) -> Child:
        code = self._code()
        job = Job(
            argv=(*self._place.engine, "--job", str(self._job_dir)),
            writable=(self._job_dir,),
            readable=(self._input, self._shelf.folder, code),
            environment={"PYTHONPATH": str(code), "HF_HUB_OFFLINE": "1"},
            talks=self._talks(),
        )
        with self._output.open("wb") as output:
            warm = self._warm and self._warm.start(job, self._job_dir, output)
            return warm or sandbox.start(job, self._place.strength, output)

    def _talks(self) -> bool:
        """Whether several processes may share the run: asked for, or with GPUs for them."""
        resources = read_work(self._claim.plan).resources
        several = resources.least_processes > 1
        return several or (resources.may_be_shared and len(find_gpus()) > 1)

    def _watch(self, child: Child, deadline: float | None) -> Ended:
        limits = Limits(
            memory_bytes=self._place.settings.memory_bytes,
            deadline=deadline,
            folder=self._folder,
            lease_grace_s=self._lease.lease_s / 6,
        )
        try:
            return Watch(child, limits, self._order, self._keep_warm).wait()
        finally:
            if child.poll() is None:
                sandbox.kill(child)

    def _keep_warm(self) -> None:
        if self._warm is not None:
            self._warm.tend(is_busy=True)

    def _wait(self, seconds: float) -> Order:
        """Wait unless something else is to be done; return what."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if (order := self._order()) is not Order.GO_ON:
                return order
            self._stopping.wait(0.1)
        return self._order()

    # -- the last word -------------------------------------------------------------------------

    def _conclude(self, verdict: Verdict) -> Verdict:
        """Send what is left and then the verdict; an attempt that became stale says nothing."""
        if isinstance(verdict, Abandoned):
            log.warning("attempt_abandoned", reason=verdict.reason)
            self._reporter.flush(_SHORT_PATIENCE_S)
            return verdict
        try:
            return self._tell(verdict)
        except StaleAttemptError as error:
            return Abandoned(str(error))
        except SiteError as error:
            log.exception("verdict_undelivered", verdict=type(verdict).__name__)
            return Abandoned(str(error))

    def _tell(self, verdict: Verdict) -> Verdict:
        if isinstance(verdict, Cancelled):
            self._reporter.flush(_SHORT_PATIENCE_S / 2)
            self._insist(self._client.cancelled, _PATIENCE_S)
        elif isinstance(verdict, Released):
            self._tell_release(verdict)
        elif isinstance(verdict, Failed):
            self._tell_failure(verdict.failure)
        elif isinstance(verdict, Succeeded):
            return self._tell_success(verdict.result)
        return verdict

    def _tell_release(self, verdict: Released) -> None:
        self._uploader.flush(_RELEASE_PATIENCE_S)
        self._reporter.flush(_SHORT_PATIENCE_S)
        reason = "lease_at_risk" if verdict.lease_at_risk else "deploy"
        release = Release.model_validate({"reason": reason})
        self._insist(lambda: self._client.release(release), _RELEASE_PATIENCE_S)

    def _tell_failure(self, failure: Failure) -> None:
        self._uploader.flush(_PATIENCE_S if self._can_wait() else _SHORT_PATIENCE_S)
        self._reporter.flush(_PATIENCE_S if self._can_wait() else _SHORT_PATIENCE_S)
        self._send_log()
        body = Fail(failure=failure.model_dump(mode="json"))
        self._insist(lambda: self._client.fail(body), _PATIENCE_S)

    def _tell_success(self, result: dict[str, JsonValue]) -> Verdict:
        folder = self._job_dir / RESULT_FOLDER
        self._reporter.flush(_PATIENCE_S)
        try:
            stored = self._insist(lambda: upload_result(self._client, folder), _PATIENCE_S)
            finish = Finish(result=result, artifacts=stored)
            self._insist(lambda: self._client.finish(finish), _PATIENCE_S)
        except RefusedError as error:
            failure = Failure.of(FailureCode.INTERNAL, f"The site refused the result: {error}")
            self._tell_failure(failure)
            return Failed(failure)
        return Succeeded(result)

    def _can_wait(self) -> bool:
        return not self._stopping.is_set()

    def _send_log(self) -> None:
        """Keep what the process printed; a log that cannot be stored stops nothing."""
        text = self._output.read_bytes()[-_LONGEST_LOG:] if self._output.exists() else b""
        if not text.strip():
            return
        clean = self._folder / "log.txt"
        clean.write_text(redact(text.decode("utf-8", errors="replace")), encoding="utf-8")
        try:
            self._client.put_artifact("log.txt", clean, ArtifactKind.LOG)
        except StaleAttemptError:
            raise
        except SiteError as error:
            log.warning("log_not_stored", reason=str(error))

    def _insist(self, call: Callable[[], T], patience_s: float) -> T:
        """Repeat a call until the site answers it, for `patience_s` seconds at most."""
        give_up_at = time.monotonic() + patience_s
        pause_s = 0.5
        while True:
            try:
                return call()
            except UnreachableError as error:
                if self._lease.order is Order.STALE or time.monotonic() + pause_s > give_up_at:
                    raise
                log.warning("site_unreachable", reason=str(error), again_in_s=round(pause_s, 1))
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


def _hand_over(child: subprocess.Popen[bytes], request: bytes) -> None:
    """Give a child its request; one that ended already says so by its exit status."""
    with contextlib.suppress(BrokenPipeError), closing(cast("IO[bytes]", child.stdin)) as stdin:
        stdin.write(request)


def _hub_environment(settings: WorkerSettings, code: Path) -> dict[str, str]:
    env = {
        "PYTHONPATH": str(code),
        "HF_HOME": str(settings.directory / "hub-home"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DOWNLOAD_TIMEOUT": "60",
    }
    if not is_loopback(settings.url):
        names = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
        for name in (*names, *(name.lower() for name in names)):
            if name in os.environ:
                env[name] = os.environ[name]
    return env
