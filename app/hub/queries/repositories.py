"""Finding repositories: one by address, many by what a list is narrowed to."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, false, func, or_, select, true, tuple_
from sqlalchemy.dialects.postgresql import insert

from app.core.db import AsyncSession
from app.core.security import Viewer
from app.hub.schemas import RepositoryKind
from app.hub.tables import PathHead, Redirect, Repository, Store


def name_key(name: str) -> str:
    """Return what decides whether two repository names are the same."""
    return name.casefold()


def visible_to(viewer: Viewer, row: type[Repository] = Repository) -> ColumnElement[bool]:
    """Return the condition that `row` may be shown to `viewer`; every list uses it."""
    condition: ColumnElement[bool] = row.private == false()
    if viewer.is_admin and viewer.user_id is not None:
        condition = true()
    elif viewer.user_id is not None:
        owners = {viewer.user_id, *viewer.organization_ids}
        condition = or_(condition, row.owner_id.in_(owners))
    if viewer.only_repos is not None:
        condition = and_(condition, row.id.in_(viewer.only_repos))
    return condition


async def repository_by_name(
    db: AsyncSession, kind: RepositoryKind, owner: str, name: str
) -> Repository | None:
    """Find by address, whatever the case."""
    return await db.scalar(
        select(Repository).where(
            Repository.kind == kind,
            func.lower(Repository.owner_name) == owner.lower(),
            Repository.name_key == name_key(name),
        )
    )


async def repository_by_id(db: AsyncSession, repository_id: int) -> Repository | None:
    """Find by id."""
    return await db.get(Repository, repository_id)


async def fresh_repository(db: AsyncSession, repository_id: int) -> Repository | None:
    """Return the row as it is in the database now, whatever was read before."""
    return await db.get(Repository, repository_id, populate_existing=True)


async def repositories_by_id(db: AsyncSession, ids: Collection[int]) -> Sequence[Repository]:
    """Return those that exist."""
    return (await db.scalars(select(Repository).where(Repository.id.in_(ids)))).all()


async def redirected(
    db: AsyncSession, kind: RepositoryKind, owner: str, name: str
) -> Repository | None:
    """Find the repository that once had this address."""
    return await db.scalar(
        select(Repository)
        .join(Redirect, Redirect.repository_id == Repository.id)
        .where(
            Redirect.kind == kind,
            Redirect.owner_key == owner.casefold(),
            Redirect.name_key == name_key(name),
        )
    )


async def delete_redirect(db: AsyncSession, kind: RepositoryKind, owner: str, name: str) -> None:
    """Forget an earlier address, because something new stands there."""
    found = await db.get(Redirect, (kind, owner.casefold(), name_key(name)))
    if found is not None:
        await db.delete(found)
        await db.flush()


async def children_of(
    db: AsyncSession, viewer: Viewer, base_model: str, limit: int
) -> Sequence[Repository]:
    """Return repositories whose cards name `base_model` as what they were made from."""
    return (
        await db.scalars(
            select(Repository)
            .where(visible_to(viewer), Repository.base_models.contains([base_model]))
            .order_by(Repository.downloads.desc(), Repository.id.desc())
            .limit(limit)
        )
    ).all()


async def store_generation(db: AsyncSession, fresh: str) -> str:
    """Return the store's name, which is `fresh` if it had none."""
    await db.execute(insert(Store).values(id=1, generation=fresh).on_conflict_do_nothing())
    return str(await db.scalar(select(Store.generation).where(Store.id == 1)))


async def main_paths(db: AsyncSession, ids: Collection[int]) -> dict[int, list[str]]:
    """Return the files on `main` of each repository, at most 100,000 in all."""
    found: dict[int, list[str]] = {repository_id: [] for repository_id in ids}
    rows = await db.execute(
        select(PathHead.repository_id, PathHead.path)
        .where(
            PathHead.repository_id.in_(ids),
            PathHead.ref == "refs/heads/main",
            PathHead.is_folder.is_(False),
        )
        .order_by(PathHead.repository_id, PathHead.path)
        .limit(100_000)
    )
    for repository_id, path in rows:
        found[repository_id].append(path)
    return found


