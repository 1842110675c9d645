"""The loop that sends letters, and the bell that wakes it."""

import asyncio

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError

from app.core.errors import AppError
from app.core.events import EventBus
from app.mail import service
from app.mail.events import LetterQueued

log = structlog.get_logger(__name__)

# Another process may have handed a letter in; this one looks as often.
EVERY_S = 5.0
_TIDY_EVERY = 720


def subscribe(events: EventBus, bell: asyncio.Event) -> None:
    """Ring the bell of this process's loop for every letter that is handed in here."""

    async def ring(_event: LetterQueued) -> None:
        bell.set()

    events.subscribe(LetterQueued, ring)


async def run_outbox(app: FastAPI) -> None:
    """Send letters for as long as the process lives."""
    bell: asyncio.Event = app.state.letters_queued
    rounds = 0
    while not _shall_end():
        bell.clear()
        try:
            while await service.send_due(app.state.database, app.state.settings):
                if _shall_end():
                    return
            if rounds % _TIDY_EVERY == 0:
                await _look_after(app)
        except (AppError, DBAPIError) as error:
            log.warning("mail_round_failed", reason=str(error)[:200])
        rounds += 1
        await _wait(bell)


def _shall_end() -> bool:
    """Whether the site stops: `asyncio.wait_for` of Python 3.11 may swallow being cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _look_after(app: FastAPI) -> None:
    """Tidy, and tell the operator once in a while that letters wait for a server."""
    async with app.state.database.transaction() as db:
        await service.tidy(db)
        waiting = await service.waiting(db)
    if waiting and not service.is_on(app.state.settings):
        log.warning("letters_wait_without_server", waiting=waiting, fix="Set TUNINGFORK_SMTP_URL.")


async def _wait(bell: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(EVERY_S):
            await bell.wait()
    except TimeoutError:
        return
