"""The doorbell's end on the worker: a Celery consumer that does nothing but wake the claim loop.

It runs with the solo pool in a thread of the worker. A ring takes microseconds and carries no work,
so a pool of processes would buy nothing; and the main thread must stay free for signals and for the
children, which the kernel kills when the thread that started them ends. Losing a ring, the broker,
or this whole thread costs time only: the claim loop polls as well.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from celery import Celery
from celery.worker import WorkController, state

log = structlog.get_logger(__name__)

RING = "tuningfork.ring"
_AGAIN_S = 5.0


class _Forward(logging.Handler):
    """Puts what Celery says about the broker into our own log, one line each."""

    def emit(self, record: logging.LogRecord) -> None:
        log.warning("broker_trouble", said=" ".join(record.getMessage().split())[:300])


def make_celery(broker_url: str, ring: Callable[[str], None]) -> Celery:
    """Return an application whose only job message calls `ring` with the name of a queue."""
    app = Celery("tuningfork-worker", broker=broker_url, set_as_current=False)
    app.conf.update(
        result_backend=None,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        # Acknowledged before it is handled, on purpose: a bell is not work that could be lost.
        task_acks_late=False,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "visibility_timeout": 120,
            "unacked_restore_limit": 100,
            "unacked_mutex_expire": 10,
            "socket_timeout": 10,
            "socket_connect_timeout": 5,
            "retry_on_timeout": True,
            "health_check_interval": 25,
        },
    )

    @app.task(name=RING)  # type: ignore[untyped-decorator]  # Celery has no types
    def rung(queue: str = "", **_later: object) -> None:
        ring(queue)

    app.finalize()
    return app


class Bell:
    """Listens on the queues from a thread of its own; `ring` is called there."""

    def __init__(self, broker_url: str, queues: Sequence[str], ring: Callable[[str], None]) -> None:
        self._app = make_celery(broker_url, ring)
        self._queues = list(queues)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="bell", daemon=True)
        celery_log = logging.getLogger("celery")
        if not any(isinstance(handler, _Forward) for handler in celery_log.handlers):
            celery_log.addHandler(_Forward(logging.WARNING))
            celery_log.propagate = False

    def start(self) -> "Bell":
        """Begin to listen; a broker that is away is tried again for ever."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop listening; gives up waiting after three seconds, the thread ends with us."""
        self._closed.set()
        state.should_stop = 0
        self._thread.join(timeout=3.0)

    @property
    def is_listening(self) -> bool:
        """Whether the thread is alive."""
        return self._thread.is_alive()

    def _listen(self) -> None:
        while not self._closed.is_set():
            controller: Any = WorkController(  # Celery has no types
                app=self._app,
                pool="solo",
                concurrency=1,
                queues=self._queues,
                without_gossip=True,
                without_mingle=True,
                without_heartbeat=True,
                loglevel="WARNING",
            )
            controller.start()
            if not self._closed.is_set():
                log.warning("bell_lost", again_in_s=_AGAIN_S)
                self._closed.wait(_AGAIN_S)
