"""The refs that hold the commits of pull requests: `refs/pr/N`."""

from app.core.db import AsyncSession
from app.hub import errors
from app.hub.queries import objects as queries
from app.hub.schemas import MAIN
from app.hub.service.revisions import BRANCHES, PULL_REQUESTS, find_revision
from app.hub.tables import Ref, Repository


async def open_pull_ref(
    db: AsyncSession, repository: Repository, num: int, owner_id: int, start: str = MAIN
) -> str:
    """Make `refs/pr/N` at what `start` names, for its owner to commit to; return its target.

    Its index begins empty, so that opening one costs the same in a repository of any size: what
    the index lacks is found by walking the history.

    Raises:
        NotFoundError: `start` names nothing.
    """
    revision = await find_revision(db, repository, start or MAIN)
    name = f"{PULL_REQUESTS}{num}"
    db.add(Ref(repository_id=repository.id, name=name, target=revision.oid, owner_id=owner_id))
    await db.flush()
    return revision.oid


async def freeze_pull_ref(db: AsyncSession, repository: Repository, num: int) -> str:
    """Let `refs/pr/N` take no more commits; return where it stands, empty if it is gone."""
    ref = await queries.ref(db, repository.id, f"{PULL_REQUESTS}{num}", lock=True)
    if ref is None:
        return ""
    ref.is_frozen = True
    await db.flush()
    return ref.target


async def thaw_pull_ref(
    db: AsyncSession, repository: Repository, num: int, owner_id: int | None, target: str
) -> None:
    """Let `refs/pr/N` take commits again; if it is gone it comes back at `target`.

    Raises:
        NotFoundError: `target` is not a commit of this repository any more.
    """
    name = f"{PULL_REQUESTS}{num}"
    ref = await queries.ref(db, repository.id, name, lock=True)
    if ref is None:
        if await queries.commit_by_oid(db, repository.id, target) is None:
            raise errors.revision_not_found(name)
        ref = Ref(repository_id=repository.id, name=name, target=target, owner_id=owner_id)
        db.add(ref)
    ref.is_frozen = False
    await db.flush()


async def lock_branch(db: AsyncSession, repository: Repository, branch: str) -> str:
    """Hold a branch until the transaction ends; return where it stands.

    Raises:
        NotFoundError: there is none.
    """
    ref = await queries.ref(db, repository.id, BRANCHES + branch, lock=True)
    if ref is None:
        raise errors.revision_not_found(branch)
    return ref.target
