"""Who may see and change a repository: the only door to one."""

from collections.abc import Collection
from http import HTTPStatus

from app.accounts import policy as accounts
from app.accounts.schemas import Role
from app.core.db import AsyncSession
from app.core.errors import AppError, ForbiddenError, UnauthorizedError
from app.core.i18n import _
from app.core.security import Viewer
from app.hub import errors
from app.hub.queries import access, objects
from app.hub.queries import repositories as queries
from app.hub.schemas import AccessStatus, RepositoryKind
from app.hub.tables import Repository


class MovedError(AppError):
    """The repository has another address now; the route that knows its own sets `Location`."""

    status = HTTPStatus.TEMPORARY_REDIRECT
    code = "moved"

    def __init__(self, repository: Repository) -> None:
        super().__init__("This repository has moved.")
        self.kind = repository.kind
        self.owner = repository.owner_name
        self.name = repository.name


async def may_read(db: AsyncSession, viewer: Viewer, repository: Repository) -> bool:
    """Whether `viewer` may know that this repository exists."""
    if viewer.only_repos is not None and repository.id not in viewer.only_repos:
        return False
    if not repository.private:
        return True
    return await accounts.role_for(db, viewer, repository.owner_id) >= Role.READ


async def readers_among(
    db: AsyncSession, repository: Repository, people: Collection[int]
) -> set[int]:
    """Return which of these people may know that this repository exists.

    Nobody counts as an administrator of the site here: those rights are for its care.
    """
    if not repository.private:
        return set(people)
    return await accounts.readers_among(db, repository.owner_id, people)


async def may_open_files(db: AsyncSession, viewer: Viewer, repository: Repository) -> bool:
    """Whether `viewer`, who may know of this repository, may open its files."""
    try:
        await require_files(db, viewer, repository)
    except (UnauthorizedError, ForbiddenError):
        return False
    return True


async def require_files(db: AsyncSession, viewer: Viewer, repository: Repository) -> None:
    """Pass only if `viewer` may open the files of this repository.

    Every door to content asks here: download, git, Xet, archive, viewer, job.

    Raises:
        UnauthorizedError: the repository is gated and nobody is signed in.
        ForbiddenError: it is gated and the viewer was not let in, or it is closed by the site.
    """
    if not await may_read(db, viewer, repository):
        raise forbidden()
    if repository.disabled and not viewer.is_admin:
        raise errors.disabled()
    if not repository.gated or await _is_of_the_house(db, viewer, repository):
        return
    if viewer.user_id is None:
        raise errors.gated_for_visitors(repository)
    asked = await access.request_of(db, repository.id, viewer.user_id)
    if asked is None or asked.status is not AccessStatus.ACCEPTED:
        raise errors.gated(repository, asked.status if asked else None)


async def _is_of_the_house(db: AsyncSession, viewer: Viewer, repository: Repository) -> bool:
    """Whether nobody needs to let `viewer` in: owner, member, writer, or the site's admin."""
    return await accounts.role_for(db, viewer, repository.owner_id) >= Role.READ


async def access_for_files(
    db: AsyncSession, viewer: Viewer, kind: RepositoryKind, owner: str, name: str
) -> Repository:
    """Return the repository if the viewer may open its files.

    Raises:
        NotFoundError: there is none, or the viewer may not see it.
        UnauthorizedError: it is gated and nobody is signed in.
        ForbiddenError: it is gated and the viewer was not let in.
    """
    repository = await access_repository(db, viewer, kind, owner, name)
    await require_files(db, viewer, repository)
    return repository


async def may_propose(db: AsyncSession, viewer: Viewer, repository: Repository) -> bool:
    """Whether `viewer` may open a pull request: everybody who is signed in and may read."""
    return viewer.is_signed_in and await may_open_files(db, viewer, repository)


