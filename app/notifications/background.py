"""Hearing what happens, telling it beside the requests, and finding what was missed."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError

from app.accounts.events import ReportDecided, SignedOut
from app.bounties.events import BountyBegun, BountyEnding, BountyOver, BountyWon
from app.comments import service as comments
from app.comments.events import CommentReleased
from app.core.clock import now
from app.core.db import AsyncSession, Database
from app.core.errors import AppError, NotFoundError
from app.core.events import EventBus
from app.core.wakeups import Wakeups
from app.discussions import service as discussions
from app.discussions.events import Commented, DiscussionOpened, StatusChanged
from app.discussions.schemas import Status
from app.hub import service as hub
from app.hub.events import RepositoryChanged, RepositoryCreated
from app.jobs.events import JobEnded
from app.jobs.schemas import JobState
from app.jobs.service import control as jobs
from app.notifications import service
from app.notifications.events import NotificationsMarked, channels, news_channel
from app.notifications.schemas import KEPT_LEDGER, News, Target, What
from app.questions.events import (
    AnswerAccepted,
    AnswerPosted,
    QuestionAsked,
    QuestionClosed,
    RemarkPosted,
)
from app.tutorials.events import TutorialCommented, TutorialPublished

log = structlog.get_logger(__name__)

# Another process may have written news down; this one looks as often.
EVERY_S = 1.0
MAIL_EVERY_S = 2.0
_DIGESTS_EVERY = 30
SWEEP_EVERY = timedelta(minutes=5)
# News younger than this may still be on its way; older than that, the sweep has seen it.
_SETTLED, _LOOK_BACK = timedelta(seconds=30), timedelta(minutes=20)
_SWEPT_AT_ONCE = 500
_TALK = service.TALK

_Writer = Callable[[AsyncSession], Awaitable[News | None]]
_TalkEvent = DiscussionOpened | Commented | StatusChanged
_STATUSES = {
    Status.OPEN: What.REOPENED,
    Status.CLOSED: What.CLOSED,
    Status.MERGED: What.MERGED,
}


_OUTCOMES = {
    "agreed": What.AGREED,
    "disagreed": What.DISAGREED,
    "ignored": What.IGNORED,
}
_JOB_STATES = {JobState.SUCCEEDED: What.SUCCEEDED, JobState.FAILED: What.FAILED}


class Recorder:
    """Writes news down; the loop of this process hears of it at once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.written = asyncio.Event()

    async def _write(self, writer: _Writer) -> None:
        """Write some news.

        What could not be written is lost, but for discussions, which a sweep finds again.
        """
        try:
            async with self._database.transaction() as db:
                news = await writer(db)
                is_new = await service.record(db, news) if news else False
        except (AppError, DBAPIError) as error:
            log.warning("news_postponed", reason=type(error).__name__)
            return
        if is_new:
            self.written.set()

    async def talked(self, event: _TalkEvent) -> None:
        """A discussion was opened, spoken in, closed or merged."""
        await self._write(lambda db: _talk_news(db, event))

    async def ended(self, event: JobEnded) -> None:
        """A job succeeded or failed; what its owner cancelled is no news to them."""
        if event.state in _JOB_STATES:
            await self._write(lambda db: _job_news(db, event))

    async def created(self, event: RepositoryCreated | RepositoryChanged) -> None:
        """There is a new repository, or one may be seen by everybody now."""
        await self._write(lambda db: _repository_news(db, event.repository_id))

    async def published(self, event: TutorialPublished) -> None:
        """There is a new tutorial; its next versions and translations are no news for a month."""

        async def writer(_db: AsyncSession) -> News | None:
            thread = Target(service.TUTORIAL, event.tutorial_id)
            key = f"tutorial:{event.tutorial_id}"
            return News(key, What.PUBLISHED, thread, event.author_id)

        if event.author_id is not None:
            await self._write(writer)

    async def asked(self, event: QuestionAsked) -> None:
        """There is a new question."""
        key = f"question:{event.question_id}"
        await self._questioned(
            key, What.OPENED, event.question_id, event.author_id, event.comment_id
        )

    async def answered(self, event: AnswerPosted) -> None:
        """A question has an answer."""
        key = f"comment:{event.comment_id}"
        await self._questioned(
            key, What.ANSWERED, event.question_id, event.author_id, event.comment_id
        )

    async def remarked(self, event: RemarkPosted) -> None:
        """Somebody remarked on a question or an answer."""
        key = f"comment:{event.comment_id}"
        await self._questioned(
            key, What.COMMENTED, event.question_id, event.author_id, event.comment_id
        )

    async def accepted(self, event: AnswerAccepted) -> None:
        """An answer solves its question."""
        key = f"accepted:{event.comment_id}"
        await self._questioned(key, What.ACCEPTED, event.question_id, event.by_id, event.comment_id)

    async def closed(self, event: QuestionClosed) -> None:
        """A question was closed, or reopened."""
        key = f"question-closed:{event.question_id}:{now().isoformat()}"
        what = What.CLOSED if event.closed else What.REOPENED
        await self._questioned(key, what, event.question_id, event.by_id, None)

    async def begun(self, event: BountyBegun) -> None:
        """Somebody put up a bounty."""
        await self._bounty(event, What.BOUNTY_BEGUN, event.by_id)

    async def won(self, event: BountyWon) -> None:
        """An answer won a bounty, or half of it."""
        await self._bounty(event, What.BOUNTY_WON, event.by_id, event.comment_id)

    async def ending(self, event: BountyEnding) -> None:
        """Who put a bounty up has a day left to award it."""
        await self._bounty(event, What.BOUNTY_ENDS)

    async def over(self, event: BountyOver) -> None:
        """Nobody won a bounty."""
        await self._bounty(event, What.BOUNTY_OVER)

    async def _bounty(
        self,
        event: BountyBegun | BountyWon | BountyEnding | BountyOver,
        what: What,
        actor_id: int | None = None,
        entry_id: int | None = None,
    ) -> None:
        key = f"{what.value}:{event.bounty_id}"
        await self._questioned(key, what, event.question_id, actor_id, entry_id)

    async def _questioned(
        self, key: str, what: What, question_id: int, actor_id: int | None, entry_id: int | None
    ) -> None:
        news = News(key, what, Target(service.QUESTION, question_id), actor_id, None, entry_id)
        await self._write(_known(news))

    async def tutorial_talked(self, event: TutorialCommented) -> None:
        """Somebody wrote at the end of a tutorial."""
        thread = Target(service.TUTORIAL, event.tutorial_id)
        key = f"comment:{event.comment_id}"
        news = News(key, What.COMMENTED, thread, event.author_id, None, event.comment_id)
        await self._write(_known(news))

    async def decided(self, event: ReportDecided) -> None:
        """The moderators looked at what somebody reported."""
        if event.outcome in _OUTCOMES:
            thread = Target(service.REPORTS, event.reporter_id)
            news = News(f"report:{event.report_id}", _OUTCOMES[event.outcome], thread, None)
            await self._write(_known(news))

    async def released(self, event: CommentReleased) -> None:
        """A comment that waited for the moderators stands: now it is news."""
        async with self._database.transaction() as db:
            is_news = await service.tell_again(db, event.comment_id)
        if is_news:
            self.written.set()


