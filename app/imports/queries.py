"""Reading and changing imports; every change of a run's is refused once it is not current."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from app.core.batches import batched
from app.core.clock import now
from app.core.db import AsyncSession
from app.imports.schemas import ImportState
from app.imports.tables import Import, ImportFile, ImportSegment

_OPEN = (ImportState.QUEUED, ImportState.RUNNING)
_BATCH = 2000


async def import_by_id(db: AsyncSession, import_id: int) -> Import | None:
    """Return the import as it is in the database now."""
    return await db.get(Import, import_id, populate_existing=True)


async def imports_of(
    db: AsyncSession, user_id: int, before: int | None, limit: int
) -> Sequence[Import]:
    """Return a person's newest imports; `before` is the id of the last one already seen."""
    statement = select(Import).where(Import.user_id == user_id)
    if before is not None:
        statement = statement.where(Import.id < before)
    return (await db.scalars(statement.order_by(Import.id.desc()).limit(limit))).all()


async def num_open(db: AsyncSession, user_id: int) -> int:
    """Return how many imports of a person have not ended."""
    statement = select(func.count()).where(Import.user_id == user_id, Import.state.in_(_OPEN))
    return (await db.scalars(statement)).one()


async def open_twin(db: AsyncSession, wanted: Import) -> Import | None:
    """Return an import into the same repository that has not ended."""
    statement = select(Import).where(
        Import.kind == wanted.kind,
        func.lower(Import.owner_name) == wanted.owner_name.lower(),
        func.lower(Import.name) == wanted.name.lower(),
        Import.state.in_(_OPEN),
    )
    return (await db.scalars(statement.limit(1))).one_or_none()


async def lock_target(db: AsyncSession, wanted: Import) -> None:
    """Let one request at a time start an import into a repository."""
    key = f"imports:{wanted.kind}:{wanted.owner_name}/{wanted.name}".lower()
    await db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))


