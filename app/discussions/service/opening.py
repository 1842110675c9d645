"""Opening discussions and pull requests."""

from dataclasses import replace

import structlog

from app.comments import service as comments
from app.core.db import AsyncSession
from app.core.errors import Detail, InvalidError
from app.core.events import emit
from app.core.i18n import _
from app.core.security import Viewer
from app.core.storage import BlobStore
from app.discussions import policy, queries
from app.discussions.events import DiscussionOpened
from app.discussions.schemas import MAX_TITLE, DiscussionView, NewDiscussion, Status
from app.discussions.service.records import view
from app.discussions.tables import Discussion
from app.hub import service as hub
from app.hub.schemas import MAIN, CommitInfo, NewCommit
from app.hub.service import Repository

log = structlog.get_logger(__name__)

# Threads of discussions go with their repository.
SUBJECT = "repository"


def check_title(title: str) -> str:
    """Return `title` as it is kept: one line without space around it.

    Raises:
        InvalidError: it is empty or too long.
    """
    text = " ".join(title.replace("\0", "").split())
    problem = ""
    if not text:
        problem = _("Give it a title.")
    elif len(text) > MAX_TITLE:
        problem = _("A title may have at most %(n)d characters.") % {"n": MAX_TITLE}
    if problem:
        raise InvalidError(problem, code="bad_title", details=[Detail("title", problem)])
    return text


async def open_discussion(
    db: AsyncSession,
    viewer: Viewer,
    repository: Repository,
    new: NewDiscussion,
    *,
    start: str = MAIN,
) -> DiscussionView:
    """Open a discussion, or a draft of a pull request whose ref stands where `start` does.

    Raises:
        UnauthorizedError: nobody is signed in.
        ForbiddenError: the viewer may not open the files and wants a pull request, or the owner
            has blocked them.
        InvalidError: title or description will not do.
        NotFoundError: `start` names nothing.
    """
    row = await _open(db, viewer, repository, new, start, Status.DRAFT)
    return await view(db, row)


async def open_with_commit(
    db: AsyncSession, storage: BlobStore, viewer: Viewer, repository: Repository, new: NewCommit
) -> tuple[DiscussionView, CommitInfo]:
    """Open a pull request with one commit, grown from `new.parent` or from `new.branch`.

    Raises:
        UnauthorizedError: nobody is signed in.
        ForbiddenError: the viewer may not open the files.
        InvalidError: a path is not allowed, or large bytes were not sent to this repository.
        NotFoundError: it is to grow from what is not there, or is no branch.
    """
    if (await hub.find_revision(db, repository, new.branch)).ref is None:
        raise hub.revision_not_found(new.branch)
    title = new.message.strip().split("\n")[0][:MAX_TITLE] or _("Update files")
    asked = NewDiscussion(title, new.description.strip() or title, is_pull_request=True)
    start = new.parent or new.branch
    row = await _open(db, viewer, repository, asked, start, Status.OPEN)
    branch = f"refs/pr/{row.num}"
    made = await hub.commit(db, storage, repository, replace(new, branch=branch, parent=""))
    return await view(db, row), made


async def _open(  # who, where, what, from where
    db: AsyncSession,
    viewer: Viewer,
    repository: Repository,
    new: NewDiscussion,
    start: str,
    status: Status,
) -> Discussion:
    user_id = await policy.require_opening(db, viewer, repository)
    title, body = check_title(new.title), comments.check_body(new.description)
    if new.is_pull_request:
        await policy.require_proposal(db, viewer, repository)
    num = await queries.next_num(db, repository.id)
    thread_id = await comments.open_thread(db, SUBJECT, repository.id)
    row = Discussion(
        repository_id=repository.id,
        num=num,
        title=title,
        status=status if new.is_pull_request else Status.OPEN,
        is_pull_request=new.is_pull_request,
        author_id=user_id,
        thread_id=thread_id,
    )
    db.add(row)
    made = await comments.add_comment(db, thread_id, user_id, body)
    if new.is_pull_request:
        await hub.open_pull_ref(db, repository, num, user_id, start)
    if not made.is_held:  # else it is news when the moderators let it stand
        emit(db, DiscussionOpened(repository.id, num, new.is_pull_request, user_id))
    log.info("discussion_opened", repository_id=repository.id, num=num)
    return row