def _known(news: News) -> _Writer:
    async def writer(_db: AsyncSession) -> News | None:
        return news

    return writer


async def _job_news(db: AsyncSession, event: JobEnded) -> News | None:
    job = await jobs.job_of(db, event.job_id)
    if job is None or "sweep" in job.labels:  # a trial: its sweep is what its owner looks at
        return None
    what = _JOB_STATES[event.state]
    return News(f"job:{job.id}:{job.attempt}:{what}", what, Target(service.JOB, job.id), None)


async def _repository_news(db: AsyncSession, number: int) -> News | None:
    found = (await hub.repositories_by_id(db, [number])).get(number)
    if found is None or found.private or found.created_at < now() - KEPT_LEDGER:
        return None
    thread = Target(service.REPOSITORY, number)
    return News(f"repository:{number}", What.PUBLISHED, thread, found.creator_id, number)


async def _talk_news(db: AsyncSession, event: _TalkEvent) -> News | None:
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
    return News(key, what, Target(_TALK, talk.id), event.actor_id, found.id, entry)


def subscribe(events: EventBus, app: FastAPI) -> None:
    """Listen to the features below; `app.state.news` wakes this process's loop."""
    recorder = Recorder(app.state.database)
    wakeups: Wakeups = app.state.wakeups
    app.state.news = recorder

    async def wake(event: NotificationsMarked) -> None:
        wakeups.wake(news_channel(event.person_id))

    async def check(event: SignedOut) -> None:
        wakeups.wake(news_channel(event.user_id))

    events.subscribe(DiscussionOpened, recorder.talked)
    events.subscribe(Commented, recorder.talked)
    events.subscribe(StatusChanged, recorder.talked)
    events.subscribe(QuestionAsked, recorder.asked)
    events.subscribe(AnswerPosted, recorder.answered)
    events.subscribe(RemarkPosted, recorder.remarked)
    events.subscribe(AnswerAccepted, recorder.accepted)
    events.subscribe(QuestionClosed, recorder.closed)
    events.subscribe(BountyBegun, recorder.begun)
    events.subscribe(BountyWon, recorder.won)
    events.subscribe(BountyEnding, recorder.ending)
    events.subscribe(BountyOver, recorder.over)
    events.subscribe(TutorialCommented, recorder.tutorial_talked)
    events.subscribe(CommentReleased, recorder.released)
    events.subscribe(ReportDecided, recorder.decided)
    events.subscribe(JobEnded, recorder.ended)
    events.subscribe(RepositoryCreated, recorder.created)
    events.subscribe(RepositoryChanged, recorder.created)
    events.subscribe(TutorialPublished, recorder.published)
    events.subscribe(NotificationsMarked, wake)
    events.subscribe(SignedOut, check)


