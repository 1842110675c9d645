"""The large files of a repository, where they are used, and the history that leads to them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, tuple_, update
from sqlalchemy.dialects.postgresql import distinct_on

from app.core.batches import batched
from app.core.db import AsyncSession
from app.hub.tables import Blob, Commit, LfsObject, PathHead, Ref, RepositoryLfs

_BATCH = 2000
_MAIN = "refs/heads/main"


@dataclass(frozen=True)
class StoredObject:
    """Large bytes that a repository holds, and when they came."""

    sha256: str
    size: int
    pushed_at: datetime


async def stored_objects(db: AsyncSession, repository_id: int) -> list[StoredObject]:
    """Return every large file of a repository, the latest first."""
    rows = await db.execute(
        select(LfsObject.sha256, LfsObject.size, RepositoryLfs.pushed_at)
        .join(RepositoryLfs, RepositoryLfs.sha256 == LfsObject.sha256)
        .where(RepositoryLfs.repository_id == repository_id)
        .order_by(RepositoryLfs.pushed_at.desc(), LfsObject.sha256)
    )
    return [StoredObject(sha256, size, at) for sha256, size, at in rows]


async def places(db: AsyncSession, repository_id: int) -> dict[str, tuple[str, str]]:
    """Return one ref and path for each large file at the tip of a branch, `main` before others."""
    rows = await db.execute(
        select(PathHead.lfs_sha256, PathHead.ref, PathHead.path)
        .ext(distinct_on(PathHead.lfs_sha256))
        .where(PathHead.repository_id == repository_id, PathHead.lfs_sha256.is_not(None))
        .order_by(PathHead.lfs_sha256, PathHead.ref != _MAIN, PathHead.ref, PathHead.path)
    )
    return {str(sha256): (ref, path) for sha256, ref, path in rows}


async def pointers_to(db: AsyncSession, digests: Collection[str]) -> dict[str, str]:
    """Return the pointer blobs that stand for these large files, with what they point to."""
    found: dict[str, str] = {}
    for batch in batched(sorted(digests), _BATCH):
        rows = await db.execute(select(Blob.oid, Blob.lfs_sha256).where(Blob.lfs_sha256.in_(batch)))
        found.update((oid, str(sha256)) for oid, sha256 in rows)
    return found


async def all_trees(db: AsyncSession, repository_id: int, limit: int) -> list[str]:
    """Return the trees of a repository's commits, the newest first, at most `limit`."""
    rows = await db.scalars(
        select(Commit.tree)
        .where(Commit.repository_id == repository_id)
        .group_by(Commit.tree)
        .order_by(func.max(Commit.generation).desc())
        .limit(limit)
    )
    return list(rows)


async def all_commits(db: AsyncSession, repository_id: int, limit: int) -> Sequence[Commit]:
    """Return the commits of a repository, parents before children, at most `limit`."""
    rows = await db.scalars(
        select(Commit)
        .where(Commit.repository_id == repository_id)
        .order_by(Commit.generation, Commit.oid)
        .limit(limit)
    )
    return rows.all()


async def lock_refs(db: AsyncSession, repository_id: int) -> Sequence[Ref]:
    """Return every ref and hold it until the transaction ends."""
    statement = select(Ref).where(Ref.repository_id == repository_id).order_by(Ref.name)
    locked = statement.with_for_update().execution_options(populate_existing=True)
    return (await db.scalars(locked)).all()


async def replace_commits(
    db: AsyncSession,
    repository_id: int,
    rows: Sequence[Mapping[str, Any]],
    gone: Collection[str],
) -> None:
    """Put rewritten commits in the place of the old ones."""
    for batch in batched(rows, _BATCH):
        await db.execute(insert(Commit), list(batch))
    for names in batched(sorted(gone), _BATCH):
        await db.execute(
            delete(Commit).where(Commit.repository_id == repository_id, Commit.oid.in_(names))
        )


async def rename_last_commits(
    db: AsyncSession, repository_id: int, renamed: Iterable[tuple[str, str]]
) -> None:
    """Let the indexes of branches name rewritten commits."""
    used = set(
        await db.scalars(
            select(PathHead.last_commit).where(PathHead.repository_id == repository_id).distinct()
        )
    )
    for old, new in renamed:
        if old in used:
            await db.execute(
                update(PathHead)
                .where(PathHead.repository_id == repository_id, PathHead.last_commit == old)
                .values(last_commit=new)
                .execution_options(synchronize_session=False)
            )


async def folders(db: AsyncSession, repository_id: int) -> list[tuple[str, str, str]]:
    """Return ref, path and tree of every folder at the tip of a branch."""
    rows = await db.execute(
        select(PathHead.ref, PathHead.path, PathHead.oid).where(
            PathHead.repository_id == repository_id, PathHead.is_folder
        )
    )
    return [(ref, path, oid) for ref, path, oid in rows]


async def set_folder(db: AsyncSession, repository_id: int, ref: str, path: str, oid: str) -> None:
    """Write the tree of a folder into a branch's index; without one the folder is gone."""
    here = (
        PathHead.repository_id == repository_id,
        tuple_(PathHead.ref, PathHead.path) == tuple_(ref, path),
    )
    if oid:
        await db.execute(update(PathHead).where(*here).values(oid=oid))
    else:
        await db.execute(delete(PathHead).where(*here))


async def drop_large_files(db: AsyncSession, repository_id: int, digests: Collection[str]) -> None:
    """Take large files out of the indexes, and the right to hand them out."""
    for batch in batched(sorted(digests), _BATCH):
        await db.execute(
            delete(PathHead).where(
                PathHead.repository_id == repository_id, PathHead.lfs_sha256.in_(batch)
            )
        )
        await db.execute(
            delete(RepositoryLfs).where(
                RepositoryLfs.repository_id == repository_id, RepositoryLfs.sha256.in_(batch)
            )
        )


async def forget_commit(db: AsyncSession, repository_id: int, oid: str) -> None:
    """Remove a commit that nothing leads to."""
    await db.execute(delete(Commit).where(Commit.repository_id == repository_id, Commit.oid == oid))
