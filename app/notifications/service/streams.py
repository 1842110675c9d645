"""The open event streams of one process: told together, by one look at the database.

A stream costs a small object and no connection. Whoever is woken is looked at together with all
others that were woken meanwhile, so that a thousand readers cost three statements.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import structlog
from sqlalchemy.exc import DBAPIError

from app.accounts import service as accounts
from app.core.db import AsyncSession, Database
from app.core.errors import AppError, RateLimitedError
from app.core.i18n import _
from app.core.wakeups import Wakeups
from app.notifications.events import EVERYBODY, news_channel
from app.notifications.service import inbox
from app.notifications.service.inbox import Count

log = structlog.get_logger(__name__)

# A browser opens one for each page that is on a screen.
MOST_OF_A_PERSON = 12
# News come in bunches; one look answers all that came since the last.
_APART_S = 0.1
_BATCH = 1000


class Stream:
    """One reader: the newest count, and whether their session has ended."""

    __slots__ = ("_changed", "count", "is_closed", "person_id", "session_id")

    def __init__(self, person_id: int, session_id: int | None) -> None:
        self.person_id = person_id
        self.session_id = session_id
        self.count: Count | None = None
        self.is_closed = False
        self._changed = asyncio.Event()

    def tell(self, count: Count) -> None:
        """Let the reader know, if it is news."""
        if count != self.count:
            self.count = count
            self._changed.set()

    def close(self) -> None:
        """End the stream."""
        self.is_closed = True
        self._changed.set()

    async def wait(self, at_most_s: float) -> bool:
        """Return True when there is something new, False after `at_most_s`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await self._changed.wait()
        changed = self._changed.is_set()
        self._changed.clear()
        return changed


class Streams:
    """Every open stream of this process; `run` tells them."""

    def __init__(self, database: Database, wakeups: Wakeups) -> None:
        self._database = database
        self._wakeups = wakeups
        self._open: dict[int, set[Stream]] = defaultdict(set)
        self._ears: dict[int, ExitStack] = {}
        self._stale: set[int] = set()
        self._news = asyncio.Event()

    def require_room(self, person_id: int) -> None:
        """Pass only while the person may have one more.

        Raises:
            RateLimitedError: they have as many as anybody may have.
        """
        if len(self._open.get(person_id, ())) >= MOST_OF_A_PERSON:
            raise RateLimitedError(
                _("You have %(n)d streams open.") % {"n": MOST_OF_A_PERSON},
                fix=_("Close other pages of this site."),
                headers={"Retry-After": "30"},
            )

    @contextmanager
    def open(self, person_id: int, session_id: int | None) -> Iterator[Stream]:
        """Keep a stream of a person while the block lasts."""
        stream = Stream(person_id, session_id)
        self._add(stream)
        try:
            yield stream
        finally:
            self._remove(stream)

    def _add(self, stream: Stream) -> None:
        person = stream.person_id
        if person not in self._ears:
            ears = ExitStack()
            ears.enter_context(
                self._wakeups.listen(news_channel(person), lambda: self._touch(person))
            )
            self._ears[person] = ears
        self._open[person].add(stream)
        self._touch(person)

    def _remove(self, stream: Stream) -> None:
        person = stream.person_id
        self._open[person].discard(stream)
        if not self._open[person]:
            del self._open[person]
            self._ears.pop(person).close()

    def _touch(self, person_id: int) -> None:
        self._stale.add(person_id)
        self._news.set()

    def _touch_all(self) -> None:
        self._stale |= set(self._open)
        self._news.set()

    async def run(self) -> None:
        """Tell the streams for as long as the process lives."""
        with self._wakeups.listen(EVERYBODY, self._touch_all):
            looked_at_all = time.monotonic()
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._wakeups.poll_s):
                        await self._news.wait()
                if time.monotonic() - looked_at_all >= self._wakeups.poll_s:
                    looked_at_all = time.monotonic()
                    self._touch_all()
                try:
                    await self._look()
                except (AppError, DBAPIError) as error:
                    log.warning("streams_not_told", reason=type(error).__name__)
                await asyncio.sleep(_APART_S)

    async def _look(self) -> None:
        self._news.clear()
        while self._stale:
            some = [self._stale.pop() for _n in range(min(_BATCH, len(self._stale)))]
            people = [person for person in some if person in self._open]
            if people:
                async with self._database.transaction() as db:
                    await self._tell(db, people)

    async def _tell(self, db: AsyncSession, people: list[int]) -> None:
        streams = [stream for person in people for stream in self._open.get(person, ())]
        sessions = {stream.session_id for stream in streams if stream.session_id is not None}
        alive = await accounts.living_sessions(db, sessions)
        found = await inbox.counts(db, people)
        for stream in streams:
            if stream.session_id is not None and stream.session_id not in alive:
                stream.close()
            else:
                stream.tell(found[stream.person_id])