async def children_by_relation(
    db: AsyncSession, viewer: Viewer, base: str, relations: Collection[str]
) -> dict[str, int]:
    """Return how many models name `base` as what they were made from, by how they were made."""
    counts = [
        func.count().filter(Repository.tags.contains([f"base_model:{relation}:{base}"]))
        for relation in relations
    ]
    row = (
        await db.execute(
            select(*counts).where(visible_to(viewer), Repository.base_models.contains([base]))
        )
    ).one()
    return dict(zip(relations, (int(n) for n in row), strict=True))


async def ids_by_name(
    db: AsyncSession, viewer: Viewer, kind: RepositoryKind, names: Collection[str]
) -> dict[str, int]:
    """Return the ids of those full names that the viewer may see."""
    pairs = [name.lower().split("/", 1) for name in names if "/" in name]
    if not pairs:
        return {}
    address = or_(
        *(
            and_(func.lower(Repository.owner_name) == owner, Repository.name_key == name)
            for owner, name in pairs[:20]
        )
    )
    rows = await db.execute(
        select(Repository.owner_name, Repository.name, Repository.id).where(
            Repository.kind == kind, visible_to(viewer), address
        )
    )
    return {f"{row[0]}/{row[1]}".lower(): row[2] for row in rows}


async def visible_names(db: AsyncSession, viewer: Viewer, ids: Collection[int]) -> dict[int, str]:
    """Return the full names of those repositories that the viewer may see."""
    rows = await db.execute(
        select(Repository.id, Repository.owner_name, Repository.name).where(
            Repository.id.in_(ids), visible_to(viewer)
        )
    )
    return {row[0]: f"{row[1]}/{row[2]}" for row in rows}


async def total_bytes(db: AsyncSession, owner_id: int) -> int:
    """Return how much room all repositories of an account take."""
    total = func.coalesce(func.sum(Repository.size_bytes), 0)
    return int(await db.scalar(select(total).where(Repository.owner_id == owner_id)) or 0)


async def main_files(db: AsyncSession, repository_id: int) -> dict[str, str]:
    """Return the git id of every file on `main` by its path, at most 100,000 of them."""
    rows = await db.execute(
        select(PathHead.path, PathHead.oid)
        .where(
            PathHead.repository_id == repository_id,
            PathHead.ref == "refs/heads/main",
            PathHead.is_folder.is_(False),
        )
        .limit(100_000)
    )
    return {row[0]: row[1] for row in rows}


async def changed_since(
    db: AsyncSession, moment: datetime, after_id: int, limit: int
) -> list[tuple[datetime, int]]:
    """Return when repositories changed after a moment, and their ids, the earliest first."""
    place = (Repository.updated_at, Repository.id)
    # The index of the moments leads with the kind.
    found = [
        (changed, number)
        for kind in RepositoryKind
        for changed, number in await db.execute(
            select(*place)
            .where(Repository.kind == kind, tuple_(*place) > (moment, after_id))
            .order_by(*place)
            .limit(limit)
        )
    ]
    return sorted(found)[:limit]


async def card_oids(db: AsyncSession, ids: Collection[int], path: str) -> dict[int, str]:
    """Return the git ids of the file at `path` on `main` of repositories, by repository."""
    rows = await db.execute(
        select(PathHead.repository_id, PathHead.oid).where(
            PathHead.repository_id.in_(ids),
            PathHead.ref == "refs/heads/main",
            PathHead.path == path,
            PathHead.is_folder.is_(False),
        )
    )
    return {row[0]: row[1] for row in rows}


async def open_repositories_of(db: AsyncSession, owner_id: int) -> list[Repository]:
    """Return the repositories of an owner that the site has not closed."""
    statement = select(Repository).where(
        Repository.owner_id == owner_id, Repository.disabled.is_(False)
    )
    return list(await db.scalars(statement.order_by(Repository.id)))
