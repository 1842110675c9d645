"""Git objects: trees, blobs, commits, refs and the index of a branch's tip."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import and_, delete, func, literal, select, update
from sqlalchemy import insert as plain_insert
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from app.core.batches import batched
from app.core.clock import now
from app.core.db import AsyncSession
from app.hub.objects import EMPTY_TREE
from app.hub.schemas import LastCommit
from app.hub.tables import Blob, Commit, PathHead, Ref, Tree

_BATCH = 5000


def _batches(values: Iterable[Any]) -> Iterable[Sequence[Any]]:
    return batched(list(values), _BATCH)


async def trees(db: AsyncSession, oids: Collection[str]) -> dict[str, bytes]:
    """Return the bytes of these folders by id."""
    found: dict[str, bytes] = {EMPTY_TREE: b""} if EMPTY_TREE in oids else {}
    for batch in _batches(set(oids)):
        rows = await db.execute(select(Tree.oid, Tree.raw).where(Tree.oid.in_(batch)))
        found.update((oid, raw) for oid, raw in rows)
    return found


async def add_trees(db: AsyncSession, raws: Mapping[str, bytes]) -> None:
    """Store folders; those that are there already stay as they are."""
    for batch in _batches(sorted(raws.items())):
        rows = [{"oid": oid, "raw": raw} for oid, raw in batch]
        await db.execute(insert(Tree).on_conflict_do_nothing(), rows)


async def blobs(db: AsyncSession, oids: Collection[str]) -> dict[str, Blob]:
    """Return what is known of these files, by id, without their content."""
    columns = (Blob.oid, Blob.size, Blob.storage_key, Blob.lfs_sha256, Blob.lfs_size)
    found: dict[str, Blob] = {}
    for batch in _batches(set(oids)):
        for oid, size, key, sha256, lfs_size in await db.execute(
            select(*columns).where(Blob.oid.in_(batch))
        ):
            found[oid] = Blob(
                oid=oid, size=size, storage_key=key, lfs_sha256=sha256, lfs_size=lfs_size
            )
    return found


async def blob(db: AsyncSession, oid: str) -> Blob | None:
    """Return one file's row, small content included."""
    return await db.get(Blob, oid)


async def whole_blobs(db: AsyncSession, oids: Collection[str]) -> dict[str, Blob]:
    """Return these files' rows by id, small contents included."""
    found: dict[str, Blob] = {}
    for batch in _batches(set(oids)):
        rows = await db.scalars(select(Blob).where(Blob.oid.in_(batch)))
        found.update((row.oid, row) for row in rows)
    return found


async def inline_contents(db: AsyncSession, oids: Collection[str]) -> dict[str, bytes]:
    """Return the contents that are kept in the rows themselves, by id."""
    found: dict[str, bytes] = {}
    for batch in _batches(set(oids)):
        rows = await db.execute(select(Blob.oid, Blob.inline).where(Blob.oid.in_(batch)))
        found.update({oid: content or b"" for oid, content in rows})
    return found


