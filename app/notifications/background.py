"""Hearing what happens, telling it beside the requests, and finding what was missed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError

from app.accounts.events import ReportDecided, SignedOut
from app.badges import service as badges
from app.badges.events import BadgeGiven
from app.bounties.events import BountyBegun, BountyEnding, BountyOver, BountyWon
from app.comments.events import CommentReleased
from app.core.clock import now
from app.core.db import AsyncSession, Database
from app.core.errors import AppError
from app.core.events import EventBus
from app.core.wakeups import Wakeups
from app.discussions import service as discussions
from app.discussions.events import CommentChanged, Commented, DiscussionOpened, StatusChanged
from app.hub.events import RepositoryChanged, RepositoryCreated
from app.jobs.events import JobEnded
from app.jobs.service import news as job_news
from app.notifications import service
from app.notifications.events import NotificationsMarked, channels, news_channel
from app.notifications.schemas import News, Target, What
from app.notifications.service.choices import follow_merged
from app.questions import service as questions
from app.questions.events import (
    AnswerAccepted,
    AnswerPosted,
    EditSuggested,
    PostEdited,
    QuestionAsked,
    QuestionClosed,
    RemarkPosted,
    TagMerged,
)
from app.quotas.events import LimitNeared
from app.tutorials import service as tutorials
from app.tutorials.events import (
    TutorialBroken,
    TutorialCommented,
    TutorialMended,
    TutorialPublished,
)

log = structlog.get_logger(__name__)

# Another process may have written news down; this one looks as often.
EVERY_S = 1.0
MAIL_EVERY_S = 2.0
_DIGESTS_EVERY = 30
SWEEP_EVERY = timedelta(minutes=5)
# News younger than this may still be on its way; older than that, the sweep has seen it.
_SETTLED, _LOOK_BACK = timedelta(seconds=30), timedelta(minutes=20)
_SWEPT_AT_ONCE = 500

_Happened = Callable[[AsyncSession, datetime, datetime, int], Awaitable[Sequence[object]]]
# What each feature tells again of a span of time.
_HAPPENED: Sequence[_Happened] = (
    discussions.happened_between,
    questions.happened_between,
    tutorials.happened_between,
    job_news.happened_between,
    badges.happened_between,
)

_Writer = Callable[[AsyncSession], Awaitable[News | None]]
_OUTCOMES = {
    "agreed": What.AGREED,
    "disagreed": What.DISAGREED,
    "ignored": What.IGNORED,
}


class Recorder:
    """Writes news down; the loop of this process hears of it at once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.written = asyncio.Event()
        self.hearers: dict[type[Any], Callable[[Any], Awaitable[None]]] = {
            DiscussionOpened: self.talked,
            Commented: self.talked,
            StatusChanged: self.talked,
            CommentChanged: self.reworded_in_talk,
            QuestionAsked: self.asked,
            AnswerPosted: self.answered,
            RemarkPosted: self.remarked,
            AnswerAccepted: self.accepted,
            QuestionClosed: self.closed,
            BadgeGiven: self.earned,
            BountyBegun: self.begun,
            BountyWon: self.won,
            BountyEnding: self.ending,
            BountyOver: self.over,
            PostEdited: self.reworded,
            EditSuggested: self.suggested,
            TutorialPublished: self.published,
            TutorialCommented: self.tutorial_talked,
            TutorialBroken: self.checked,
            TutorialMended: self.checked,
            CommentReleased: self.released,
            ReportDecided: self.decided,
            LimitNeared: self.neared,
            JobEnded: self.ended,
            RepositoryCreated: self.created,
            RepositoryChanged: self.created,
        }

    async def _write(self, writer: _Writer) -> None:
        """Write some news.

        What could not be written is lost, but for what a sweep finds again.
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

    async def talked(self, event: service.TalkEvent) -> None:
        """A discussion was opened, spoken in, closed or merged."""
        await self._write(lambda db: service.talk_news(db, event))

    async def ended(self, event: JobEnded) -> None:
        """A job succeeded or failed; what its owner cancelled is no news to them."""
        await self._write(lambda db: service.job_news(db, event))

    async def created(self, event: RepositoryCreated | RepositoryChanged) -> None:
        """There is a new repository, or one may be seen by everybody now."""
        await self._write(lambda db: service.repository_news(db, event.repository_id))

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

    async def earned(self, event: BadgeGiven) -> None:
        """Somebody earned a badge."""
        thread = Target(service.BADGE, event.award_id)
        await self._write(_known(News(f"badge:{event.award_id}", What.BADGE, thread, None)))

    async def _bounty(
        self,
        event: BountyBegun | BountyWon | BountyEnding | BountyOver,
        what: What,
        actor_id: int | None = None,
        entry_id: int | None = None,
    ) -> None:
        key = f"{what.value}:{event.bounty_id}"
        await self._questioned(key, what, event.question_id, actor_id, entry_id)

    async def suggested(self, event: EditSuggested) -> None:
        """Somebody suggested other words for a post."""
        key = f"suggestion:{event.suggestion_id}"
        await self._questioned(
            key, What.SUGGESTED, event.question_id, event.author_id, event.comment_id
        )

    async def reworded(self, event: PostEdited) -> None:
        """A post has new words: who is named in them for the first time is told."""
        thread = Target(service.QUESTION, event.question_id)
        await self._write(
            lambda db: service.news_of_edit(db, thread, event.comment_id, event.by_id, None)
        )

    async def reworded_in_talk(self, event: CommentChanged) -> None:
        """A comment of a discussion has new words."""
        await self._write(lambda db: service.edit_news(db, event))

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

    async def checked(self, event: TutorialBroken | TutorialMended) -> None:
        """The nightly check found that a tutorial broke, or runs again."""
        what = What.BROKEN if isinstance(event, TutorialBroken) else What.MENDED
        thread = Target(service.TUTORIAL, event.tutorial_id)
        await self._write(_known(News(f"tutorial-check:{event.check_id}", what, thread, None)))

    async def decided(self, event: ReportDecided) -> None:
        """The moderators looked at what somebody reported."""
        if event.outcome in _OUTCOMES:
            thread = Target(service.REPORTS, event.reporter_id)
            news = News(f"report:{event.report_id}", _OUTCOMES[event.outcome], thread, None)
            await self._write(_known(news))

    async def neared(self, event: LimitNeared) -> None:
        """An account came near a limit."""
        thread = Target(service.LIMIT, event.crossing_id)
        await self._write(_known(News(f"limit:{event.crossing_id}", What.LIMIT_NEAR, thread, None)))

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


def subscribe(events: EventBus, app: FastAPI) -> None:
    """Listen to the features below; `app.state.news` wakes this process's loop."""
    recorder = Recorder(app.state.database)
    wakeups: Wakeups = app.state.wakeups
    app.state.news = recorder

    async def wake(event: NotificationsMarked) -> None:
        wakeups.wake(news_channel(event.person_id))

    async def check(event: SignedOut) -> None:
        wakeups.wake(news_channel(event.user_id))

    for kind, hearer in recorder.hearers.items():
        events.subscribe(kind, hearer)
    events.subscribe_inside(TagMerged, follow_merged)
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
    missed: list[object] = []
    async with database.transaction() as db:
        for happened_between in _HAPPENED:
            missed += await happened_between(db, end - _LOOK_BACK, end, _SWEPT_AT_ONCE)
        await service.forget_old(db)
    for event in missed:
        await recorder.hearers[type(event)](event)


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
