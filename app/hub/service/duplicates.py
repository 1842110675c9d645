"""Copying a repository, or large files between two, without moving a byte."""

from collections.abc import Collection

import structlog

from app.core.db import AsyncSession
from app.core.errors import ForbiddenError
from app.core.i18n import _
from app.core.security import Viewer
from app.core.storage import BlobStore
from app.hub import errors, policy
from app.hub.queries import objects as queries
from app.hub.queries import stored, uploads, walks
from app.hub.schemas import MAIN, Author, NewCommit, RepositoryKind
from app.hub.service.commits import after_move, write_commit
from app.hub.service.large_files import link
from app.hub.service.repositories import create_repository
from app.hub.service.revisions import BRANCHES, find_revision
from app.hub.service.trees import TreeChanges, walk
from app.hub.tables import Repository
from app.quotas import service as quotas

log = structlog.get_logger(__name__)


async def duplicate_repository(  # noqa: PLR0913  # from where, to where, by whom
    db: AsyncSession,
    storage: BlobStore,
    viewer: Viewer,
    source: Repository,
    owner: str,
    name: str,
    *,
    private: bool | None = None,
) -> Repository:
    """Create a repository whose one commit holds the files on `main` of another.

    The bytes are shared. A copy is as closed as what it was made from: private if that is, unless
    asked otherwise by who may change it; with the same gate.

    Raises:
        ForbiddenError: the viewer may not open the files, not create there, or not publish them.
        ConflictError: the new name is taken.
        TooLargeError: the owner has no room for it.
    """
    await policy.require_files(db, viewer, source)
    if source.private and private is False and not await policy.may_write(db, viewer, source):
        raise ForbiddenError(
            _("A copy of a private repository must be private."),
            fix=_("Ask its owner to publish it."),
        )
    tip = (await find_revision(db, source, MAIN)).commit
    private = source.private or private if private is None else private
    made = await create_repository(
        db, storage, viewer, source.kind, owner, name, private=private or None
    )
    first = (await find_revision(db, made, MAIN)).commit
    changes = TreeChanges(tip.tree, await walk(db, first.tree), await walk(db, tip.tree))
    files = {entry.oid for entry in changes.new.values() if not entry.is_folder}
    blobs = await queries.blobs(db, files)
    digests = {blob.lfs_sha256 for blob in blobs.values() if blob.lfs_sha256}
    await link_files(db, viewer, source, made, digests)
    full_name = f"{source.owner_name}/{source.name}"
    new = NewCommit(f"Duplicate from {full_name}", Author(viewer.name, viewer.user_id))
    commit = await write_commit(db, made, tip.tree, [], new)
    await queries.move_ref(db, made.id, BRANCHES + MAIN, first.oid, commit.oid)
    async with quotas.growing(db, made.owner_id):
        await after_move(db, storage, made, BRANCHES + MAIN, commit, changes)
    await walks.set_last_commit(db, made.id, BRANCHES + MAIN, commit.oid)
    await stored.forget_commit(db, made.id, first.oid)
    made.gated = source.gated
    made.weights = dict(source.weights)
    await db.flush()
    log.info("repository_duplicated", repository_id=made.id, source_id=source.id)
    return made


async def link_files(
    db: AsyncSession,
    viewer: Viewer,
    source: Repository,
    target: Repository,
    digests: Collection[str],
) -> set[str]:
    """Let `target` hand out large files of `source`; return those that `source` does not have.

    The caller has checked that the viewer may open the files of the one and write to the other.
    """
    linked = await uploads.linked_lfs(db, source.id, digests, lock=True)
    await link(db, target, linked.keys(), viewer.user_id)
    return set(digests) - linked.keys()


async def target_of_copy(
    db: AsyncSession, viewer: Viewer, kind: RepositoryKind, full_name: str
) -> Repository:
    """Return the repository that files are to be copied to.

    Raises:
        NotFoundError: there is none, or the viewer may not see it.
        ForbiddenError: the viewer may not write to it.
    """
    owner, _slash, name = full_name.partition("/")
    try:
        return await policy.access_for_write(db, viewer, kind, owner, name)
    except policy.MovedError as moved:
        raise errors.repository_not_found() from moved
