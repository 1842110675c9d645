"""One's notifications as a feed, and the address that opens feeds for a feed reader."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app.core.feeds import ENTRIES, KEY, Entry, Feed, feed, list_address
from app.core.http import AccountViewer, AnySignedIn, Db, SiteSettings, site_address
from app.core.i18n import _
from app.core.security import Scope
from app.core.templating import render
from app.notifications import service
from app.notifications.pages.inbox import private
from app.notifications.schemas import Filters, State
from app.notifications.service import feed_keys, words

router = APIRouter()


@feed(router, "/notifications")
async def notifications_feed(request: Request, db: Db, viewer: AnySignedIn) -> Feed:
    """Tell of one's own notifications."""
    if viewer.token_name != feed_keys.TOKEN_NAME or viewer.session_id is not None:
        viewer.require_scope(Scope.ACCOUNT)
    page = await service.single_page(db, viewer, Filters(State.ALL), "", ENTRIES)
    entries = [
        Entry(
            key=f"notification/{item.id}",
            title=f"{subject.title}: {words.happened(item.what, item.actor)}",
            address=subject.anchors.get(item.entry_id or 0, subject.address),
            updated=item.created_at,
            published=item.created_at,
            author=item.actor,
            summary=words.reason(item.reason),
        )
        for item, _thread, subject in page.items
    ]
    return Feed(f"{_('Notifications')} · Tuningfork", list_address(request), entries)


@router.get("/settings/feeds")
async def show(request: Request, db: Db, viewer: AccountViewer, settings: SiteSettings) -> Response:
    """Show the address that opens one's feeds."""
    key = await feed_keys.key_of(db, settings, viewer)
    return private(
        render(
            request,
            "notifications/feeds.html",
            viewer=viewer,
            problem=None,
            address=f"{site_address(request)}/notifications.atom?{KEY}={key}" if key else "",
            name=KEY,
            key=key,
        )
    )


@router.post("/settings/feeds")
async def renew(db: Db, viewer: AccountViewer, settings: SiteSettings) -> Response:
    """Make another address; the one before opens nothing any more."""
    await feed_keys.renew(db, settings, viewer)
    return RedirectResponse("/settings/feeds?saved=1", 303)


@router.post("/settings/feeds/revoke")
async def revoke(db: Db, viewer: AccountViewer) -> Response:
    """Take the address back."""
    await feed_keys.revoke(db, viewer)
    return RedirectResponse("/settings/feeds?saved=1", 303)