async def claim(db: AsyncSession, lease_s: float) -> Import | None:
    """Take the oldest import that waits, or whose run fell silent; its attempt grows by one."""
    waiting = (
        select(Import.id)
        .where(
            or_(
                Import.state == ImportState.QUEUED,
                (Import.state == ImportState.RUNNING)
                & (Import.lease_until < func.clock_timestamp()),
            )
        )
        .order_by(Import.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    statement = (
        update(Import)
        .where(Import.id == waiting)
        .values(
            state=ImportState.RUNNING,
            attempt=Import.attempt + 1,
            lease_until=func.clock_timestamp() + timedelta(seconds=lease_s),
        )
        .returning(Import)
        .execution_options(populate_existing=True)
    )
    return (await db.scalars(statement)).one_or_none()


def _held(import_id: int, attempt: int) -> ColumnElement[bool]:
    return (
        (Import.id == import_id)
        & (Import.attempt == attempt)
        & (Import.state == ImportState.RUNNING)
    )


async def extend(
    db: AsyncSession, import_id: int, attempt: int, lease_s: float, told: Mapping[str, Any]
) -> bool | None:
    """Prolong a lease and write progress; whether somebody wants it cancelled, None if lost."""
    statement = (
        update(Import)
        .where(_held(import_id, attempt))
        .values(lease_until=func.clock_timestamp() + timedelta(seconds=lease_s), **told)
        .returning(Import.cancel_requested)
        .execution_options(synchronize_session=False)
    )
    return (await db.scalars(statement)).one_or_none()


async def lock_run(db: AsyncSession, import_id: int, attempt: int) -> Import | None:
    """Return the import, locked until the transaction ends, if this run still holds it."""
    statement = select(Import).where(_held(import_id, attempt)).with_for_update()
    fresh = statement.execution_options(populate_existing=True)
    return (await db.scalars(fresh)).one_or_none()


async def end(
    db: AsyncSession, import_id: int, attempt: int, state: ImportState, told: Mapping[str, Any]
) -> bool:
    """End a run, or put it back into the queue; the token goes with a final state."""
    values: dict[str, Any] = {"state": state, "lease_until": None, "current_path": "", **told}
    if state.is_final:
        values |= {"sealed_token": None, "finished_at": now()}
    statement = (
        update(Import)
        .where(_held(import_id, attempt))
        .values(**values)
        .returning(Import.id)
        .execution_options(synchronize_session=False)
    )
    return (await db.scalars(statement)).one_or_none() is not None


async def request_cancel(db: AsyncSession, import_id: int) -> None:
    """End an import that waits; ask the run of another to stop."""
    await db.execute(
        update(Import)
        .where(Import.id == import_id, Import.state == ImportState.QUEUED)
        .values(state=ImportState.CANCELLED, finished_at=now(), sealed_token=None)
    )
    await db.execute(
        update(Import)
        .where(Import.id == import_id, Import.state == ImportState.RUNNING)
        .values(cancel_requested=True)
    )


async def reopen(db: AsyncSession, import_id: int, sealed_token: bytes | None) -> bool:
    """Queue an import that failed or was cancelled; False in any other state."""
    statement = (
        update(Import)
        .where(
            Import.id == import_id,
            Import.state.in_((ImportState.FAILED, ImportState.CANCELLED)),
        )
        .values(
            state=ImportState.QUEUED,
            cancel_requested=False,
            sealed_token=sealed_token,
            error=None,
            fix=None,
            finished_at=None,
        )
        .returning(Import.id)
    )
    return (await db.scalars(statement)).one_or_none() is not None


async def add_files(db: AsyncSession, import_id: int, files: Sequence[Mapping[str, Any]]) -> None:
    """Write down the files of the pinned commit."""
    for batch in batched(files, _BATCH):
        rows = [{"import_id": import_id, "is_done": False, **file} for file in batch]
        await db.execute(insert(ImportFile).on_conflict_do_nothing(), rows)


async def files_of(db: AsyncSession, import_id: int) -> Sequence[ImportFile]:
    """Return every file, by path."""
    statement = select(ImportFile).where(ImportFile.import_id == import_id)
    return (await db.scalars(statement.order_by(ImportFile.path))).all()


async def mark_done(
    db: AsyncSession, import_id: int, paths: Collection[str], sha256: str | None = None
) -> None:
    """Note that these files are here; `sha256` of one that is kept outside git."""
    told: dict[str, Any] = {"is_done": True} | ({"sha256": sha256} if sha256 else {})
    await db.execute(
        update(ImportFile)
        .where(ImportFile.import_id == import_id, ImportFile.path.in_(paths))
        .values(**told)
        .execution_options(synchronize_session=False)
    )


async def segments_of(
    db: AsyncSession, import_id: int, path: str | None = None
) -> Sequence[ImportSegment]:
    """Return the parts that have arrived, of one file or of all, in order."""
    statement = select(ImportSegment).where(ImportSegment.import_id == import_id)
    if path is not None:
        statement = statement.where(ImportSegment.path == path)
    ordered = statement.order_by(ImportSegment.path, ImportSegment.number)
    return (await db.scalars(ordered)).all()


async def drop_segments(db: AsyncSession, import_id: int, path: str | None = None) -> None:
    """Forget the parts of one file, or of all."""
    statement = delete(ImportSegment).where(ImportSegment.import_id == import_id)
    if path is not None:
        statement = statement.where(ImportSegment.path == path)
    await db.execute(statement)


async def abandoned(db: AsyncSession, older_than: timedelta) -> Sequence[int]:
    """Return imports that ended long ago without success and still keep parts of files."""
    statement = (
        select(Import.id)
        .join(ImportSegment, ImportSegment.import_id == Import.id)
        .where(
            Import.state.in_((ImportState.FAILED, ImportState.CANCELLED)),
            Import.finished_at < now() - older_than,
        )
        .distinct()
        .limit(100)
    )
    return (await db.scalars(statement)).all()


async def last_import_of(db: AsyncSession, repository_id: int) -> Import | None:
    """Return the import that last brought something into a repository."""
    statement = (
        select(Import)
        .where(Import.repository_id == repository_id, Import.state == ImportState.SUCCEEDED)
        .order_by(Import.id.desc())
        .limit(1)
    )
    return (await db.scalars(statement)).one_or_none()


async def delete_imports_of(db: AsyncSession, user_id: int) -> None:
    """Forget what a person has imported, and from where; what came of it stays."""
    await db.execute(delete(Import).where(Import.user_id == user_id))
