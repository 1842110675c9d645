"""The page of a person or an organisation: what they share."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.accounts import service as accounts
from app.core.feeds import ENTRIES, Feed, feed, list_address
from app.core.http import Db, RepoReader
from app.core.templating import render
from app.hub.pages.lists import repository_entry
from app.hub.schemas import Filters, RepositoryKind, Sort
from app.hub.service import lists

router = APIRouter(include_in_schema=False)
_SHOWN = 10


@feed(router, "/{owner}")
async def profile_feed(request: Request, db: Db, viewer: RepoReader, owner: str) -> Feed:
    """Tell of the newest models and data sets of an account."""
    found = await accounts.profile(db, owner)
    entries = []
    for kind in RepositoryKind:
        filters = Filters(kind, owner_id=found.account.id, sort=Sort.CREATED, limit=ENTRIES)
        page = await lists.list_repositories(db, viewer, filters)
        entries += [repository_entry(row) for row in page.items]
    entries.sort(key=lambda entry: entry.published, reverse=True)
    title = f"{found.account.label} · Tuningfork"
    return Feed(title, list_address(request), entries[:ENTRIES])


@router.get("/{owner}")
async def profile_page(request: Request, db: Db, viewer: RepoReader, owner: str) -> HTMLResponse:
    """Show an account with those of its repositories that the viewer may see."""
    found = await accounts.profile(db, owner)
    context: dict[str, Any] = {}
    for kind in RepositoryKind:
        filters = Filters(kind, owner_id=found.account.id, sort=Sort.UPDATED, limit=_SHOWN)
        page = await lists.list_repositories(db, viewer, filters)
        context[kind.plural] = page.items
        context[f"num_{kind.plural}"] = await lists.count_repositories(db, viewer, filters)
    return render(
        request,
        "hub/profile.html",
        viewer=viewer,
        account=found.account,
        about=found.about,
        members=found.members,
        is_blocked=bool(await accounts.blocked_among(db, viewer, [found.account.id])),
        is_self=viewer.user_id == found.account.id,
        **context,
    )
