"""Wake-ups: "look again at X", from any process of the site to those that wait for X.

Within one process they always work. Between processes they travel through Valkey; without it, or
while it is away, a waiter looks again by itself after `poll_s`. Nothing is ever carried but a name.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

_CHANNEL = "tuningfork:wakeups"
_POLL_CONNECTED_S = 10.0
_POLL_ALONE_S = 2.0
_RECONNECT_S = 2.0


class Listener:
    """One who waits for a name; wake-ups between two waits are not lost."""

    def __init__(self, wakeups: "Wakeups", then: Callable[[], None] | None) -> None:
        self._wakeups = wakeups
        self._event = asyncio.Event()
        self._then = then

    def notify(self) -> None:
        """Let the next or present wait return."""
        self._event.set()
        if self._then is not None:
            self._then()

    async def wait(self, at_most_s: float) -> None:
        """Return when it is worth looking again, at the latest after `at_most_s`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(min(at_most_s, self._wakeups.poll_s)):
                await self._event.wait()
        self._event.clear()


class Wakeups:
    """The wake-ups of one process; `run` keeps the connection to the others."""

    def __init__(self, broker_url: str) -> None:
        self._redis = (
            Redis.from_url(broker_url, socket_connect_timeout=2, socket_timeout=None)
            if broker_url
            else None
        )
        self._listeners: dict[str, set[Listener]] = defaultdict(set)
        self._sending: set[asyncio.Task[None]] = set()
        self._connected = False

    @property
    def poll_s(self) -> float:
        """How long a waiter may rely on being woken."""
        return _POLL_CONNECTED_S if self._connected else _POLL_ALONE_S

    @contextmanager
    def listen(self, name: str, then: Callable[[], None] | None = None) -> Iterator[Listener]:
        """Listen for `name` inside the block; look at the state after entering it, not before.

        Who listens for many names at once gives `then`, which is called at each wake-up.
        """
        listener = Listener(self, then)
        self._listeners[name].add(listener)
        try:
            yield listener
        finally:
            self._listeners[name].discard(listener)
            if not self._listeners[name]:
                del self._listeners[name]

    def wake(self, name: str) -> None:
        """Wake everybody who listens for `name`; returns at once and never fails."""
        self._wake_here(name)
        if self._redis is not None and self._connected:
            task = asyncio.create_task(self._publish(self._redis, name))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def run(self) -> None:
        """Hear the other processes until cancelled; a lost connection is made again."""
        if self._redis is None:
            return
        try:
            while True:
                with suppress(RedisError, OSError):
                    await self._hear(self._redis)
                self._connected = False
                await asyncio.sleep(_RECONNECT_S)
        finally:
            self._connected = False
            await self._redis.aclose()

    async def _hear(self, redis: Redis) -> None:
        async with redis.pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe(_CHANNEL)
            self._connected = True
            self._wake_all()
            async for message in pubsub.listen():
                self._wake_here(message["data"].decode())

    async def _publish(self, redis: Redis, name: str) -> None:
        try:
            await redis.publish(_CHANNEL, name)
        except (RedisError, OSError) as error:
            log.warning("wakeup_failed", reason=type(error).__name__)

    def _wake_here(self, name: str) -> None:
        for listener in list(self._listeners.get(name, ())):
            listener.notify()

    def _wake_all(self) -> None:
        # What was published while the connection was away is unknown, so everybody looks again.
        for name in list(self._listeners):
            self._wake_here(name)
