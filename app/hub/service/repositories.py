"""Creating, finding, changing and deleting repositories."""

import re
from collections.abc import Collection

import structlog
from sqlalchemy.exc import IntegrityError

from app.accounts import service as accounts
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import Detail, ForbiddenError, InvalidError
from app.core.events import emit
from app.core.i18n import _
from app.core.security import Viewer
from app.core.storage import BlobStore
from app.hub import errors, policy
from app.hub.card_rules import RELATIONS
from app.hub.events import RepositoryChanged, RepositoryCreated, RepositoryDeleted
from app.hub.queries import repositories as queries
from app.hub.schemas import (
    AddFile,
    Author,
    NewCommit,
    RepositoryKind,
    RepositoryRow,
)
from app.hub.service.cards import write_search_text
from app.hub.service.commits import first_commit
from app.hub.service.lists import repository_row
from app.hub.tables import Redirect, Repository
from app.quotas import service as quotas
from app.quotas.schemas import Kind

log = structlog.get_logger(__name__)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_LARGE_FILES = """
*.7z *.arrow *.bin *.bz2 *.ckpt *.ftz *.gz *.h5 *.joblib *.lfs.* *.mlmodel *.model *.msgpack *.npy
*.npz *.onnx *.ot *.parquet *.pb *.pickle *.pkl *.pt *.pth *.rar *.safetensors saved_model/**/*
*.tar.* *.tar *.tflite *.tgz *.wasm *.xz *.zip *.zst *tfevents*
"""
_DATA_FILES = """
*.pcm *.sam *.raw *.aac *.flac *.mp3 *.ogg *.wav *.bmp *.gif *.png *.tiff *.jpg *.jpeg *.webp
*.mp4 *.webm
"""


def check_repository_name(name: str) -> str:
    """Return `name` if a repository may be called so.

    Raises:
        InvalidError: it may not.
    """
    problem = ""
    if _NAME.fullmatch(name) is None:
        problem = _("Use 1 to 96 letters, digits, dots, dashes and underscores.")
    elif ".." in name or "--" in name or name[-1] in ".-":
        problem = _("It may not hold .. or --, nor end in a dot or a dash.")
    elif name.lower().endswith((".git", ".ipynb", ".atom", ".lock")):
        problem = _("It may not end in .git, .ipynb, .atom or .lock.")
    if problem:
        raise InvalidError(
            _("This cannot be the name of a repository. %(problem)s") % {"problem": problem},
            code="bad_name",
            details=[Detail("name", problem)],
        )
    return name


async def create_repository(  # noqa: PLR0913  # what a repository is made of
    db: AsyncSession,
    storage: BlobStore,
    viewer: Viewer,
    kind: RepositoryKind,
    owner_name: str,
    name: str,
    *,
    private: bool | None = None,
) -> Repository:
    """Create a repository with its first commit; `private` None means the owner's default.

    Raises:
        InvalidError: nobody may call a repository so.
        NotFoundError: there is no such owner.
        ForbiddenError: the viewer may not create under this owner.
        ConflictError: there is one.
        TooLargeError: the owner has as many as they may.
    """
    user_id = viewer.require_user()
    check_repository_name(name)
    owner = await accounts.find_account(db, owner_name or viewer.name)
    if owner is None or not await policy.may_create_for(db, viewer, owner.id):
        raise ForbiddenError(
            _("You may not create a repository under %(owner)s.") % {"owner": owner_name},
            fix=_("Create it under your own name, or ask for a role in the organisation."),
        )
    if await queries.repository_by_name(db, kind, owner.name, name) is not None:
        raise errors.repository_exists(kind, f"{owner.name}/{name}")
    await queries.delete_redirect(db, kind, owner.name, name)
    if private is None:
        private = await accounts.default_private(db, owner.id)
    repository = Repository(
        kind=kind,
        owner_id=owner.id,
        owner_name=owner.name,
        name=name,
        name_key=queries.name_key(name),
        private=private,
        creator_id=user_id,
    )
    write_search_text(repository)
    first = NewCommit(
        message="initial commit",
        author=Author(viewer.name, user_id),
        operations=[AddFile(".gitattributes", git_attributes(kind))],
    )
    await quotas.require_room(db, owner.id, {Kind.REPOSITORIES: 1})
    async with quotas.growing(db, owner.id):
        try:
            async with db.begin_nested():
                db.add(repository)
        except IntegrityError as error:  # somebody else was faster by a moment
            raise errors.repository_exists(kind, f"{owner.name}/{name}") from error
        await first_commit(db, storage, repository, first)
    emit(db, RepositoryCreated(repository.id, kind, user_id))
    log.info("repository_created", repository_id=repository.id, kind=kind.value)
    return repository


def git_attributes(kind: RepositoryKind) -> bytes:
    """Return the first `.gitattributes`: which files git keeps as large ones."""
    patterns = _LARGE_FILES.split()
    if kind is RepositoryKind.DATASET:
        patterns += _DATA_FILES.split()
    return "".join(f"{p} filter=lfs diff=lfs merge=lfs -text\n" for p in patterns).encode()


