"""Branches, tags, commits by name, and the history behind them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError

from app.core.db import AsyncSession
from app.core.errors import BadRequestError, ConflictError, ForbiddenError, InvalidError
from app.core.events import emit
from app.core.i18n import _
from app.hub import errors
from app.hub.events import RefChanged
from app.hub.paths import check_ref_name, is_oid
from app.hub.queries import objects as queries
from app.hub.schemas import MAIN, CommitInfo, RefInfo, Refs
from app.hub.tables import Commit, Ref, Repository
from app.quotas import service as quotas

BRANCHES = "refs/heads/"
TAGS = "refs/tags/"
PULL_REQUESTS = "refs/pr/"
# What programs make of the files, in another format: a branch that people do not see among theirs.
CONVERTS = "refs/convert/"
_SHORTEST_PREFIX = 4


@dataclass(frozen=True)
class Revision:
    """A commit, and the branch that led to it if one did."""

    commit: Commit
    ref: str | None

    @property
    def oid(self) -> str:
        """The commit's id."""
        return self.commit.oid


def full_ref(branch: str) -> str:
    """Return the full name of the ref that a commit goes to."""
    return branch if branch.startswith("refs/") else BRANCHES + branch


async def find_revision(db: AsyncSession, repository: Repository, rev: str) -> Revision:
    """Return what `rev` names: a branch, a tag, a full ref, a commit, or the start of its id.

    Raises:
        NotFoundError: nothing of that name; code RevisionNotFound.
    """
    candidates = [BRANCHES + rev, TAGS + rev, *([rev] if rev.startswith("refs/") else [])]
    targets = await queries.refs_named(db, repository.id, candidates)
    ref = next((name for name in candidates if name in targets), None)
    oid = targets[ref] if ref else await _oid_of(db, repository, rev)
    commit = await queries.commit_by_oid(db, repository.id, oid) if oid else None
    if commit is None:
        raise errors.revision_not_found(rev)
    return Revision(commit, ref if ref and not ref.startswith(TAGS) else None)


async def _oid_of(db: AsyncSession, repository: Repository, rev: str) -> str:
    if is_oid(rev):
        return rev
    if len(rev) < _SHORTEST_PREFIX or not is_oid(rev.ljust(40, "0")):
        return ""
    found = await queries.commits_by_prefix(db, repository.id, rev)
    return found[0] if len(found) == 1 else ""


async def resolve_revision(db: AsyncSession, repository: Repository, rev: str) -> str:
    """Return the id of the commit that `rev` names.

    Raises:
        NotFoundError: nothing of that name.
    """
    return (await find_revision(db, repository, rev)).oid


def commit_info(commit: Commit) -> CommitInfo:
    """Return what lists and pages show of a commit."""
    return CommitInfo(
        oid=commit.oid,
        parents=tuple(commit.parents),
        title=commit.title,
        message=commit.message,
        author_name=commit.author_name,
        author_id=commit.author_id,
        committed_at=commit.committed_at,
    )


async def commit_of(db: AsyncSession, repository: Repository, rev: str) -> CommitInfo:
    """Return the commit that `rev` names.

    Raises:
        NotFoundError: nothing of that name.
    """
    return commit_info((await find_revision(db, repository, rev)).commit)


async def history(
    db: AsyncSession, repository: Repository, rev: str, *, page: int = 0, limit: int = 50
) -> tuple[Sequence[CommitInfo], bool]:
    """Return a page of the commits behind `rev`, newest first, and whether there are more.

    Raises:
        NotFoundError: nothing of that name.
    """
    start = (await find_revision(db, repository, rev)).commit
    rows = await queries.history(db, repository.id, start, page * limit, limit + 1)
    return [commit_info(row) for row in rows[:limit]], len(rows) > limit


async def count_commits(db: AsyncSession, repository: Repository, rev: str) -> int:
    """Return how many commits stand behind `rev`; exact where there are no merges.

    Raises:
        NotFoundError: nothing of that name.
    """
    return (await find_revision(db, repository, rev)).commit.generation


