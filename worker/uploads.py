"""Brings the files of an attempt to the site: checkpoints while it runs, the result at its end."""

import itertools
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import structlog
from pydantic import BaseModel, ValidationError

from worker.contract.manifest import Manifest
from worker.contract.protocol import ArtifactKind, CheckpointManifest, StoredFile
from worker.job_files import OutsideError, files_below, hold, inside, read_text
from worker.lease import Order
from worker.site_client import AttemptClient, RefusedError, StaleAttemptError, UnreachableError

log = structlog.get_logger(__name__)

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 15.0
_KINDS = {
    "weights": ArtifactKind.WEIGHTS,
    "config": ArtifactKind.CONFIG,
    "card": ArtifactKind.CARD,
    "onnx": ArtifactKind.ONNX,
    "quantized": ArtifactKind.QUANTIZED,
    "explanation": ArtifactKind.EXPLANATION,
}


class Saved(BaseModel):
    """What the engine said when it had saved a checkpoint."""

    path: str
    stage: int
    epoch: int
    step: int = 0


class CheckpointUploader:
    """Uploads checkpoints from a thread of its own; of several that wait only the newest.

    A checkpoint is held by hard links from the moment it is known, because the engine deletes old
    ones. Its manifest is sent last, so a half uploaded checkpoint is never resumed from.
    """

    def __init__(
        self, client: AttemptClient, job_dir: Path, hold_dir: Path, order: Callable[[Order], None]
    ) -> None:
        self._client = client
        self._job_dir = job_dir
        self._hold_dir = hold_dir
        self._order = order
        self._numbers = itertools.count(1)
        self._next: tuple[Saved, Path] | None = None
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._upload_all, name="uploader", daemon=True)

    def start(self) -> "CheckpointUploader":
        """Begin to upload."""
        self._thread.start()
        return self

    def add(self, saved: Saved) -> None:
        """Hold a checkpoint and upload it soon; one that waited for it is given up."""
        # The engine may save the same point twice, so a step is no name for what is held.
        held = self._hold_dir / str(next(self._numbers))
        if not self._hold(saved.path, held):
            log.warning("checkpoint_missing", path=saved.path)
            return
        with self._lock:
            skipped, self._next = self._next, (saved, held)
            self._idle.clear()
        if skipped is not None:
            shutil.rmtree(skipped[1], ignore_errors=True)
        self._wake.set()

    def _hold(self, path: str, held: Path) -> bool:
        try:
            return hold(inside(self._job_dir, path), held)
        except OutsideError:
            return False

    def flush(self, timeout_s: float) -> bool:
        """Wait until every checkpoint is uploaded; False when time ran out."""
        return self._idle.wait(timeout_s)

    def close(self) -> None:
        """Upload no more."""
        self._closed.set()
        self._wake.set()
        self._thread.join(timeout=1.0)

    def _upload_all(self) -> None:
        while not self._closed.is_set():
            with self._lock:
                work, self._next = self._next, None
                if work is None:
                    self._idle.set()
            if work is None:
                self._wake.wait()
                self._wake.clear()
                continue
            try:
                self._upload_with_patience(*work)
            except StaleAttemptError:
                self._order(Order.STALE)
                return
            shutil.rmtree(work[1], ignore_errors=True)

    def _upload_with_patience(self, saved: Saved, held: Path) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._closed.is_set():
            try:
                self._upload(saved, held)
            except UnreachableError as error:
                log.warning("checkpoint_waits", epoch=saved.epoch, reason=str(error))
                if self._next is not None:
                    return  # a newer one is there, and it is worth more
                self._closed.wait(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            except RefusedError as error:
                log.error("checkpoint_refused", epoch=saved.epoch, reason=str(error))  # noqa: TRY400 - the reason is enough
                return
            else:
                return

    def _upload(self, saved: Saved, held: Path) -> None:
        folder = f"checkpoints/{Path(saved.path).name}"
        files = tuple(
            self._client.put_artifact(
                f"{folder}/{file.relative_to(held).as_posix()}", file, ArtifactKind.CHECKPOINT
            )
            for file in files_below(held)
        )
        manifest = CheckpointManifest(
            stage=saved.stage, epoch=saved.epoch, step=saved.step, files=files
        )
        self._client.checkpoint(manifest)
        log.info("checkpoint_stored", stage=saved.stage, epoch=saved.epoch, files=len(files))


def _kinds(folder: Path) -> dict[str, ArtifactKind]:
    """Return what the engine says each file of its result is."""
    try:
        manifest = Manifest.model_validate_json(read_text(folder, "manifest.json"))
    except (OSError, ValidationError):
        return {}
    return {entry.path: _KINDS.get(entry.kind, ArtifactKind.OTHER) for entry in manifest.files}


def upload_result(client: AttemptClient, folder: Path) -> tuple[StoredFile, ...]:
    """Upload every file of a result and return the list; a file stored already is harmless."""
    kinds = _kinds(folder)
    names = {file: file.relative_to(folder).as_posix() for file in files_below(folder)}
    return tuple(
        client.put_artifact(name, file, kinds.get(name, ArtifactKind.OTHER))
        for file, name in names.items()
    )
