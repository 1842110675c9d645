"""Settings, Usage: how full each limit is, what holds the most, and how it grew."""

from fastapi import APIRouter, Request, Response

from app.accounts.schemas import AccountKind, AccountRef
from app.core.db import AsyncSession
from app.core.http import AccountViewer, Db
from app.core.security import Viewer
from app.core.templating import render
from app.quotas import policy, service
from app.quotas.service import words
from app.quotas.service.usage import Usage

router = APIRouter(include_in_schema=False)
_WIDTH, _HEIGHT = 600, 80


@router.get("/settings/usage")
async def own_usage(request: Request, db: Db, viewer: AccountViewer) -> Response:
    """Show the viewer's own usage."""
    account = await policy.access_account(db, viewer)
    return await _page(request, db, viewer, account, "quotas/usage.html")


@router.get("/organizations/{name}/usage")
async def organization_usage(
    request: Request, db: Db, viewer: AccountViewer, name: str
) -> Response:
    """Show an organisation's usage to its members."""
    account = await policy.access_account(db, viewer, name)
    return await _page(request, db, viewer, account, "quotas/organization.html")


async def _page(
    request: Request, db: AsyncSession, viewer: Viewer, account: AccountRef, template: str
) -> Response:
    usage = await service.usage(db, account.id, is_person=account.kind is AccountKind.USER)
    page = render(
        request,
        template,
        viewer=viewer,
        account=account,
        usage=usage,
        title_of=words.title,
        amount=words.amount,
        source_title=words.source_title,
        changes=await service.history(db, account.id, 5),
        columns=_columns(usage),
        problem=None,
    )
    page.headers["Cache-Control"] = "no-store"
    return page


def _columns(usage: Usage) -> list[tuple[float, float, float, str, int]]:
    """Return x, y, height, day and bytes of the bars of growth; the last stands at the right."""
    most = max((one.num_bytes for one in usage.growth), default=0) or 1
    last = usage.growth[-1].day
    return [
        (
            _WIDTH - ((last - one.day).days + 1) * 20,
            _HEIGHT - one.num_bytes / most * _HEIGHT,
            one.num_bytes / most * _HEIGHT,
            one.day.isoformat(),
            one.num_bytes,
        )
        for one in usage.growth
    ]
