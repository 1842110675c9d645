"""What git's transfer protocol reads and writes: commits as a graph, objects in bulk, tags."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.core.batches import batched
from app.core.clock import now
from app.core.db import AsyncSession
from app.hub.tables import AnnotatedTag, Blob, Commit, PathHead, Ref

_BATCH = 5000


async def commit_raws(
    db: AsyncSession, repository_id: int, oids: Sequence[str]
) -> list[tuple[str, bytes]]:
    """Return the bytes of these commits of the repository, in the order of `oids`."""
    rows = await db.execute(
        select(Commit.oid, Commit.raw).where(
            Commit.repository_id == repository_id, Commit.oid.in_(oids)
        )
    )
    found = {str(oid): bytes(raw) for oid, raw in rows}
    return [(oid, found[oid]) for oid in oids]


async def blob_places(db: AsyncSession, oids: Sequence[str]) -> list[tuple[str, int, str | None]]:
    """Return id, size and storage key (None: kept in the row) of these files."""
    found: list[tuple[str, int, str | None]] = []
    for batch in batched(oids, _BATCH):
        rows = await db.execute(
            select(Blob.oid, Blob.size, Blob.storage_key).where(Blob.oid.in_(batch))
        )
        found += [(oid, size, key) for oid, size, key in rows]
    return found


async def add_commits(db: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store commits of a repository; those that are there already stay as they are."""
    for batch in batched(sorted(rows, key=lambda row: str(row["oid"])), 500):
        await db.execute(insert(Commit).on_conflict_do_nothing(), batch)


async def annotated_tags(db: AsyncSession, repository_id: int) -> Sequence[AnnotatedTag]:
    """Return the tag objects of a repository's tags."""
    statement = (
        select(AnnotatedTag)
        .join(
            Ref,
            (Ref.repository_id == AnnotatedTag.repository_id)
            & (Ref.name == AnnotatedTag.ref)
            & (Ref.target == AnnotatedTag.commit),
        )
        .where(AnnotatedTag.repository_id == repository_id)
    )
    return (await db.scalars(statement)).all()


async def set_annotated_tag(db: AsyncSession, row: Mapping[str, Any]) -> None:
    """Write down the tag object of a ref."""
    statement = insert(AnnotatedTag).values(**row)
    changed = {name: row[name] for name in ("oid", "commit", "raw")}
    await db.execute(
        statement.on_conflict_do_update(index_elements=["repository_id", "ref"], set_=changed)
    )


async def drop_annotated_tag(db: AsyncSession, repository_id: int, ref: str) -> None:
    """Forget the tag object of a ref, which points at a commit itself by now."""
    await db.execute(
        delete(AnnotatedTag).where(
            AnnotatedTag.repository_id == repository_id, AnnotatedTag.ref == ref
        )
    )


async def add_ref(db: AsyncSession, repository_id: int, name: str, target: str) -> bool:
    """Make a ref; False if somebody else made one of that name."""
    result = await db.execute(
        insert(Ref)
        .values(repository_id=repository_id, name=name, target=target, message="", updated_at=now())
        .on_conflict_do_nothing()
        .returning(Ref.name)
    )
    return result.first() is not None


async def set_ref_message(db: AsyncSession, repository_id: int, name: str, message: str) -> None:
    """Write down what a tag says."""
    await db.execute(
        update(Ref)
        .where(Ref.repository_id == repository_id, Ref.name == name)
        .values(message=message)
        .execution_options(synchronize_session=False)
    )


async def delete_ref(db: AsyncSession, repository_id: int, name: str, old: str) -> bool:
    """Remove a ref that points at `old`; False if it points elsewhere by now."""
    result = await db.execute(
        delete(Ref)
        .where(Ref.repository_id == repository_id, Ref.name == name, Ref.target == old)
        .returning(Ref.name)
        .execution_options(synchronize_session=False)
    )
    return result.first() is not None


async def branches_at(
    db: AsyncSession, repository_id: int, oids: Collection[str], but: str
) -> dict[str, str]:
    """Return for each commit that is the tip of an indexed branch other than `but` its ref."""
    rows = await db.execute(
        select(Ref.target, func.min(Ref.name))
        .where(
            Ref.repository_id == repository_id,
            Ref.target.in_(oids),
            Ref.name != but,
            ~Ref.name.startswith("refs/tags/"),
        )
        .group_by(Ref.target)
    )
    return {str(target): str(name) for target, name in rows}


async def path_commits(
    db: AsyncSession, repository_id: int, ref: str, paths: Collection[str]
) -> dict[str, str]:
    """Return which commit last changed each of these paths at the tip of a branch."""
    found: dict[str, str] = {}
    for batch in batched(sorted(paths), _BATCH):
        rows = await db.execute(
            select(PathHead.path, PathHead.last_commit).where(
                PathHead.repository_id == repository_id,
                PathHead.ref == ref,
                PathHead.path.in_(batch),
            )
        )
        found.update((path, oid) for path, oid in rows)
    return found