async def rename_repository(
    db: AsyncSession, viewer: Viewer, repository: Repository, new_owner: str, new_name: str
) -> None:
    """Give a repository another address; the earlier one leads there.

    Raises:
        InvalidError: nobody may call a repository so.
        ForbiddenError: the viewer may not create under the new owner.
        ConflictError: the new address is taken.
        TooLargeError: the new owner has no room for it.
    """
    check_repository_name(new_name)
    owner = await accounts.find_account(db, new_owner)
    if owner is None or not await policy.may_create_for(db, viewer, owner.id):
        raise ForbiddenError(
            _("You may not create a repository under %(owner)s.") % {"owner": new_owner}
        )
    taken = await queries.repository_by_name(db, repository.kind, owner.name, new_name)
    if taken is not None and taken.id != repository.id:
        raise errors.repository_exists(repository.kind, f"{owner.name}/{new_name}")
    await queries.delete_redirect(db, repository.kind, owner.name, new_name)
    async with quotas.growing(db, owner.id):
        await _move(db, repository, owner.id, owner.name, new_name)


async def _move(
    db: AsyncSession, repository: Repository, owner_id: int, owner_name: str, new_name: str
) -> None:
    old_owner, old_name = repository.owner_name, repository.name
    await queries.delete_redirect(db, repository.kind, old_owner, old_name)
    repository.owner_id, repository.owner_name = owner_id, owner_name
    repository.name, repository.name_key = new_name, queries.name_key(new_name)
    repository.updated_at = now()
    write_search_text(repository)
    if (old_owner.casefold(), queries.name_key(old_name)) != (
        owner_name.casefold(),
        repository.name_key,
    ):
        db.add(
            Redirect(
                kind=repository.kind,
                owner_key=old_owner.casefold(),
                name_key=queries.name_key(old_name),
                repository_id=repository.id,
            )
        )
    emit(db, RepositoryChanged(repository.id, f"{old_owner}/{old_name}"))


async def set_private(db: AsyncSession, repository: Repository, *, private: bool) -> None:
    """Show or hide a repository."""
    repository.private = private
    repository.updated_at = now()
    await db.flush()
    emit(db, RepositoryChanged(repository.id))


async def set_closed(db: AsyncSession, repository: Repository, *, closed: bool) -> None:
    """Let nobody but administrators open the files of a repository, or again who might before."""
    if repository.disabled != closed:
        repository.disabled = closed
        repository.updated_at = now()
        await db.flush()
        emit(db, RepositoryChanged(repository.id))
        log.info("repository_closed" if closed else "repository_reopened", id=repository.id)


async def close_repositories_of(db: AsyncSession, owner_id: int) -> list[int]:
    """Close every repository of an owner; return which were open."""
    found = await queries.open_repositories_of(db, owner_id)
    for repository in found:
        await set_closed(db, repository, closed=True)
    return [repository.id for repository in found]


async def delete_repository(db: AsyncSession, repository: Repository) -> None:
    """Remove a repository with its history; bytes nobody else needs are collected later."""
    full_name = f"{repository.owner_name}/{repository.name}"
    gone = RepositoryDeleted(
        repository.id, repository.kind, full_name, repository.owner_id, repository.private
    )
    emit(db, gone)
    await db.delete(repository)
    await db.flush()
    log.info("repository_deleted", repository_id=repository.id)


async def derived_from(
    db: AsyncSession, viewer: Viewer, repository: Repository, limit: int = 20
) -> list[RepositoryRow]:
    """Return repositories whose cards name this one as what they were made from."""
    full_name = f"{repository.owner_name}/{repository.name}"
    return [repository_row(row) for row in await queries.children_of(db, viewer, full_name, limit)]


async def repository_refs(db: AsyncSession, ids: list[int]) -> dict[int, RepositoryRow]:
    """Return repositories by id, for features that keep ids; the caller has checked access."""
    return {row.id: repository_row(row) for row in await queries.repositories_by_id(db, ids)}


async def repositories_by_id(db: AsyncSession, ids: list[int]) -> dict[int, Repository]:
    """Return whole repositories by id; the caller has checked access."""
    return {row.id: row for row in await queries.repositories_by_id(db, ids)}


async def paths_of(db: AsyncSession, ids: list[int]) -> dict[int, list[str]]:
    """Return the paths of the files on `main`, by repository; one query for all of them."""
    return await queries.main_paths(db, ids)


async def children_by_relation(db: AsyncSession, viewer: Viewer, base: str) -> dict[str, int]:
    """Return how many models that the viewer may see were made from `base`, by relation."""
    return await queries.children_by_relation(db, viewer, base, RELATIONS)


async def ids_by_name(
    db: AsyncSession, viewer: Viewer, kind: RepositoryKind, names: list[str]
) -> dict[str, int]:
    """Return the ids of those full names (in lower case) that the viewer may see."""
    return await queries.ids_by_name(db, viewer, kind, names)


async def visible_names(db: AsyncSession, viewer: Viewer, ids: Collection[int]) -> dict[int, str]:
    """Return the full names of those repositories that the viewer may see, by id."""
    return await queries.visible_names(db, viewer, ids) if ids else {}


async def total_bytes(db: AsyncSession, owner_id: int) -> int:
    """Return how much room all repositories of an account take; the caller has checked access."""
    return await queries.total_bytes(db, owner_id)
