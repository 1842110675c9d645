"""From what the features tell to news that is written down."""

from app.comments import service as comments
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import NotFoundError
from app.discussions import service as discussions
from app.discussions.events import CommentChanged, Commented, DiscussionOpened, StatusChanged
from app.discussions.schemas import Status
from app.hub import service as hub
from app.jobs.events import JobEnded
from app.jobs.schemas import JobState
from app.jobs.service import control as jobs
from app.notifications.schemas import KEPT_LEDGER, News, Target, What
from app.notifications.service.sources.naming import news_of_edit
from app.notifications.service.sources.talks import REPOSITORY, TALK
from app.notifications.service.sources.works import JOB

TalkEvent = DiscussionOpened | Commented | StatusChanged
_STATUSES = {
    Status.OPEN: What.REOPENED,
    Status.CLOSED: What.CLOSED,
    Status.MERGED: What.MERGED,
}
_JOB_STATES = {JobState.SUCCEEDED: What.SUCCEEDED, JobState.FAILED: What.FAILED}


async def job_news(db: AsyncSession, event: JobEnded) -> News | None:
    """Return the news of a job's end; what was cancelled, a trial's, a check's is none."""
    if event.state not in _JOB_STATES:
        return None
    job = await jobs.job_of(db, event.job_id)
    # Its owner looks at the whole of these.
    if job is None or {"sweep", "check", "sandbox"} & job.labels.keys():
        return None
    what = _JOB_STATES[event.state]
    return News(f"job:{job.id}:{job.attempt}:{what}", what, Target(JOB, job.id), None)


async def repository_news(db: AsyncSession, number: int) -> News | None:
    """Return the news of a repository that everybody may see and that is not old."""
    found = (await hub.repositories_by_id(db, [number])).get(number)
    if found is None or found.private or found.created_at < now() - KEPT_LEDGER:
        return None
    thread = Target(REPOSITORY, number)
    return News(f"repository:{number}", What.PUBLISHED, thread, found.creator_id, number)


async def talk_news(db: AsyncSession, event: TalkEvent) -> News | None:
    """Return the news of a discussion; None if it is nobody's, or the discussion has gone."""
    found = (await hub.repositories_by_id(db, [event.repository_id])).get(event.repository_id)
    if found is None:
        return None
    try:
        talk = await discussions.get_discussion(db, found, event.num)
    except NotFoundError:
        return None
    entry = None
    if isinstance(event, DiscussionOpened):
        key, what = f"discussion:{talk.id}", What.OPENED
        first = await comments.first_comment(db, talk.thread_id)
        entry = first.id if first else None
    elif isinstance(event, Commented):
        key, what, entry = f"comment:{event.comment_id}", What.COMMENTED, event.comment_id
    elif event.status in _STATUSES:
        key, what = f"discussion-event:{event.event_id}", _STATUSES[event.status]
    else:
        return None  # a draft is nobody's news
    return News(key, what, Target(TALK, talk.id), event.actor_id, found.id, entry)


async def edit_news(db: AsyncSession, event: CommentChanged) -> News | None:
    """Return the news of whom an edited comment names first; None if it names nobody new."""
    found = (await hub.repositories_by_id(db, [event.repository_id])).get(event.repository_id)
    if found is None:
        return None
    try:
        talk = await discussions.get_discussion(db, found, event.num)
    except NotFoundError:
        return None
    thread = Target(TALK, talk.id)
    return await news_of_edit(db, thread, event.comment_id, event.actor_id, found.id)
