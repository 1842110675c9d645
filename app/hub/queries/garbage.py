"""What nobody refers to any more. Rows are locked before they are judged, and judged again then.

Everything that needs a large file refers to it by a foreign key, whichever feature it is of: the
keys are read from the tables themselves, so a new one is asked without being listed here.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, ColumnElement, and_, delete, select

from app.core.batches import batched
from app.core.db import AsyncSession, Base
from app.hub.tables import (
    Blob,
    Commit,
    LfsObject,
    RepositoryLfs,
    Tree,
    Upload,
    UploadPart,
    XetFile,
    XetUse,
    Xorb,
)

_BATCH = 500


@dataclass(frozen=True)
class Removed:
    """How many rows went, and how many bytes they stood for."""

    count: int = 0
    size: int = 0


def _referrers() -> list[Column[object]]:
    """Return the columns that refer to a large file, save what only describes it."""
    target = LfsObject.__table__.c.sha256
    own = XetFile.__table__
    return [
        key.parent
        for table in Base.metadata.tables.values()
        for key in table.foreign_keys
        if table is not own and key.column is target
    ]


def _is_unused() -> ColumnElement[bool]:
    return and_(*(~select(1).where(column == LfsObject.sha256).exists() for column in _referrers()))


async def drop_uncommitted(db: AsyncSession, before: datetime) -> Removed:
    """Forget which repository may hand out a file that was sent long ago and never committed."""
    is_garbage = and_(
        RepositoryLfs.pushed_at < before,
        ~select(1).where(Blob.lfs_sha256 == RepositoryLfs.sha256).exists(),
        ~select(1)
        .where(
            Upload.sha256 == RepositoryLfs.sha256,
            Upload.repository_id == RepositoryLfs.repository_id,
        )
        .exists(),
    )
    # A commit holds these rows while it is made: wait for none, judge anew once they are ours.
    rows = await db.execute(
        select(RepositoryLfs.repository_id, RepositoryLfs.sha256)
        .where(is_garbage).limit(_BATCH).with_for_update(skip_locked=True)
    )  # fmt: skip
    count = 0
    for repository_id, sha256 in rows.all():
        gone = await db.execute(
            delete(RepositoryLfs)
            .where(
                RepositoryLfs.repository_id == repository_id,
                RepositoryLfs.sha256 == sha256,
                is_garbage,
            )
            .returning(RepositoryLfs.sha256)
            .execution_options(synchronize_session=False)
        )
        count += len(gone.all())
    return Removed(count)


async def drop_large_files(db: AsyncSession, before: datetime) -> Removed:
    """Forget large files that nothing refers to, and of what they are made."""
    is_garbage = and_(LfsObject.created_at < before, _is_unused())
    found = await db.scalars(
        select(LfsObject.sha256)
        .where(is_garbage).limit(_BATCH).with_for_update(skip_locked=True)
    )  # fmt: skip
    held = found.all()
    sure = (
        await db.scalars(select(LfsObject.sha256).where(LfsObject.sha256.in_(held), is_garbage))
    ).all()
    await db.execute(
        delete(XetFile)
        .where(XetFile.sha256.in_(sure)).execution_options(synchronize_session=False)
    )  # fmt: skip
    rows = await db.execute(
        delete(LfsObject)
        .where(LfsObject.sha256.in_(sure))
        .returning(LfsObject.size, LfsObject.storage_key)
        .execution_options(synchronize_session=False)
    )
    sizes = [size if key is not None else 0 for size, key in rows]
    return Removed(len(sizes), sum(sizes))


async def drop_xorbs(db: AsyncSession, before: datetime) -> Removed:
    """Forget bundles that no file uses and nobody has sent or asked for lately."""
    is_garbage = and_(Xorb.created_at < before, ~select(1).where(XetUse.xorb == Xorb.hash).exists())
    held = (
        await db.scalars(
            select(Xorb.hash).where(is_garbage).limit(_BATCH).with_for_update(skip_locked=True)
        )
    ).all()
    rows = await db.execute(
        delete(Xorb)
        .where(Xorb.hash.in_(held), is_garbage)
        .returning(Xorb.size)
        .execution_options(synchronize_session=False)
    )
    sizes = [size for (size,) in rows]
    return Removed(len(sizes), sum(sizes))


async def old_big_blobs(db: AsyncSession, before: datetime) -> set[str]:
    """Return the ids of files inside git whose content lies in the store, sent before a moment."""
    statement = select(Blob.oid).where(Blob.storage_key.is_not(None), Blob.created_at < before)
    return set((await db.scalars(statement)).all())


async def commit_trees(db: AsyncSession) -> AsyncIterator[Sequence[str]]:
    """Yield the root folder of every commit there is, some at a time."""
    last = ""
    while True:
        statement = (
            select(Commit.tree).where(Commit.tree > last)
            .distinct().order_by(Commit.tree).limit(_BATCH * 10)
        )  # fmt: skip
        roots = (await db.scalars(statement)).all()
        if not roots:
            return
        last = roots[-1]
        yield roots


async def tree_contents(db: AsyncSession, oids: Collection[str]) -> list[bytes]:
    """Return the bytes of folders."""
    found: list[bytes] = []
    for batch in batched(sorted(oids), _BATCH * 10):
        found += (await db.scalars(select(Tree.raw).where(Tree.oid.in_(batch)))).all()
    return found


async def drop_blobs(db: AsyncSession, oids: Collection[str], before: datetime) -> Removed:
    """Forget files that no commit leads to, unless they were sent again meanwhile."""
    sizes: list[int] = []
    for batch in batched(sorted(oids), _BATCH):
        rows = await db.execute(
            delete(Blob)
            .where(Blob.oid.in_(batch), Blob.created_at < before)
            .returning(Blob.size)
            .execution_options(synchronize_session=False)
        )
        sizes += [size for (size,) in rows]
    return Removed(len(sizes), sum(sizes))


async def keys_in_use(db: AsyncSession, keys: Collection[str]) -> set[str]:
    """Return which keys of the store some row of the hub leads to."""
    names = {key.rsplit("/", 1)[-1] for key in keys}
    digests = {name[:64] for name in names}
    uploads = {key.split("/")[1] for key in keys if key.startswith("upload/")}
    found: set[str] = set()
    for statement in (
        select(LfsObject.storage_key).where(LfsObject.sha256.in_(digests)),
        select(Xorb.storage_key).where(Xorb.hash.in_(digests)),
        select(Blob.storage_key).where(Blob.oid.in_(names)),
        select(UploadPart.storage_key).where(UploadPart.upload_id.in_(uploads)),
    ):
        found |= {key for key in await db.scalars(statement) if key is not None}
    return found