async def tell_waiting(database: Database, wakeups: Wakeups) -> int:
    """Tell all news that waits, and wake the bells; return how many people were told."""
    count = 0
    while (number := await service.take(database)) is not None:
        is_over = False
        while not is_over:
            told = await service.tell_some(database, number)
            is_over = told.is_over
            count += len(told.people)
            for name in channels(told.people):
                wakeups.wake(name)
    return count


async def run_telling(app: FastAPI) -> None:
    """Tell news for as long as the process lives."""
    recorder: Recorder = app.state.news
    while True:
        recorder.written.clear()
        try:
            await tell_waiting(app.state.database, app.state.wakeups)
        except (AppError, DBAPIError) as error:
            log.warning("telling_postponed", reason=type(error).__name__)
        try:
            async with asyncio.timeout(EVERY_S):
                await recorder.written.wait()
        except TimeoutError:
            continue


async def sweep(recorder: Recorder, database: Database) -> None:
    """Write down what happened lately and was missed, and forget what is old."""
    end = now() - _SETTLED
    async with database.transaction() as db:
        missed = await discussions.happened_between(db, end - _LOOK_BACK, end, _SWEPT_AT_ONCE)
        await service.forget_old(db)
    for event in missed:
        await recorder.talked(event)


async def run_sweeper(app: FastAPI) -> None:
    """Sweep every five minutes for as long as the process lives."""
    while True:
        try:
            await sweep(app.state.news, app.state.database)
        except (AppError, DBAPIError) as error:
            log.warning("news_sweep_postponed", reason=type(error).__name__)
        await asyncio.sleep(SWEEP_EVERY.total_seconds())


async def run_mailing(app: FastAPI) -> None:
    """Write letters for as long as the process lives: at once, and once a minute those gathered."""
    database, settings = app.state.database, app.state.settings
    rounds = 0
    while True:
        try:
            while await service.mail_instant(database, settings):
                continue
            if rounds % _DIGESTS_EVERY == 0:
                await service.mail_digests(database, settings)
        except (AppError, DBAPIError) as error:
            log.warning("letters_postponed", reason=type(error).__name__)
        rounds += 1
        await asyncio.sleep(MAIL_EVERY_S)


async def run_streams(app: FastAPI) -> None:
    """Tell the open streams for as long as the process lives."""
    await app.state.streams.run()
