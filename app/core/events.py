"""News that features tell each other: emitted inside a transaction, delivered after it committed.

Calls go down the layers, news goes up: a lower feature emits, a higher one subscribes in `main.py`.
A handler opens its own transaction; it can be lost when the process dies between commit and
delivery, so nothing that must happen may hang on an event alone (a sweeper finds it again).
What must happen together with the news is subscribed to inside: the handler works in the same
transaction, and its failure undoes the whole of it.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

log = structlog.get_logger(__name__)

E = TypeVar("E")
Handler = Callable[[E], Awaitable[None]]
InnerHandler = Callable[[AsyncSession, E], Awaitable[None]]
_PENDING = "pending_events"


class EventBus:
    """Subscribers by event class, in the order they subscribed."""

    def __init__(self) -> None:
        self._handlers: dict[type, list[Handler[object]]] = defaultdict(list)
        self._inner: dict[type, list[InnerHandler[object]]] = defaultdict(list)

    def subscribe(self, kind: type[E], handler: Handler[E]) -> None:
        """Call `handler` after each committed transaction that emitted an event of `kind`."""
        self._handlers[kind].append(handler)  # type: ignore[arg-type]  # keyed by its own class

    def subscribe_inside(self, kind: type[E], handler: InnerHandler[E]) -> None:
        """Call `handler` within each transaction that announces an event of `kind`."""
        self._inner[kind].append(handler)  # type: ignore[arg-type]  # keyed by its own class

    async def deliver_inside(self, db: AsyncSession, event: object) -> None:
        """Let those above act in the transaction of `db`; what one of them raises is raised."""
        for handler in self._inner[type(event)]:
            await handler(db, event)

    async def deliver(self, db: AsyncSession) -> None:
        """Deliver what was emitted through `db`; call it once the transaction has committed.

        A handler that fails is logged: what was committed stays so, and saying otherwise would
        make clients send it again.
        """
        for event in db.info.pop(_PENDING, []):
            for handler in self._handlers[type(event)]:
                await _hand_over(handler, event)


async def _hand_over(handler: Handler[object], event: object) -> None:
    try:
        await handler(event)
    except Exception:
        log.exception("event_handler_failed", event_kind=type(event).__name__)


def emit(db: AsyncSession, event: object) -> None:
    """Remember `event` until the transaction of `db` commits; a rollback forgets it."""
    db.info.setdefault(_PENDING, []).append(event)


async def announce(db: AsyncSession, event: object) -> None:
    """Let those above act in this transaction, and tell the others once it has committed."""
    bus: EventBus | None = db.info.get("events")
    if bus is not None:
        await bus.deliver_inside(db, event)
    emit(db, event)