async def may_write(db: AsyncSession, viewer: Viewer, repository: Repository) -> bool:
    """Whether `viewer` may commit to this repository."""
    if viewer.only_repos is not None and repository.id not in viewer.only_repos:
        return False
    role = await accounts.role_for(db, viewer, repository.owner_id)
    if role >= Role.WRITE:
        return True
    return role is Role.CONTRIBUTOR and repository.creator_id == viewer.user_id


async def may_commit_to(
    db: AsyncSession, viewer: Viewer, repository: Repository, branch: str
) -> bool:
    """Whether `viewer` may commit to this branch or `refs/pr/N`: writers, and who opened it."""
    if await may_write(db, viewer, repository):
        return True
    if not branch.startswith("refs/pr/") or not await may_propose(db, viewer, repository):
        return False
    ref = await objects.ref(db, repository.id, branch)
    return ref is not None and ref.owner_id == viewer.user_id


async def may_administer(db: AsyncSession, viewer: Viewer, repository: Repository) -> bool:
    """Whether `viewer` may rename, hide or delete this repository."""
    if viewer.only_repos is not None:
        return False
    if await accounts.role_for(db, viewer, repository.owner_id) is Role.ADMIN:
        return True
    return repository.creator_id == viewer.user_id and await may_write(db, viewer, repository)


async def may_create_for(db: AsyncSession, viewer: Viewer, owner_id: int) -> bool:
    """Whether `viewer` may create a repository under this account."""
    if viewer.only_repos is not None:
        return False
    return await accounts.role_for(db, viewer, owner_id) >= Role.CONTRIBUTOR


async def access_repository(
    db: AsyncSession, viewer: Viewer, kind: RepositoryKind, owner: str, name: str
) -> Repository:
    """Return the repository at this address, whatever the case of the letters.

    Raises:
        NotFoundError: there is none, or the viewer may not see it; the answer never tells which.
        MovedError: it had this address once.
    """
    repository = await queries.repository_by_name(db, kind, owner, name)
    if repository is not None:
        if await may_read(db, viewer, repository):
            return repository
        raise errors.repository_not_found()
    moved = await queries.redirected(db, kind, owner, name)
    if moved is not None and await may_read(db, viewer, moved):
        raise MovedError(moved)
    raise errors.repository_not_found()


async def access_by_id(db: AsyncSession, viewer: Viewer, repository_id: int) -> Repository:
    """Return the repository with this id.

    Raises:
        NotFoundError: there is none, or the viewer may not see it.
    """
    repository = await queries.repository_by_id(db, repository_id)
    if repository is None:
        raise errors.repository_not_found()
    if not await may_read(db, viewer, repository):
        raise errors.repository_not_found()
    return repository


async def access_for_write(
    db: AsyncSession, viewer: Viewer, kind: RepositoryKind, owner: str, name: str
) -> Repository:
    """Return the repository if the viewer may commit to it.

    Raises:
        NotFoundError: there is none, or the viewer may not see it.
        ForbiddenError: the viewer may see it, but not write.
    """
    repository = await access_repository(db, viewer, kind, owner, name)
    viewer.require_user()
    if not await may_write(db, viewer, repository):
        raise forbidden()
    return repository


async def access_for_admin(
    db: AsyncSession, viewer: Viewer, kind: RepositoryKind, owner: str, name: str
) -> Repository:
    """Return the repository if the viewer may rename, hide or delete it.

    Raises:
        NotFoundError: there is none, or the viewer may not see it.
        ForbiddenError: the viewer may see it, but not change it.
    """
    repository = await access_repository(db, viewer, kind, owner, name)
    viewer.require_user()
    if not await may_administer(db, viewer, repository):
        raise forbidden()
    return repository


def forbidden() -> ForbiddenError:
    """Return the answer to who may see a repository but not change it."""
    return ForbiddenError(
        _("You may not change this repository."),
        fix=_("Ask its owner for the right to write, or work in a repository of your own."),
    )
