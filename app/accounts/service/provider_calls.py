"""Asking a provider, and remembering for a while what it says of itself."""

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import structlog

from app.core.i18n import _
from app.core.safe_fetch import OutboundError, safe_fetch
from app.core.settings import Settings

log = structlog.get_logger(__name__)

Told = TypeVar("Told")


async def fetch_object(
    settings: Settings,
    method: str,
    url: str,
    headers: dict[str, str] | None = None,
    content: bytes | None = None,
) -> dict[str, Any]:
    """Return the JSON object that a provider answers with.

    Raises:
        OutboundError: it does not answer, or with something else.
    """
    found = await fetch(settings, method, url, headers, content)
    if not isinstance(found, dict):
        raise unexpected("shape")
    return found


async def fetch(
    settings: Settings,
    method: str,
    url: str,
    headers: dict[str, str] | None = None,
    content: bytes | None = None,
) -> Any:
    """Return the JSON that a provider answers with.

    Raises:
        OutboundError: it does not answer, or with something else.
    """
    # The secret, and the person's token, are for this address and no other.
    answer = await safe_fetch(
        settings,
        method,
        url,
        headers={"Accept": "application/json", **(headers or {})},
        content=content,
        follow_redirects=False,
    )
    if answer.status != 200:  # noqa: PLR2004  # OK
        raise unexpected(f"status {answer.status}")
    try:
        return json.loads(answer.body)
    except ValueError as error:
        raise unexpected("json") from error


def unexpected(reason: str) -> OutboundError:
    """Return what is said when a provider keeps not to the protocol; the log says why."""
    log.warning("provider_failed", reason=reason)
    return OutboundError(
        _("The provider did not answer as it should."),
        fix=_("Try again; if it stays, tell the site's administrator."),
    )


class Remembered(Generic[Told]):
    """What providers said of themselves, by their address; a few of them, for an hour each."""

    lifetime_s = 3600.0
    most = 32

    def __init__(self) -> None:
        self._told: dict[str, tuple[float, Told]] = {}

    async def get(
        self, key: str, ask: Callable[[], Awaitable[Told]], *, fresh: bool = False
    ) -> tuple[Told, bool]:
        """Return what `ask` gives, and whether it was asked just now; a failure is not kept."""
        known = self._told.get(key)
        if known is not None and known[0] > time.monotonic() and not fresh:
            return known[1], False
        told = await ask()
        self._told.pop(key, None)
        while len(self._told) >= self.most:
            self._told.pop(next(iter(self._told)))
        self._told[key] = (time.monotonic() + self.lifetime_s, told)
        return told, True
