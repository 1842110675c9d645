"""Making commits: stage the content, change the touched folders, move the branch."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog

from app.accounts import service as accounts
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ConflictError, InvalidError, StaleError
from app.core.events import emit
from app.core.i18n import _
from app.core.runtime import Flag
from app.core.storage import BlobStore, content_key
from app.hub import errors
from app.hub.events import CommitPushed
from app.hub.objects import (
    MODE_FILE,
    Pointer,
    Signature,
    TreeEntry,
    blob_id,
    encode_commit,
    encode_pointer,
    object_id,
    parse_pointer,
)
from app.hub.paths import check_path
from app.hub.queries import objects as queries
from app.hub.queries import repositories, uploads
from app.hub.schemas import (
    INLINE_BYTES,
    MAIN,
    MAX_REGULAR_BYTES,
    AddBlob,
    AddFile,
    AddStored,
    Author,
    CommitInfo,
    CopyFile,
    DeleteFile,
    DeleteFolder,
    NewCommit,
    Operation,
)
from app.hub.service import cards
from app.hub.service.last_commits import settle_merged
from app.hub.service.revisions import BRANCHES, commit_info, find_revision, full_ref
from app.hub.service.trees import TreeChanges, TreeEditor, find_entry, parent_of
from app.hub.tables import Blob, Commit, Ref, Repository
from app.quotas import service as quotas

log = structlog.get_logger(__name__)

_SHORT_OID = 7

MAX_TITLE = 500


async def stage_blobs(db: AsyncSession, storage: BlobStore, contents: Iterable[bytes]) -> list[str]:
    """Store small files outside any repository yet; return their ids, in order.

    Raises:
        TooLargeError: one is too large to be kept inside git.
    """
    rows, oids = [], []
    for content in contents:
        row = await _blob_row(storage, content)
        rows.append(row)
        oids.append(str(row["oid"]))
    if rows:
        await queries.add_blobs(db, rows)
    return oids


async def _blob_row(storage: BlobStore, content: bytes) -> dict[str, Any]:
    if len(content) > MAX_REGULAR_BYTES:
        raise InvalidError(
            _("A file of more than 10 MB must be sent as a large file."),
            fix=_("Upload it through Git LFS or Xet, as the client does by default."),
            code="too_large_for_git",
        )
    oid = blob_id(content)
    pointer = parse_pointer(content)
    row: dict[str, Any] = {
        "oid": oid,
        "size": len(content),
        "inline": content,
        "storage_key": None,
        "lfs_sha256": pointer.sha256 if pointer else None,
        "lfs_size": pointer.size if pointer else None,
    }
    if len(content) > INLINE_BYTES:
        key = content_key("git", oid)
        await storage.put(key, content)
        row |= {"inline": None, "storage_key": key}
    return row


async def commit(
    db: AsyncSession, storage: BlobStore, repository: Repository, new: NewCommit
) -> CommitInfo:
    """Apply the operations of `new` to its branch, deletions first, as one commit.

    Raises:
        NotFoundError: no such branch, or a path to delete or copy is not there.
        StaleError: the branch is not at `new.parent` any more.
        ConflictError: the paths cannot stand side by side.
        InvalidError: a path is not allowed, large bytes were not sent to this repository, or the
            head of the card is not valid.
        TooLargeError: the owner would have more bytes or files than an account may.
    """
    await accounts.require_switch(db, Flag.UPLOADS, new.author.user_id)
    async with quotas.growing(db, repository.owner_id):
        return await _commit(db, storage, repository, new)


async def _commit(
    db: AsyncSession, storage: BlobStore, repository: Repository, new: NewCommit
) -> CommitInfo:
    ref_name = full_ref(new.branch)
    ref = await queries.ref(db, repository.id, ref_name, lock=True)
    if ref is None or ref_name.startswith("refs/tags/"):
        raise errors.revision_not_found(new.branch)
    # Read anew under the lock: another commit may have changed size and head while we waited.
    repository = await repositories.fresh_repository(db, repository.id) or repository
    if ref.is_frozen:
        raise frozen(ref_name)
    if new.parent and not _names(new.parent, ref.target):
        raise stale()
    parent = await queries.commit_by_oid(db, repository.id, ref.target)
    if parent is None:
        raise errors.revision_not_found(new.branch)
    additions = await _additions(db, storage, repository, parent, new.operations)
    if cards.CARD_PATH in additions and not (new.as_is or new.merged):
        await cards.check_stored(db, storage, repository, additions[cards.CARD_PATH].oid)
    changes = await _edit(db, parent.tree, parent.oid, new.operations, additions)
    merged = await queries.commits_by_oid(db, repository.id, new.merged)
    made = await write_commit(db, repository, changes.root, [parent, *merged], new)
    if not await queries.move_ref(db, repository.id, ref_name, parent.oid, made.oid):
        raise stale()
    await after_move(db, storage, repository, ref_name, made, changes)
    if merged:
        await settle_merged(db, ref_name, made, changes.new.keys())
    actor_id = new.author.user_id
    emit(db, CommitPushed(repository.id, new.branch, made.oid, actor_id, parent.oid))
    log.info("commit_made", repository_id=repository.id, oid=made.oid, num_files=len(changes.new))
    return commit_info(made)


def _names(oid: str, target: str) -> bool:
    """Whether this is the commit's id or enough of its beginning."""
    return oid == target or (len(oid) >= _SHORT_OID and target.startswith(oid.lower()))


