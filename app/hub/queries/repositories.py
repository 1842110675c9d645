"""Finding repositories: one by address, many by what a list is narrowed to."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from app.core.clock import now
from app.core.db import AsyncSession
from app.core.security import Viewer
from app.hub.schemas import Facet, Filters, RepositoryKind, Sort
from app.hub.tables import Download, DownloadDay, PathHead, Redirect, Repository, Store

SORT_COLUMNS: dict[Sort, Any] = {
    Sort.CREATED: Repository.created_at,
    Sort.UPDATED: Repository.updated_at,
    Sort.DOWNLOADS: Repository.downloads,
    Sort.LIKES: Repository.likes,
    Sort.TRENDING: Repository.trending,
}
_FACETS = {"task": Repository.task, "library": Repository.library, "license": Repository.license}


def name_key(name: str) -> str:
    """Return what decides whether two repository names are the same."""
    return name.casefold()


def visible_to(viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition that a row may be shown to `viewer`; every list uses it."""
    condition: ColumnElement[bool] = Repository.private == false()
    if viewer.is_admin and viewer.user_id is not None:
        condition = true()
    elif viewer.user_id is not None:
        owners = {viewer.user_id, *viewer.organization_ids}
        condition = or_(condition, Repository.owner_id.in_(owners))
    if viewer.only_repos is not None:
        condition = and_(condition, Repository.id.in_(viewer.only_repos))
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


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [Repository.kind == filters.kind]
    if filters.search:
        where.append(_search(filters.search))
    if filters.owner:
        where.append(func.lower(Repository.owner_name) == filters.owner.lower())
    if filters.owner_id is not None:
        where.append(Repository.owner_id == filters.owner_id)
    if filters.task:
        where.append(Repository.task == filters.task)
    if filters.library:
        where.append(Repository.library == filters.library)
    if filters.license:
        where.append(Repository.license == filters.license)
    if filters.language:
        where.append(Repository.languages.contains([filters.language]))
    if filters.base_model:
        where.append(Repository.base_models.contains([filters.base_model]))
    if filters.tags:
        where.append(Repository.tags.contains(list(filters.tags)))
    return where


def _search(words: str) -> ColumnElement[bool]:
    """Match each word in the full name, the summary, or as a tag."""
    address = Repository.owner_name + "/" + Repository.name
    return and_(
        *(
            or_(
                address.icontains(word, autoescape=True),
                Repository.summary.icontains(word, autoescape=True),
                Repository.tags.contains([word.lower()]),
            )
            for word in words.split()[:8]
        )
    )


async def list_repositories(
    db: AsyncSession, viewer: Viewer, filters: Filters, after: tuple[Any, int] | None
) -> Sequence[Repository]:
    """Return one row more than `filters.limit`, so that the caller knows whether there is more."""
    column = SORT_COLUMNS[filters.sort]
    statement = select(Repository).where(visible_to(viewer), *_conditions(filters))
    if after is not None:
        statement = statement.where(tuple_(column, Repository.id) < tuple_(*after))
    statement = statement.order_by(column.desc(), Repository.id.desc()).limit(filters.limit + 1)
    return (await db.scalars(statement)).all()


async def count_repositories(db: AsyncSession, viewer: Viewer, filters: Filters) -> int:
    """Return how many there are, counting at most 10,001."""
    inner = (
        select(Repository.id).where(visible_to(viewer), *_conditions(filters)).limit(10_001)
    ).subquery()
    return (await db.scalar(select(func.count()).select_from(inner))) or 0


async def facet_counts(
    db: AsyncSession, viewer: Viewer, filters: Filters, facet: str, limit: int
) -> list[Facet]:
    """Return the most frequent values of `task`, `library`, `license`, `language` or `tag`."""
    base = select(Repository).where(visible_to(viewer), *_conditions(filters))
    arrays = {"language": Repository.languages, "tag": Repository.tags}
    column: Any = func.unnest(arrays[facet]) if facet in arrays else _FACETS[facet]
    values = base.with_only_columns(column.label("value")).subquery()
    statement: Select[Any] = (
        select(values.c.value, func.count().label("n"))
        .where(values.c.value != "")
        .group_by(values.c.value)
        .order_by(func.count().desc(), values.c.value)
        .limit(limit)
    )
    return [Facet(str(value), int(n)) for value, n in await db.execute(statement)]


async def count_download(db: AsyncSession, repository_id: int, who: str) -> None:
    """Add one to today's count and to the total, unless `who` was counted today already."""
    seen = insert(Download).values(repository_id=repository_id, day=now().date(), who=who)
    first = seen.on_conflict_do_nothing().returning(Download.who)
    if await db.scalar(first) is None:
        return
    statement = insert(DownloadDay).values(repository_id=repository_id, day=now().date(), count=1)
    await db.execute(
        statement.on_conflict_do_update(
            index_elements=["repository_id", "day"], set_={"count": DownloadDay.count + 1}
        )
    )
    await db.execute(
        update(Repository)
        .where(Repository.id == repository_id)
        .values(downloads=Repository.downloads + 1, trending=Repository.trending + 1)
    )


async def downloads_since(db: AsyncSession, repository_id: int, day: datetime) -> int:
    """Return how often a repository was downloaded since `day`."""
    statement = select(func.coalesce(func.sum(DownloadDay.count), 0)).where(
        DownloadDay.repository_id == repository_id, DownloadDay.day >= day.date()
    )
    return int(await db.scalar(statement) or 0)


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
