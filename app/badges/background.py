"""The loop that gives badges every night."""

import asyncio

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError

from app.badges import service
from app.core.errors import AppError

log = structlog.get_logger(__name__)

EVERY_S = 600.0


async def run_badges(app: FastAPI) -> None:
    """Give badges once a day (UTC) for as long as the process lives."""
    while True:
        try:
            given = await service.run_tonight(app.state.database)
            if given is not None:
                log.info("badges_given", num_badges=given)
        except (AppError, DBAPIError) as error:
            log.warning("badges_postponed", reason=type(error).__name__)
        await asyncio.sleep(EVERY_S)
