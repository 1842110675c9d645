"""The loop that forgets those who left and did not come back within a week."""

import asyncio

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError

from app.accounts import service
from app.accounts.schemas import Site
from app.core.errors import AppError
from app.core.settings import Settings
from app.mail import service as mail

log = structlog.get_logger(__name__)

EVERY_S = 600.0


async def run_erasures(app: FastAPI) -> None:
    """Forget people for as long as the process lives; `app.state.erasers` are asked each time."""
    settings: Settings = app.state.settings
    site = Site(
        url=settings.site_url.rstrip("/") or f"http://{settings.host}:{settings.port}",
        sends_letters=mail.is_on(settings),
        key=settings.secret_key.get_secret_value(),
    )
    while True:
        try:
            await service.erase_due(app.state.database, site, app.state.erasers)
        except (AppError, DBAPIError) as error:
            log.warning("erasure_postponed", reason=type(error).__name__)
        await asyncio.sleep(EVERY_S)
