"""Keeps the lease of one attempt and turns what the site says into orders for the runner."""

import threading
import time
from collections.abc import Callable
from enum import IntEnum

import structlog

from worker.site_client import AttemptClient, RefusedError, StaleAttemptError, UnreachableError

log = structlog.get_logger(__name__)

_LONGEST_PAUSE_S = 3.0
_FENCE = 2 / 3


class Order(IntEnum):
    """What the runner must do; the greater one wins."""

    GO_ON = 0
    STOP = 1  # checkpoint, then give the job back
    LEASE_AT_RISK = 2  # the same, but the lease may end before we are heard
    CANCEL = 3  # end, and say so
    STALE = 4  # somebody else has the job: end at once, say nothing


class Lease:
    """Sends heartbeats from a thread of its own until closed.

    The lease counts from the moment a heartbeat was sent, so it never ends later here than on the
    site. At two thirds of it without an answer the order is LEASE_AT_RISK. A site that answers that
    its database is away has not given the job to anybody, so such an answer counts as one.
    """

    def __init__(
        self,
        client: AttemptClient,
        lease_s: float,
        progress: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._client = client
        self._progress = progress
        self._lease_s = lease_s
        self._alive_at = time.monotonic()
        self._order = Order.GO_ON
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    @property
    def lease_s(self) -> float:
        """The length of the lease in seconds, as the site last said."""
        return self._lease_s

    @property
    def order(self) -> Order:
        """What the site wants, or what its silence means."""
        if self._order < Order.CANCEL and self.silent_s > self._lease_s * _FENCE:
            return Order.LEASE_AT_RISK
        return self._order

    @property
    def silent_s(self) -> float:
        """How long ago the last heartbeat that was answered had been sent."""
        return time.monotonic() - self._alive_at

    def raise_order(self, order: Order) -> None:
        """Pass on an order that came with another answer; it never becomes a lesser one."""
        with self._lock:
            self._order = max(self._order, order)

    def start(self) -> "Lease":
        """Begin; the claim itself counts as the first heartbeat."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Send no more heartbeats."""
        self._closed.set()
        self._thread.join(timeout=1.0)

    def _keep(self) -> None:
        while not self._closed.wait(self._pause_s()):
            if self._order is Order.STALE:
                return
            self._beat()

    def _pause_s(self) -> float:
        usual = min(self._lease_s / 3, _LONGEST_PAUSE_S)
        return min(usual, 1.0) if self.silent_s > self._lease_s / 3 else usual

    def _beat(self) -> None:
        sent_at = time.monotonic()
        try:
            reply = self._client.heartbeat(self._progress(), timeout_s=max(1.0, self._lease_s / 3))
        except StaleAttemptError:
            self.raise_order(Order.STALE)
        except UnreachableError as error:
            if error.database_away:
                self._alive_at = sent_at
            log.warning("heartbeat_unanswered", reason=str(error), silent_s=round(self.silent_s, 1))
        except RefusedError as error:
            log.error("heartbeat_refused", reason=str(error))  # noqa: TRY400 - the reason is enough
        else:
            self._alive_at = sent_at
            self._lease_s = reply.lease_s
            if reply.stop:
                self.raise_order(Order.STOP)
            if reply.cancel_requested:
                self.raise_order(Order.CANCEL)