def stale() -> StaleError:
    """Return the answer to a commit on top of a tip that has moved; clients know this sentence."""
    return StaleError(
        _("The branch was updated since you opened this page. Please refresh and try again.")
    )


def frozen(ref_name: str) -> ConflictError:
    """Return the answer to a commit to a pull request that is closed or merged."""
    return ConflictError(
        _("%(ref)s takes no more commits: its pull request is closed or merged.")
        % {"ref": ref_name},
        fix=_("Reopen the pull request, or open another one."),
        code="frozen_ref",
    )


async def first_commit(
    db: AsyncSession, storage: BlobStore, repository: Repository, new: NewCommit
) -> None:
    """Give a new repository its branch `main` with one commit."""
    additions = await _additions(db, storage, repository, None, new.operations)
    changes = await _edit(db, object_id("tree", b""), "", new.operations, additions)
    made = await write_commit(db, repository, changes.root, [], new)
    ref_name = BRANCHES + MAIN
    db.add(Ref(repository_id=repository.id, name=ref_name, target=made.oid))
    await db.flush()
    await after_move(db, storage, repository, ref_name, made, changes)


async def _additions(
    db: AsyncSession,
    storage: BlobStore,
    repository: Repository,
    parent: Commit | None,
    operations: Sequence[Operation],
) -> dict[str, TreeEntry]:
    """Return the entry for each path that is to be there, its blob stored."""
    found: dict[str, TreeEntry] = {}
    files = [op for op in operations if isinstance(op, AddFile)]
    stored = [op for op in operations if isinstance(op, AddStored)]
    await _check_stored(db, repository, stored)
    contents = [op.content for op in files]
    contents += [encode_pointer(Pointer(op.sha256, op.size)) for op in stored]
    oids = await stage_blobs(db, storage, contents)
    places = [(op.path, op.mode) for op in files] + [(op.path, MODE_FILE) for op in stored]
    for (path, mode), oid in zip(places, oids, strict=True):
        found[path] = TreeEntry("", mode, oid)
    for operation in operations:
        if isinstance(operation, AddBlob):
            found[operation.path] = TreeEntry("", operation.mode, operation.oid)
        elif isinstance(operation, CopyFile) and parent is not None:
            found[operation.path] = await _copied(db, repository, parent, operation)
    await _check_pointers(db, repository, [entry.oid for entry in found.values()])
    return found


async def _copied(
    db: AsyncSession, repository: Repository, parent: Commit, operation: CopyFile
) -> TreeEntry:
    commit = parent
    if operation.revision:
        commit = (await find_revision(db, repository, operation.revision)).commit
    entry = await find_entry(db, commit.tree, operation.source)
    if entry is None or entry.is_folder:
        raise errors.entry_not_found(operation.source, commit.oid)
    return entry


async def _check_stored(
    db: AsyncSession, repository: Repository, stored: Sequence[AddStored]
) -> None:
    linked = await uploads.linked_lfs(db, repository.id, {op.sha256 for op in stored}, lock=True)
    for operation in stored:
        known = linked.get(operation.sha256)
        if known is None or known.size != operation.size:
            raise _not_sent(operation.path)


async def _check_pointers(db: AsyncSession, repository: Repository, oids: Sequence[str]) -> None:
    """A pointer whose bytes this repository does not have would be a file nobody can open."""
    blobs = await queries.blobs(db, oids)
    digests = {blob.lfs_sha256 for blob in blobs.values() if blob.lfs_sha256}
    linked = await uploads.linked_lfs(db, repository.id, digests, lock=True)
    for blob in blobs.values():
        if blob.lfs_sha256 and blob.lfs_sha256 not in linked:
            raise _not_sent(blob.lfs_sha256)


