"""Files of attempts: the bytes lie in the blob store by their sha256, rows say whose they are."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from app.core.db import AsyncSession, Database
from app.core.errors import InvalidError, NotFoundError
from app.core.i18n import _
from app.core.storage import BlobStore, content_key
from app.jobs.queries import history
from app.jobs.queries import jobs as job_queries
from app.jobs.service import attempts
from app.jobs.tables import Artifact, Job
from app.jobs.tokens import AttemptRef
from worker.contract.protocol import ArtifactKind, StoredFile

# The hub keeps large files under the same keys, so publishing copies no bytes.
STORE_PREFIX = "lfs"
MAX_FILE_BYTES = 50 * 10**9


@dataclass(frozen=True)
class Announced:
    """What a worker says about a file before it sends the bytes."""

    path: str
    kind: ArtifactKind
    sha256: str


def storage_key(sha256: str) -> str:
    """Return where the bytes of an artifact lie."""
    return content_key(STORE_PREFIX, sha256)


async def receive(
    database: Database,
    storage: BlobStore,
    ref: AttemptRef,
    announced: Announced,
    chunks: AsyncIterator[bytes],
) -> StoredFile:
    """Store a file of an attempt; no transaction is open while the bytes arrive.

    Raises:
        ConflictError: the attempt is stale, before or after the upload.
        InvalidError: the bytes do not have the announced sha256; nothing was stored.
        TooLargeError: more bytes than allowed.
    """
    async with database.transaction() as db:
        if await job_queries.attempt_holder(db, ref) is None:
            raise attempts.stale()
    writer = await storage.writer()
    try:
        async for chunk in chunks:
            await writer.write(chunk)
            if writer.size > MAX_FILE_BYTES:
                raise InvalidError(_("This file is too large."), code="too_large")
        received = await writer.finish()
        if received.sha256 != announced.sha256:
            raise InvalidError(
                _("The bytes received do not have the announced sha256."),
                fix=_("Send the file again; it was damaged or changed on the way."),
                code="digest_mismatch",
            )
        await writer.promote(storage_key(received.sha256))
    finally:
        await writer.discard()
    stored = StoredFile(
        path=announced.path, sha256=received.sha256, size=received.size, kind=announced.kind
    )
    async with database.transaction() as db:
        await attempts.save_artifact(db, ref, stored)
    return stored


async def artifact_for_attempt(db: AsyncSession, ref: AttemptRef, path: str) -> Artifact:
    """Return a file that this or an earlier attempt of the job stored.

    Raises:
        ConflictError: the attempt is stale.
        NotFoundError: no attempt stored such a file.
    """
    if await job_queries.attempt_holder(db, ref) is None:
        raise attempts.stale()
    return await _artifact(db, ref.job_id, path)


async def artifact_of(db: AsyncSession, job: Job, path: str) -> Artifact:
    """Return the newest file called `path` that a job left.

    Raises:
        NotFoundError: there is none.
    """
    return await _artifact(db, job.id, path)


async def _artifact(db: AsyncSession, job_id: int, path: str) -> Artifact:
    artifact = await history.artifact_at(db, job_id, path)
    if artifact is None:
        raise NotFoundError(_("This job left no such file."))
    return artifact


async def artifacts_of(db: AsyncSession, job: Job) -> Sequence[Artifact]:
    """Return the newest file of every path, sorted."""
    return await history.artifacts_of(db, job.id)
