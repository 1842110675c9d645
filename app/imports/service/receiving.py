"""Taking over files from another hub: verified, and where a run left off."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from app.core.db import Database
from app.core.errors import AppError, InvalidError, TooLargeError
from app.core.i18n import _
from app.core.safe_fetch import OutboundError
from app.core.security import Viewer
from app.core.storage import BlobStore, BlobWriter, Digest
from app.hub import service as hub
from app.hub.schemas import MAX_REGULAR_BYTES
from app.hub.service import Repository
from app.imports import queries
from app.imports.service.upstream import Remote, RemoteFile, is_lasting
from app.imports.tables import ImportSegment

SEGMENT_BYTES = 32 << 20
TRIES = 4
FIRST_WAIT_S = 0.5


@dataclass
class Progress:
    """How far a run is; written down with every heartbeat."""

    files_done: int = 0
    bytes_done: int = 0
    current_path: str = ""


@dataclass
class Receiver:
    """Takes over the files of one import."""

    database: Database
    storage: BlobStore
    viewer: Viewer
    repository: Repository
    remote: Remote
    import_id: int
    commit: str
    max_bytes: int
    progress: Progress = field(default_factory=Progress)

    async def small(self, files: Sequence[RemoteFile]) -> None:
        """Take over files that git itself keeps, all at the same time.

        Raises:
            AppError: one could not be had, or its bytes are not those that were announced.
        """
        self.progress.current_path = files[0].path
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._small(file)) for file in files]
        async with self.database.transaction() as db:
            await hub.stage_blobs(db, self.storage, [task.result() for task in tasks])
            await queries.mark_done(db, self.import_id, [file.path for file in files])
        self._count(files)

    async def _small(self, file: RemoteFile) -> bytes:
        for left in reversed(range(TRIES)):
            content = bytearray()
            try:
                reading = await self.remote.read(self.commit, file)
                async with reading.open() as parts:
                    async for part in parts:
                        content += part
                        if len(content) > file.size:
                            raise _damaged(file)
            except AppError as error:
                if is_lasting(error) or not left:
                    raise
                await asyncio.sleep(FIRST_WAIT_S * 2 ** (TRIES - 1 - left))
                continue
            if hub.blob_id(bytes(content)) != file.oid:
                raise _damaged(file)
            return bytes(content)
        raise _damaged(file)

    async def large(self, file: RemoteFile) -> None:
        """Take over a file that is kept by its hash; what has arrived of it is not asked for again.

        Raises:
            AppError: it could not be had, or its bytes are not those that were announced.
        """
        self.progress.current_path = file.path
        if file.size > self.max_bytes:
            raise TooLargeError(
                _("%(path)s is larger than this site accepts.") % {"path": file.path}
            )
        if await self._is_here(file):
            self._count([file])
            return
        before = self.progress.bytes_done
        await self._fetch(file, before)
        received = await self._compose(file)
        async with self.database.transaction() as db:
            await hub.link_received(db, self.repository, self.viewer.user_id, [received])
            await queries.mark_done(db, self.import_id, [file.path], received[1].sha256)
        await self._drop(file)
        self.progress.bytes_done = before
        self._count([file])

    async def _is_here(self, file: RemoteFile) -> bool:
        """Whether the site holds these bytes and the person may read them; then they are linked."""
        if file.sha256 is None:
            return False
        async with self.database.transaction() as db:
            if not await hub.link_readable(db, self.viewer, self.repository, file.sha256):
                return False
            await queries.mark_done(db, self.import_id, [file.path])
        return True

    async def _fetch(self, file: RemoteFile, before: int) -> None:
        """Bring every segment of a file here; a broken connection goes on where it broke."""
        failures = 0
        while (have := await self._have(file)) < file.size:
            self.progress.bytes_done = before + have
            try:
                await self._stream(file, have)
            except AppError as error:
                failures = 1 if await self._have(file) > have else failures + 1
                if is_lasting(error) or failures >= TRIES:
                    raise
                await asyncio.sleep(FIRST_WAIT_S * 2 ** (failures - 1))

    async def _have(self, file: RemoteFile) -> int:
        async with self.database.transaction() as db:
            return sum(s.size for s in await queries.segments_of(db, self.import_id, file.path))

    async def _stream(self, file: RemoteFile, start: int) -> None:
        reading = await self.remote.read(self.commit, file, start)
        async with reading.open() as parts:
            if reading.restarts:
                await self._drop(file)
                start = 0
            taken = await self._segments(file, parts)
        if start + taken < file.size:
            raise OutboundError(_("The other hub ended the connection too early."))

    async def _segments(self, file: RemoteFile, parts: AsyncIterator[bytes]) -> int:
        """Store the bytes in segments; the last one is kept even if the connection breaks."""
        taken = 0
        writer = await self.storage.writer()
        try:
            async for part in parts:
                await writer.write(part)
                taken += len(part)
                self.progress.bytes_done += len(part)
                if writer.size >= SEGMENT_BYTES:
                    await self._keep(file, writer)
                    writer = await self.storage.writer()
        finally:
            await self._keep(file, writer)
        return taken

    async def _keep(self, file: RemoteFile, writer: BlobWriter) -> None:
        try:
            digest = await writer.finish()
            if digest.size == 0:
                return
            key = f"imports/{self.import_id}/{secrets.token_hex(16)}"
            await writer.promote(key)
            async with self.database.transaction() as db:
                known = await queries.segments_of(db, self.import_id, file.path)
                db.add(
                    ImportSegment(
                        import_id=self.import_id,
                        path=file.path,
                        number=len(known) + 1,
                        size=digest.size,
                        storage_key=key,
                    )
                )
        finally:
            await writer.discard()

    async def _compose(self, file: RemoteFile) -> tuple[str, Digest]:
        """Store the whole file under its hash.

        Raises:
            InvalidError: the bytes are not those that were announced; they are thrown away.
        """
        expected = Digest(file.sha256, file.size) if file.sha256 else None
        git = hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)
        try:
            received = await hub.receive_bytes(
                self.storage, self._joined(file, git), expected, file.size
            )
        except (InvalidError, TooLargeError) as error:
            await self._drop(file)
            raise _damaged(file) from error
        if expected is None and git.hexdigest() != file.oid:
            await self._drop(file)
            raise _damaged(file)
        return received

    async def _joined(self, file: RemoteFile, git: "hashlib._Hash") -> AsyncIterator[bytes]:
        async with self.database.transaction() as db:
            segments = await queries.segments_of(db, self.import_id, file.path)
        for segment in segments:
            async for block in self.storage.read(segment.storage_key):
                git.update(block)
                yield block

    async def _drop(self, file: RemoteFile) -> None:
        await drop_segments(self.database, self.storage, self.import_id, file.path)

    def _count(self, files: Sequence[RemoteFile]) -> None:
        self.progress.files_done += len(files)
        self.progress.bytes_done += sum(file.size for file in files)


def is_small(file: RemoteFile) -> bool:
    """Whether git itself keeps the file."""
    return file.sha256 is None and file.size <= MAX_REGULAR_BYTES


async def drop_segments(
    database: Database, storage: BlobStore, import_id: int, path: str | None = None
) -> None:
    """Throw away what has arrived of unfinished files, of one or of all."""
    async with database.transaction() as db:
        keys = [s.storage_key for s in await queries.segments_of(db, import_id, path)]
        await queries.drop_segments(db, import_id, path)
    for key in keys:
        await storage.delete(key)


def _damaged(file: RemoteFile) -> InvalidError:
    return InvalidError(
        _("The bytes of %(path)s are not those that the other hub announced.")
        % {"path": file.path},
        fix=_("Try again; if it stays, the file is damaged there."),
        code="digest_mismatch",
    )
