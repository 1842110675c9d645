"""One run of an import: its lease, its heartbeat and its end. It may be killed anywhere."""

import asyncio
import contextlib
from typing import Any

import structlog

from app.core import i18n
from app.core.db import Database
from app.core.errors import AppError
from app.core.settings import Settings
from app.core.storage import BlobStore
from app.imports import queries
from app.imports.schemas import ImportState
from app.imports.service.receiving import drop_segments
from app.imports.service.work import LostError, Work
from app.imports.tables import Import

log = structlog.get_logger(__name__)

HEARTBEAT_S = 1.0


class ImportRun:
    """One attempt at one import."""

    def __init__(
        self, settings: Settings, database: Database, storage: BlobStore, job: Import
    ) -> None:
        self._lease_s = settings.lease_s
        self._database = database
        self._storage = storage
        self._job = job
        self._work = Work(settings, database, storage, job)

    async def run(self) -> None:
        """Work until the import has ended or was taken away; a stop of the site puts it back."""
        i18n.set_language(self._job.language)
        task = asyncio.create_task(self._work.run())
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=HEARTBEAT_S)
                if not task.done():
                    await self._beat(task)
            await self._finish(task)
        except asyncio.CancelledError:
            await _stop(task)
            await self._end(ImportState.QUEUED)
            raise
        except LostError:
            log.info("import_lost", import_id=self._job.id, attempt=self._job.attempt)
        finally:
            await _stop(task)

    async def _beat(self, task: "asyncio.Task[None]") -> None:
        async with self._database.transaction() as db:
            wants_cancel = await queries.extend(
                db, self._job.id, self._job.attempt, self._lease_s, self._work.told()
            )
        if wants_cancel is None:
            raise LostError
        if wants_cancel:
            task.cancel()

    async def _finish(self, task: "asyncio.Task[None]") -> None:
        if task.cancelled():
            await self._end(ImportState.CANCELLED)
            return
        error = _first(task.exception())
        if isinstance(error, AppError):
            log.info("import_failed", import_id=self._job.id, code=error.code)
            await self._end(ImportState.FAILED, error=error.message, fix=error.fix)
            return
        if error is not None:
            raise error
        await drop_segments(self._database, self._storage, self._job.id)
        log.info("import_succeeded", import_id=self._job.id)

    async def _end(self, state: ImportState, **told: Any) -> None:
        async with self._database.transaction() as db:
            told = {**self._work.told(), **told}
            await queries.end(db, self._job.id, self._job.attempt, state, told)


def _first(error: BaseException | None) -> BaseException | None:
    """Return what went wrong first, out of the group that tasks side by side raise."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, BaseExceptionGroup, AppError, LostError):
        await task
