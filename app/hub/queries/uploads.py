"""Large files: who may use which, and uploads in parts."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from app.core.clock import now
from app.core.db import AsyncSession
from app.core.storage import Digest
from app.hub.tables import (
    LfsObject,
    Repository,
    RepositoryLfs,
    Upload,
    UploadPart,
)


async def linked_lfs(
    db: AsyncSession, repository_id: int, digests: Collection[str], *, lock: bool = False
) -> dict[str, LfsObject]:
    """Return those large files that this repository may hand out, by hash.

    With `lock` nothing takes the right away before the transaction ends: for commits.
    """
    statement = (
        select(LfsObject)
        .join(RepositoryLfs, RepositoryLfs.sha256 == LfsObject.sha256)
        .where(RepositoryLfs.repository_id == repository_id, LfsObject.sha256.in_(digests))
    )
    if lock:
        statement = statement.with_for_update(read=True, key_share=True)
    return {row.sha256: row for row in await db.scalars(statement)}


async def lfs_objects(db: AsyncSession, digests: Collection[str]) -> dict[str, LfsObject]:
    """Return large files by hash alone, to whoever has proved to know their content."""
    rows = await db.scalars(select(LfsObject).where(LfsObject.sha256.in_(digests)))
    return {row.sha256: row for row in rows}


async def hold_lfs(db: AsyncSession, sha256: str) -> bool:
    """Whether these bytes are there; they stay at least until the transaction ends."""
    statement = select(LfsObject.sha256).where(LfsObject.sha256 == sha256)
    held = await db.scalar(statement.with_for_update(read=True, key_share=True))
    return held is not None


async def repositories_with_lfs(db: AsyncSession, sha256: str, limit: int) -> Sequence[Repository]:
    """Return repositories that hold these bytes, public ones first."""
    statement = (
        select(Repository)
        .join(RepositoryLfs, RepositoryLfs.repository_id == Repository.id)
        .where(RepositoryLfs.sha256 == sha256)
        .order_by(Repository.private, Repository.id)
        .limit(limit)
    )
    return (await db.scalars(statement)).all()


async def add_lfs(db: AsyncSession, stored: Collection[tuple[str | None, Digest]]) -> None:
    """Write down verified bytes, each with its key; None for those that lie in bundles.

    Bytes that are known stay where they are, but count as sent just now.
    """
    moment = now()
    rows = [
        {"sha256": digest.sha256, "size": digest.size, "storage_key": key, "created_at": moment}
        for key, digest in sorted(stored, key=lambda one: one[1].sha256)
    ]
    if rows:
        statement = insert(LfsObject).on_conflict_do_update(
            index_elements=["sha256"], set_={"created_at": moment}
        )
        await db.execute(statement, rows)


async def link_lfs(
    db: AsyncSession, repository_id: int, digests: Collection[str], user_id: int | None
) -> None:
    """Let a repository hand out these large files."""
    if not digests:
        return
    moment = now()
    rows = [
        {
            "repository_id": repository_id,
            "sha256": sha256,
            "user_id": user_id,
            "pushed_at": moment,
        }
        for sha256 in sorted(set(digests))
    ]
    statement = insert(RepositoryLfs).on_conflict_do_update(
        index_elements=["repository_id", "sha256"], set_={"pushed_at": moment}
    )
    await db.execute(statement, rows)


async def upload_by_id(db: AsyncSession, upload_id: str) -> Upload | None:
    """Return an upload."""
    return await db.get(Upload, upload_id)


async def add_upload(db: AsyncSession, upload: Upload) -> None:
    """Write down an upload, unless a request at the same moment did."""
    await db.execute(
        insert(Upload)
        .values(
            id=upload.id,
            user_id=upload.user_id,
            repository_id=upload.repository_id,
            path=upload.path,
            size=upload.size,
            part_size=upload.part_size,
            created_at=now(),
        )
        .on_conflict_do_nothing()
    )


async def uploads_by_id(db: AsyncSession, ids: Collection[str]) -> dict[str, Upload]:
    """Return uploads by id."""
    rows = await db.scalars(select(Upload).where(Upload.id.in_(ids)))
    return {row.id: row for row in rows}


async def upload_parts(db: AsyncSession, upload_id: str) -> Sequence[UploadPart]:
    """Return the parts that have arrived, in order."""
    statement = (
        select(UploadPart).where(UploadPart.upload_id == upload_id).order_by(UploadPart.number)
    )
    return (await db.scalars(statement)).all()


async def set_part(db: AsyncSession, part: Mapping[str, Any]) -> None:
    """Write down a part; sent twice, the later one counts."""
    statement = insert(UploadPart).values(**part)
    await db.execute(
        statement.on_conflict_do_update(
            index_elements=["upload_id", "number"],
            set_={name: part[name] for name in ("sha256", "size", "storage_key")},
        )
    )


async def delete_parts(db: AsyncSession, upload_id: str) -> None:
    """Forget the parts of an upload that is whole."""
    await db.execute(delete(UploadPart).where(UploadPart.upload_id == upload_id))


async def delete_uploads(db: AsyncSession, ids: Collection[str]) -> None:
    """Forget uploads that were committed."""
    await db.execute(delete(Upload).where(Upload.id.in_(ids)))


async def delete_old_uploads(db: AsyncSession, before: datetime) -> list[str]:
    """Forget uploads begun before a moment; return where their parts lie."""
    old = select(Upload.id).where(Upload.created_at < before)
    parts = select(UploadPart.storage_key).where(UploadPart.upload_id.in_(old))
    keys = list((await db.scalars(parts)).all())
    await db.execute(delete(Upload).where(Upload.created_at < before))
    return keys