def _not_sent(what: str) -> InvalidError:
    return InvalidError(
        _("The bytes of %(what)s were not sent to this repository.") % {"what": what},
        fix=_("Upload the file first, then commit it."),
        code="lfs_object_missing",
    )


async def _edit(
    db: AsyncSession,
    root: str,
    parent: str,
    operations: Sequence[Operation],
    additions: Mapping[str, TreeEntry],
) -> TreeChanges:
    deleted = [
        op.path.rstrip("/") for op in operations if isinstance(op, DeleteFile | DeleteFolder)
    ]
    paths = [check_path(path) for path in (*deleted, *additions)]
    editor = TreeEditor(db, root)
    await editor.load(paths)
    for path in deleted:
        await editor.delete(path, parent)
    for path, entry in additions.items():
        editor.put(path, entry.mode, entry.oid)
    return await editor.write()


async def write_commit(
    db: AsyncSession, repository: Repository, tree: str, parents: Sequence[Commit], new: NewCommit
) -> Commit:
    """Write down a commit of a stored tree; no branch leads to it yet."""
    message = new.message.strip() or _("Update files")
    full = f"{message}\n\n{new.description.strip()}".strip() if new.description else message
    # Later than its parent even within one second: ids must differ, and order must hold.
    moment = max([now().replace(microsecond=0), *(parent.committed_at for parent in parents)])
    raw = encode_commit(
        tree, [parent.oid for parent in parents], signature(new.author, moment), full
    )
    oid = object_id("commit", raw)
    existing = await queries.commit_by_oid(db, repository.id, oid)
    if existing is not None:
        return existing
    made = Commit(
        repository_id=repository.id,
        oid=oid,
        tree=tree,
        parents=[parent.oid for parent in parents],
        generation=max([0, *(parent.generation for parent in parents)]) + 1,
        author_name=new.author.name,
        author_email=signature(new.author, moment).email,
        author_id=new.author.user_id,
        committed_at=moment.astimezone(UTC),
        title=message.split("\n")[0][:MAX_TITLE],
        message=full,
        raw=raw,
    )
    db.add(made)
    await db.flush()
    return made


def signature(author: Author, moment: datetime) -> Signature:
    """Return how an author is written in git; nobody's mail address is shown."""
    email = author.email or f"{author.user_id or 0}+{author.name}@users.noreply"
    return Signature(author.name, email, moment)


async def after_move(
    db: AsyncSession,
    storage: BlobStore,
    repository: Repository,
    ref_name: str,
    made: Commit,
    changes: TreeChanges,
) -> None:
    """Bring the index of a branch, and for `main` the repository's row, up to its new tip."""
    entries = (*changes.old.values(), *changes.new.values())
    blobs = await queries.blobs(db, {entry.oid for entry in entries if not entry.is_folder})
    gone = [path for path in changes.old if path not in changes.new]
    await queries.drop_paths(db, repository.id, ref_name, gone)
    rows = [
        _path_row(repository.id, ref_name, path, entry, blobs.get(entry.oid), made.oid)
        for path, entry in changes.new.items()
    ]
    await queries.set_paths(db, rows)
    if ref_name == BRANCHES + MAIN:
        repository.head = made.oid
        repository.updated_at = now()
        repository.size_bytes += _total(blobs, changes.new) - _total(blobs, changes.old)
        await cards.refresh(db, storage, repository, changes)
    await db.flush()


def _total(blobs: Mapping[str, Blob], entries: Mapping[str, TreeEntry]) -> int:
    found = (blobs.get(entry.oid) for entry in entries.values() if not entry.is_folder)
    return sum(real_size(blob) for blob in found if blob is not None)


def real_size(blob: Blob) -> int:
    """Return the size of the content a blob stands for."""
    return blob.size if blob.lfs_size is None else blob.lfs_size


def _path_row(  # one row, one argument a column group
    repository_id: int,
    ref_name: str,
    path: str,
    entry: TreeEntry,
    blob: Blob | None,
    commit_oid: str,
) -> dict[str, Any]:
    return {
        "repository_id": repository_id,
        "ref": ref_name,
        "path": path,
        "folder": parent_of(path),
        "is_folder": entry.is_folder,
        "oid": entry.oid,
        "size": real_size(blob) if blob else 0,
        "lfs_sha256": blob.lfs_sha256 if blob else None,
        "last_commit": commit_oid,
    }
