"""The loop that settles bounties whose time is over."""

import asyncio

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError

from app.bounties import service
from app.core.errors import AppError

log = structlog.get_logger(__name__)

EVERY_S = 60.0


async def run_settling(app: FastAPI) -> None:
    """Settle for as long as the process lives; several processes at once settle each once."""
    while True:
        try:
            if settled := await service.settle_due(app.state.database):
                log.info("bounties_settled", num_bounties=settled)
        except (AppError, DBAPIError) as error:
            log.warning("settling_postponed", reason=type(error).__name__)
        await asyncio.sleep(EVERY_S)
