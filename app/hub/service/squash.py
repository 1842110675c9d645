"""Beginning a branch's history anew: one commit without parents that holds what was at its tip."""

import structlog

from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import BadRequestError
from app.core.events import emit
from app.core.i18n import _
from app.hub import errors
from app.hub.events import CommitPushed
from app.hub.queries import objects as queries
from app.hub.queries import walks
from app.hub.schemas import MAIN, Author, CommitInfo, NewCommit
from app.hub.service.commits import frozen, stale, write_commit
from app.hub.service.revisions import BRANCHES, TAGS, commit_info, full_ref
from app.hub.tables import Repository

log = structlog.get_logger(__name__)

_MAX_AUTHORS = 100


async def squash(
    db: AsyncSession, repository: Repository, branch: str, message: str, author: Author
) -> CommitInfo:
    """Replace the history of a branch, or of `refs/pr/N`, by one commit with the same files.

    Everybody who wrote a part of that history is named in the new commit's last lines. The old
    commits stay reachable by id as long as something else leads to them.

    Raises:
        NotFoundError: no such branch.
        BadRequestError: it is a tag.
        ConflictError: it is a pull request that is closed.
        StaleError: somebody committed to it meanwhile.
    """
    ref_name = full_ref(branch)
    ref = await queries.ref(db, repository.id, ref_name, lock=True)
    if ref_name.startswith(TAGS) or (ref is None and await _is_tag(db, repository, branch)):
        raise BadRequestError(
            _("Invalid reference for a branch: %(name)s") % {"name": branch[:200]}
        )
    tip = await queries.commit_by_oid(db, repository.id, ref.target) if ref else None
    if ref is None or tip is None:
        raise errors.revision_not_found(branch)
    if ref.is_frozen:
        raise frozen(ref_name)
    message = message.strip() or f"Super-squash branch '{branch}'"
    new = NewCommit(message, author, description=await _credits(db, repository, tip.oid, author))
    made = await write_commit(db, repository, tip.tree, [], new)
    if not await queries.move_ref(db, repository.id, ref_name, tip.oid, made.oid):
        raise stale()
    await walks.set_last_commit(db, repository.id, ref_name, made.oid)
    if ref_name == BRANCHES + MAIN:
        repository.head = made.oid
        repository.updated_at = now()
    emit(db, CommitPushed(repository.id, branch, made.oid, author.user_id, tip.oid))
    log.info("history_squashed", repository_id=repository.id, ref=ref_name, oid=made.oid)
    return commit_info(made)


async def _is_tag(db: AsyncSession, repository: Repository, name: str) -> bool:
    return await queries.ref(db, repository.id, TAGS + name) is not None


async def _credits(db: AsyncSession, repository: Repository, tip: str, author: Author) -> str:
    writers = await walks.authors(db, repository.id, tip, _MAX_AUTHORS)
    return "\n".join(
        f"Co-authored-by: {one.name} <{one.email}>" for one in writers if one.name != author.name
    )