async def add_blobs(db: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store files' rows; those that are there already stay as they are.

    Content outside the database counts as sent just now, so that no sweep takes it meanwhile.
    """
    for batch in _batches(sorted(rows, key=lambda row: str(row["oid"]))):
        inside = [row for row in batch if row.get("storage_key") is None]
        outside = [row for row in batch if row.get("storage_key") is not None]
        if inside:
            await db.execute(insert(Blob).on_conflict_do_nothing(), inside)
        if outside:
            statement = insert(Blob).on_conflict_do_update(
                index_elements=["oid"], set_={"created_at": now()}
            )
            await db.execute(statement, outside)


async def ref(db: AsyncSession, repository_id: int, name: str, *, lock: bool = False) -> Ref | None:
    """Return a ref by its full name; `lock` holds it until the transaction ends."""
    statement = select(Ref).where(Ref.repository_id == repository_id, Ref.name == name)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return await db.scalar(statement)


async def refs(db: AsyncSession, repository_id: int) -> Sequence[Ref]:
    """Return every ref, by name."""
    statement = select(Ref).where(Ref.repository_id == repository_id).order_by(Ref.name)
    return (await db.scalars(statement)).all()


async def refs_named(
    db: AsyncSession, repository_id: int, names: Collection[str]
) -> dict[str, str]:
    """Return targets by full name, of those that exist."""
    rows = await db.execute(
        select(Ref.name, Ref.target).where(Ref.repository_id == repository_id, Ref.name.in_(names))
    )
    return {str(name): str(target) for name, target in rows}


async def move_ref(db: AsyncSession, repository_id: int, name: str, old: str, new: str) -> bool:
    """Point a ref from `old` to `new`; False if it pointed elsewhere by now."""
    result = await db.execute(
        update(Ref)
        .where(Ref.repository_id == repository_id, Ref.name == name, Ref.target == old)
        .values(target=new, updated_at=now())
        .returning(Ref.name)
        .execution_options(synchronize_session=False)
    )
    return result.first() is not None


async def commit_by_oid(db: AsyncSession, repository_id: int, oid: str) -> Commit | None:
    """Return a commit of this repository."""
    return await db.get(Commit, (repository_id, oid))


async def commits_by_oid(
    db: AsyncSession, repository_id: int, oids: Sequence[str]
) -> Sequence[Commit]:
    """Return these commits of a repository, in the order of `oids`; missing ones are left out."""
    found: dict[str, Commit] = {}
    for batch in _batches(set(oids)):
        statement = select(Commit).where(
            Commit.repository_id == repository_id, Commit.oid.in_(batch)
        )
        found.update((row.oid, row) for row in await db.scalars(statement))
    return [found[oid] for oid in oids if oid in found]


async def commits_by_prefix(db: AsyncSession, repository_id: int, prefix: str) -> Sequence[str]:
    """Return at most two ids that begin so; two mean that the prefix is ambiguous."""
    statement = (
        select(Commit.oid)
        .where(
            Commit.repository_id == repository_id,
            Commit.oid >= prefix,
            Commit.oid <= prefix + "g",
        )
        .limit(2)
    )
    return (await db.scalars(statement)).all()


async def history(
    db: AsyncSession, repository_id: int, start: Commit, offset: int, limit: int
) -> Sequence[Commit]:
    """Return commits reachable from `start`, newest first.

    Every commit has a parent one generation below, so the first n in this order all lie within n
    generations of the start: the walk costs what the page needs, not what the history holds.
    """
    floor = start.generation - (offset + limit)
    reachable = (
        select(Commit.oid, Commit.parents)
        .where(Commit.repository_id == repository_id, Commit.oid == start.oid)
        .cte("reachable", recursive=True)
    )
    parent = aliased(Commit)
    reachable = reachable.union(
        select(parent.oid, parent.parents).join(
            reachable,
            and_(
                parent.repository_id == repository_id,
                parent.generation > floor,
                parent.oid == func.any(reachable.c.parents),
            ),
        )
    )
    statement = (
        select(Commit)
        .join(reachable, and_(Commit.repository_id == repository_id, Commit.oid == reachable.c.oid))
        .order_by(Commit.generation.desc(), Commit.committed_at.desc(), Commit.oid)
        .offset(offset)
        .limit(limit)
    )
    return (await db.scalars(statement)).all()


async def last_commits(
    db: AsyncSession, repository_id: int, ref_name: str, paths: Collection[str]
) -> dict[str, LastCommit]:
    """Return who last changed these paths at the tip of a branch."""
    found: dict[str, LastCommit] = {}
    for batch in _batches(paths):
        rows = await db.execute(
            select(PathHead.path, Commit.oid, Commit.title, Commit.committed_at)
            .join(
                Commit,
                and_(
                    Commit.repository_id == PathHead.repository_id,
                    Commit.oid == PathHead.last_commit,
                ),
            )
            .where(
                PathHead.repository_id == repository_id,
                PathHead.ref == ref_name,
                PathHead.path.in_(batch),
            )
        )
        found.update((path, LastCommit(oid, title, at)) for path, oid, title, at in rows)
    return found


async def path_entry(
    db: AsyncSession, repository_id: int, ref_name: str, path: str
) -> PathHead | None:
    """Return what is at `path` at the tip of a branch."""
    return await db.get(PathHead, (repository_id, ref_name, path))


async def set_paths(db: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of the index, new or changed."""
    for batch in _batches(rows):
        statement = insert(PathHead)
        changed = {
            name: statement.excluded[name]
            for name in ("is_folder", "oid", "size", "lfs_sha256", "last_commit")
        }
        await db.execute(
            statement.on_conflict_do_update(
                index_elements=["repository_id", "ref", "path"], set_=changed
            ),
            batch,
        )


async def drop_paths(
    db: AsyncSession, repository_id: int, ref_name: str, paths: Collection[str]
) -> None:
    """Remove rows of the index; a folder's rows are named one by one by the caller."""
    for batch in _batches(paths):
        await db.execute(
            delete(PathHead).where(
                PathHead.repository_id == repository_id,
                PathHead.ref == ref_name,
                PathHead.path.in_(batch),
            )
        )


async def copy_paths(db: AsyncSession, repository_id: int, source: str, target: str) -> None:
    """Give a new branch the index of the branch it starts from."""
    columns = ["repository_id", "ref", "path", "folder", "is_folder", "oid", "size", "lfs_sha256"]
    columns.append("last_commit")
    table = PathHead.__table__.c
    rows = select(*(literal(target) if name == "ref" else table[name] for name in columns)).where(
        PathHead.repository_id == repository_id, PathHead.ref == source
    )
    await db.execute(plain_insert(PathHead).from_select(columns, rows))


async def branch_size(db: AsyncSession, repository_id: int, ref_name: str) -> int:
    """Return the bytes of all files at the tip of a branch."""
    total = await db.scalar(
        select(func.coalesce(func.sum(PathHead.size), 0)).where(
            PathHead.repository_id == repository_id,
            PathHead.ref == ref_name,
            PathHead.is_folder.is_(False),
        )
    )
    return int(total or 0)


async def count_files(db: AsyncSession, repository_id: int, ref_name: str) -> int:
    """Return how many files there are at the tip of a branch."""
    total = await db.scalar(
        select(func.count()).where(
            PathHead.repository_id == repository_id,
            PathHead.ref == ref_name,
            PathHead.is_folder.is_(False),
        )
    )
    return int(total or 0)