async def list_refs(db: AsyncSession, repository: Repository) -> Refs:
    """Return every branch, tag and pull request."""
    rows = await queries.refs(db, repository.id)

    def under(prefix: str) -> tuple[RefInfo, ...]:
        found = [
            RefInfo(row.name.removeprefix(prefix), row.name, row.target)
            for row in rows
            if row.name.startswith(prefix)
        ]
        return tuple(sorted(found, key=_order))

    return Refs(under(BRANCHES), under(TAGS), under(PULL_REQUESTS), under(CONVERTS))


def _order(ref: RefInfo) -> tuple[bool, int, str]:
    # Pull requests are numbers: 2 comes before 10.
    number = int(ref.name) if ref.ref.startswith(PULL_REQUESTS) and ref.name.isdecimal() else 0
    return ref.name != MAIN, number, ref.name


async def create_branch(
    db: AsyncSession, repository: Repository, name: str, start: str = MAIN
) -> None:
    """Make a branch, or one under `refs/convert/`, at what `start` names.

    Raises:
        BadRequestError: no branch may be called so.
        NotFoundError: `start` names nothing.
        ConflictError: there is one.
        TooLargeError: its owner would have more files than an account may.
    """
    full = _branch_ref(name)
    revision = await find_revision(db, repository, start or MAIN)
    await _add_ref(db, repository, full, revision.oid)
    if revision.ref is not None:
        async with quotas.growing(db, repository.owner_id):
            await queries.copy_paths(db, repository.id, revision.ref, full)


def _branch_ref(name: str) -> str:
    is_convert = name.startswith(CONVERTS)
    try:
        check_ref_name(name.removeprefix(CONVERTS))
    except InvalidError as error:
        raise BadRequestError(
            _("Invalid reference for a branch: %(name)s") % {"name": ascii(name[:200])[1:-1]},
            fix=error.fix,
            code=error.code,
        ) from error
    return name if is_convert else BRANCHES + name


async def create_tag(
    db: AsyncSession, repository: Repository, name: str, rev: str, message: str = ""
) -> None:
    """Name what `rev` names.

    Raises:
        BadRequestError: no tag may be called so.
        NotFoundError: `rev` names nothing.
        ConflictError: there is one.
    """
    # First what is tagged, then its name: clients tell the two by the order.
    revision = await find_revision(db, repository, rev)
    try:
        check_ref_name(name)
    except InvalidError as error:
        raise BadRequestError(error.message, fix=error.fix, code=error.code) from error
    await _add_ref(db, repository, TAGS + name, revision.oid, message)


async def _add_ref(
    db: AsyncSession, repository: Repository, name: str, target: str, message: str = ""
) -> None:
    exists = ConflictError(_("Reference %(name)s already exists") % {"name": name}, code="exists")
    if await queries.ref(db, repository.id, name) is not None:
        raise exists
    try:
        async with db.begin_nested():
            db.add(Ref(repository_id=repository.id, name=name, target=target, message=message))
    except IntegrityError as error:  # somebody else was faster by a moment
        raise exists from error
    emit(db, RefChanged(repository.id, name, "", target))


async def delete_branch(db: AsyncSession, repository: Repository, name: str) -> None:
    """Remove a branch; its commits stay reachable by id.

    Raises:
        ForbiddenError: it is `main`.
        NotFoundError: there is none.
    """
    if name == MAIN:
        raise ForbiddenError(_("Cannot delete refs/heads/main"))
    await _delete_ref(db, repository, name if name.startswith(CONVERTS) else BRANCHES + name, name)


async def delete_tag(db: AsyncSession, repository: Repository, name: str) -> None:
    """Remove a tag.

    Raises:
        NotFoundError: there is none.
    """
    await _delete_ref(db, repository, TAGS + name, name)


async def _delete_ref(db: AsyncSession, repository: Repository, full: str, name: str) -> None:
    ref = await queries.ref(db, repository.id, full)
    if ref is None:
        raise errors.revision_not_found(name)
    await db.delete(ref)
    await db.flush()
    emit(db, RefChanged(repository.id, full, ref.target, ""))
