"""Looking at the parts of the site every few seconds, and reading again what was changed here."""

import asyncio
import os
import socket
from collections.abc import Coroutine
from datetime import timedelta

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError

from app.admin import queries
from app.admin.events import RuntimeChanged
from app.admin.schemas import PARTS
from app.admin.service.overview import Grounds, look
from app.core.clock import now
from app.core.errors import AppError
from app.core.events import EventBus

log = structlog.get_logger(__name__)

EVERY_S = 10.0
# A mail server counts who calls, and a letter says sooner that it is away.
_MAIL_EVERY_ROUNDS = 30


def subscribe(events: EventBus, app: FastAPI) -> None:
    """Let what is changed in this process hold before its answer leaves."""

    async def reload(_event: RuntimeChanged) -> None:
        await app.state.runtime.reload(app.state.database)

    events.subscribe(RuntimeChanged, reload)


def grounds_of(app: FastAPI) -> Grounds:
    """Return what this process stands on."""
    return Grounds(app.state.database, app.state.storage, app.state.settings)


async def run_probes(app: FastAPI) -> None:
    """Give signs of life and look at the parts for as long as the process lives."""
    name, started_at, rounds = f"{socket.gethostname()}:{os.getpid()}", now(), 0
    while True:
        try:
            async with app.state.database.transaction() as db:
                await queries.give_sign(db, name, app.version, started_at)
                newest = await queries.checked_at(db, "web")
            # Of several processes one looks.
            if newest is None or newest < now() - timedelta(seconds=EVERY_S * 0.8):
                mail = rounds % _MAIL_EVERY_ROUNDS == 0
                await _to_the_end(
                    look(grounds_of(app), frozenset(PARTS if mail else set(PARTS) - {"mail"}))
                )
            rounds += 1
        except (AppError, DBAPIError, OSError) as error:
            log.warning("probes_failed", reason=type(error).__name__)
        await asyncio.sleep(EVERY_S)


async def _to_the_end(looking: Coroutine[None, None, None]) -> None:
    """Await something that may be told to stop only when it is done: it holds files open.

    A look takes milliseconds, and each of its parts a few seconds at most.
    """
    task = asyncio.create_task(looking)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
