"""The doorbell: tells workers that a queue has work, so that they need not wait for their poll.

A ring carries the name of a queue and nothing else, and it may be lost: the truth is the job's row,
workers poll too, and a sweeper rings again. Therefore a broker that is away never fails a request.
"""

import asyncio
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from celery import Celery

log = structlog.get_logger(__name__)

RING = "tuningfork.ring"
EXPIRES_S = 60
# How messages lie in the broker; both sides must agree, the shortest timeout would win anyway.
TRANSPORT_OPTIONS = {
    "visibility_timeout": 120,
    "unacked_mutex_expire": 10,
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
    "retry_on_timeout": False,
    "max_retries": 0,
}


class Doorbell:
    """Rings through Celery, off the event loop, and at most one ring a queue at a time."""

    def __init__(self, broker_url: str) -> None:
        self._broker_url = broker_url
        self._celery: Celery | None = None
        self._ringing: dict[str, asyncio.Task[None]] = {}

    def ring(self, queue: str) -> None:
        """Tell the workers of `queue` that a job waits; returns at once and never fails."""
        if self._broker_url and queue not in self._ringing:
            task = asyncio.create_task(self._ring(queue))
            self._ringing[queue] = task
            task.add_done_callback(lambda _task: self._ringing.pop(queue, None))

    async def close(self) -> None:
        """Let rings that are under way end, then close the connections."""
        if self._ringing:
            await asyncio.wait(self._ringing.values(), timeout=3)
        if self._celery is not None:
            await asyncio.to_thread(self._celery.close)

    async def _ring(self, queue: str) -> None:
        from kombu.exceptions import KombuError, OperationalError

        try:
            await asyncio.to_thread(self._send, queue)
        except (OperationalError, KombuError, OSError) as error:
            log.warning("ring_failed", queue=queue, reason=type(error).__name__)

    def _send(self, queue: str) -> None:
        if self._celery is None:
            self._celery = _celery(self._broker_url)
        self._celery.send_task(
            RING,
            kwargs={"queue": queue},
            queue=queue,
            expires=EXPIRES_S,
            ignore_result=True,
            retry=False,
        )


def _celery(broker_url: str) -> "Celery":
    from celery import Celery

    app = Celery("tuningfork", broker=broker_url, set_as_current=False)
    app.conf.update(
        result_backend=None,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        broker_transport_options=TRANSPORT_OPTIONS,
        broker_connection_retry=False,
        broker_connection_timeout=2,
    )
    return app
