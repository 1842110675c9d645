"""Ending mails without signing in: by one click of a mail program, or by a button on a page."""

from fastapi import APIRouter, Request, Response

from app.core.http import Anybody, Db, SiteSettings
from app.core.templating import render
from app.notifications import service
from app.notifications.pages.inbox import private
from app.notifications.schemas import Pace
from app.notifications.service import words

router = APIRouter(prefix="/notifications/unsubscribe")


@router.get("/{token}")
async def ask(
    request: Request, db: Db, viewer: Anybody, settings: SiteSettings, token: str
) -> Response:
    """Show what the address ends; looking at it ends nothing."""
    found = await service.subscription(db, settings, token)
    return private(
        render(
            request,
            "notifications/unsubscribe.html",
            viewer=viewer,
            found=found,
            what=_what(found),
            is_done=False,
        )
    )


@router.post("/{token}")
async def end(
    request: Request, db: Db, viewer: Anybody, settings: SiteSettings, token: str
) -> Response:
    """End it: RFC 8058 sends no cookie and follows no redirection, so the answer is the page."""
    found = await service.subscription(db, settings, token)
    await service.end(db, found)
    return private(
        render(
            request,
            "notifications/unsubscribe.html",
            viewer=viewer,
            found=found,
            what=_what(found),
            is_done=True,
        )
    )


def _what(found: service.Subscription) -> str:
    if found.kind is not None:
        return words.kind(found.kind)
    return words.pace(found.pace or Pace.WEEKLY)
