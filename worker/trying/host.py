"""The worker's end of trying models: waits for requests, fetches models, asks the process.

All of it happens in one thread, which lives as long as the worker: the kernel kills the process
when the thread that started it ends. A training run goes on beside it.
"""

import hashlib
import json
import shutil
import socket
import sys
import threading
import time
from pathlib import Path

import structlog

from worker import sandbox
from worker.contract.predictions import (
    PREDICT_QUEUE,
    PredictionAnswer,
    PredictionClaim,
    PredictionClaimRequest,
    Problem,
    ProblemCode,
)
from worker.sandbox import Job, Strength
from worker.settings import WorkerSettings
from worker.site_client import PredictionClient, RefusedError, SiteError
from worker.trying import wire as wires

log = structlog.get_logger(__name__)

_START_S = 90.0
_IDLE_S = 15 * 60.0
_PAUSE_S = 5.0
_MEMORY_BYTES = 4 * 1024**3
_DISK_FACTOR = 2


class _NoAnswerError(Exception):
    """The process said nothing in time, or is gone."""


class _Process:
    """The process that holds opened models, behind the fences of an attempt."""

    def __init__(self, folder: Path, models: Path, strength: Strength, limit_bytes: int) -> None:
        scratch = folder / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        code = sandbox.code_folder(folder)
        self._wire, theirs = socket.socketpair()
        job = Job(
            argv=(sys.executable, "-m", "worker.trying.child", json.dumps(limit_bytes)),
            writable=(scratch,),
            readable=(models, code),
            environment={"PYTHONPATH": str(code), "HF_HUB_OFFLINE": "1"},
            # A config.json can ask for a network of any size.
            max_data_bytes=_MEMORY_BYTES + 2 * limit_bytes,
        )
        with theirs, (folder / "output.log").open("wb") as output:
            self._child = sandbox.start(job, strength, output, stdin=theirs.fileno())
        self.asked_at = time.monotonic()
        self._heard(_START_S)
        log.info("predictor_started", seconds=round(time.monotonic() - self.asked_at, 1))

    def ask(self, message: bytes, timeout_s: float) -> PredictionAnswer:
        """Return the answer to one question.

        Raises:
            _NoAnswerError: it takes too long, or the process has ended.
        """
        self.asked_at = time.monotonic()
        try:
            wires.send(self._wire, message)
        except OSError as error:
            raise _NoAnswerError from error
        return PredictionAnswer.model_validate_json(self._heard(timeout_s))

    def _heard(self, timeout_s: float) -> bytes:
        self._wire.settimeout(max(0.1, timeout_s))
        try:
            message = wires.receive(self._wire)
        except OSError as error:
            raise _NoAnswerError from error
        if message is None:
            raise _NoAnswerError
        return message

    @property
    def is_usable(self) -> bool:
        """Whether it lives and is not too large."""
        if self._child.poll() is not None:
            return False
        return sandbox.resident_bytes(self._child.pid) < _MEMORY_BYTES

    def close(self) -> None:
        self._wire.close()
        sandbox.kill(self._child)


class Models:
    """The files of models that were fetched, each at one commit; the oldest ones go first."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder = folder
        self._limit = limit_bytes
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    def fetched(self, claim: PredictionClaim, client: PredictionClient) -> Path:
        """Return the folder of a model, fetching what is not there.

        Raises:
            SiteError: the site does not give a file.
        """
        names = "\n".join(f"{file.path} {file.digest}" for file in claim.files)
        key = hashlib.sha256(f"{claim.repo}\n{names}".encode()).hexdigest()[:32]
        place = self.folder / key
        if not place.is_dir():
            self._make_room(sum(file.size for file in claim.files))
            aside = self.folder / f"{key}.partial"
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir()
            for file in claim.files:
                client.fetch(claim.id, file.path, aside / file.path)
            aside.rename(place)
        place.touch()
        return place

    def _make_room(self, size: int) -> None:
        places = sorted(self.folder.iterdir(), key=lambda place: place.stat().st_mtime)
        sizes = {place: sum(f.stat().st_size for f in place.iterdir()) for place in places}
        for place in places:
            if sum(sizes.values()) + size <= self._limit:
                return
            del sizes[place]
            shutil.rmtree(place, ignore_errors=True)


class Predictor:
    """Answers what people try, until closed."""

    def __init__(self, settings: WorkerSettings, strength: Strength, wait_s: float = 20.0) -> None:
        self._wait_s = wait_s
        self._settings = settings
        self._strength = strength
        self._folder = settings.directory / "predict"
        self._client = PredictionClient(settings.url, settings.key)
        self._models = Models(self._folder / "models", _DISK_FACTOR * settings.predict_bytes)
        self._process: _Process | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="predictor", daemon=True)

    def start(self) -> "Predictor":
        """Begin to wait for requests."""
        self._thread.start()
        return self

    def close(self, patience_s: float = 0.1) -> None:
        """Stop; whoever waits for an answer is told so by the site in time.

        A thread that waits for the site's answer is left behind after `patience_s` seconds: it ends
        with the worker, and the process that holds models with it.
        """
        self._closing.set()
        self._thread.join(patience_s)
        if not self._thread.is_alive():
            self._client.close()

    def _work(self) -> None:
        while not self._closing.is_set():
            try:
                self._wait_and_answer()
            except SiteError as error:
                if not self._closing.is_set():
                    log.info("predictions_not_asked", reason=str(error))
                    self._closing.wait(_PAUSE_S)
        self._let_go()

    def _wait_and_answer(self) -> None:
        request = PredictionClaimRequest(worker=self._settings.name, wait_s=self._wait_s)
        claim = self._client.claim(request)
        if claim is None:
            if self._process and time.monotonic() - self._process.asked_at > _IDLE_S:
                self._let_go()
            return
        until = time.monotonic() + claim.seconds
        answer = self._answer(claim, until)
        try:
            self._client.answer(claim.id, answer)
        except RefusedError as error:
            log.info("prediction_not_wanted", id=claim.id, reason=str(error))

    def _answer(self, claim: PredictionClaim, until: float) -> PredictionAnswer:
        weights = sum(file.size for file in claim.files)
        if weights > self._settings.predict_bytes:
            return _problem("model_too_large", f"{weights} bytes")
        try:
            folder = self._models.fetched(claim, self._client)
            question = {"folder": str(folder), "task": claim.task}
            given = claim.given.model_dump(mode="json")
            message = json.dumps({**question, "given": given}).encode()
            return self._ready().ask(message, until - time.monotonic())
        except _NoAnswerError:
            self._let_go()
            return _problem("too_slow", "")
        except (RefusedError, OSError) as error:
            return _problem("model_unusable", str(error))

    def _ready(self) -> _Process:
        if self._process is not None and not self._process.is_usable:
            self._let_go()
        if self._process is None:
            self._process = _Process(
                self._folder, self._models.folder, self._strength, self._settings.predict_bytes
            )
        return self._process

    def _let_go(self) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None


def _problem(code: ProblemCode, detail: str) -> PredictionAnswer:
    return PredictionAnswer(problem=Problem(code=code, detail=detail))


def wants_predictions(settings: WorkerSettings) -> bool:
    """Whether this worker lets models be tried."""
    return PREDICT_QUEUE in settings.queues
