"""Bringing `main` into a pull request, with a decision for each file that conflicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.core.db import AsyncSession
from app.core.errors import ConflictError, ForbiddenError, InvalidError
from app.core.i18n import _
from app.core.security import Viewer
from app.core.storage import BlobStore
from app.discussions import policy
from app.discussions.schemas import Conflict
from app.discussions.service.pulls import reason_of
from app.hub import policy as hub_policy
from app.hub import service as hub
from app.hub.schemas import (
    MAIN,
    MAX_REGULAR_BYTES,
    AddBlob,
    AddFile,
    Author,
    CommitInfo,
    DeleteFile,
    NewCommit,
    Operation,
    TreeFile,
)
from app.hub.service import Repository
from app.hub.service.merging import MergePlan, ancestry_of, plan_merge

_EDITABLE_BYTES = 256 * 1024


class Side(StrEnum):
    """Whose content a conflicting file gets."""

    MAIN = "main"
    PULL = "pull"
    TEXT = "text"


@dataclass(frozen=True)
class Choice:
    """What becomes of one file; `text` counts only for `Side.TEXT`."""

    side: Side
    text: str = ""


@dataclass(frozen=True)
class OpenConflict:
    """A file to decide about; `text` is the pull request's content, None if it is not text."""

    path: str
    reason: str
    text: str | None
    main_text: str | None
    in_main: bool
    in_pull: bool


@dataclass(frozen=True)
class _Sides:
    main: str
    head: str
    num_behind: int
    plan: MergePlan


async def _sides(db: AsyncSession, storage: BlobStore, repository: Repository, num: int) -> _Sides:
    main = await hub.resolve_revision(db, repository, MAIN)
    head = await hub.resolve_revision(db, repository, f"refs/pr/{num}")
    found = await ancestry_of(db, repository, head, main)
    plan = await plan_merge(db, storage, repository, found.base, head, main)
    return _Sides(main, head, found.num_behind, plan)


async def require_update(
    db: AsyncSession, viewer: Viewer, repository: Repository, num: int
) -> None:
    """Pass only if the viewer may commit to this pull request, and it takes commits.

    Raises:
        NotFoundError: there is no such discussion.
        ForbiddenError: it is neither theirs nor in a repository of theirs.
        ConflictError: it is closed, merged, or no pull request.
    """
    row = await policy.find(db, repository, num)
    viewer.require_user()
    if not await hub_policy.may_commit_to(db, viewer, repository, f"refs/pr/{num}"):
        raise ForbiddenError(_("Only its author and the writers of the repository may do this."))
    if not row.is_pull_request or not row.status.is_live:
        raise ConflictError(_("This pull request takes no more commits."), code="frozen_ref")


async def open_conflicts(
    db: AsyncSession, storage: BlobStore, repository: Repository, num: int
) -> Sequence[OpenConflict]:
    """Return each file that must be decided about before `main` fits into a pull request."""
    sides = await _sides(db, storage, repository, num)
    found = []
    for conflict in sides.plan.conflicts:
        pull = await _text(db, storage, repository, sides.head, conflict.path)
        main = await _text(db, storage, repository, sides.main, conflict.path)
        here = await _file(db, repository, sides.head, conflict.path)
        there = await _file(db, repository, sides.main, conflict.path)
        reason: Conflict = reason_of(conflict, from_main=True)
        found.append(
            OpenConflict(
                conflict.path, reason.reason, pull, main, there is not None, here is not None
            )
        )
    return found


async def _file(db: AsyncSession, repository: Repository, rev: str, path: str) -> TreeFile | None:
    items = await hub.find_paths(db, repository, rev, [path], expand=False)
    return next((item for item in items if isinstance(item, TreeFile)), None)


async def _text(
    db: AsyncSession, storage: BlobStore, repository: Repository, rev: str, path: str
) -> str | None:
    found = await _file(db, repository, rev, path)
    if found is None or found.lfs_sha256 or found.size > _EDITABLE_BYTES:
        return None
    raw = await (await hub.open_file(db, storage, repository, rev, path)).read_all()
    if b"\0" in raw:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


async def update_from_main(  # where, which, and what was decided
    db: AsyncSession,
    storage: BlobStore,
    viewer: Viewer,
    repository: Repository,
    num: int,
    choices: Mapping[str, Choice],
) -> CommitInfo:
    """Commit what `main` has and the pull request has not to the pull request.

    Raises:
        NotFoundError: there is no such pull request.
        ForbiddenError: it is neither the viewer's nor in a repository of theirs.
        ConflictError: it takes no commits, or has all of `main` already.
        InvalidError: a file that conflicts was not decided about.
        StaleError: somebody committed to it meanwhile.
    """
    await require_update(db, viewer, repository, num)
    sides = await _sides(db, storage, repository, num)
    if not sides.num_behind:
        raise ConflictError(_("It has all of main already."), code="up_to_date")
    operations = [*sides.plan.operations]
    for conflict in sides.plan.conflicts:
        choice = choices.get(conflict.path)
        if choice is None:
            raise InvalidError(
                _("Decide about %(path)s first.") % {"path": conflict.path}, code="undecided"
            )
        operations += await _decided(db, repository, sides, conflict.path, choice)
    new = NewCommit(
        message=f"Merge branch '{MAIN}' into refs/pr/{num}",
        author=Author(viewer.name, viewer.user_id),
        operations=operations,
        branch=f"refs/pr/{num}",
        parent=sides.head,
        merged=[sides.main],
    )
    return await hub.commit(db, storage, repository, new)


async def _decided(
    db: AsyncSession, repository: Repository, sides: _Sides, path: str, choice: Choice
) -> list[Operation]:
    if choice.side is Side.PULL:
        return []
    if choice.side is Side.TEXT:
        content = choice.text.replace("\r\n", "\n").encode()[:MAX_REGULAR_BYTES]
        return [AddFile(path, content)]
    there = await _file(db, repository, sides.main, path)
    if there is not None:
        return [AddBlob(path, there.oid, there.mode)]
    return [DeleteFile(path)] if await _file(db, repository, sides.head, path) else []
