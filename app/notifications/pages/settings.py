"""Settings, Notifications: what one wants of each kind, and what one watches and mutes."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app.core.http import AccountViewer, Db
from app.core.templating import render
from app.notifications import service
from app.notifications.pages.inbox import private
from app.notifications.schemas import Choice, Kind, Pace
from app.notifications.service import words

router = APIRouter(prefix="/settings/notifications")


@router.get("")
async def show(request: Request, db: Db, viewer: AccountViewer) -> Response:
    """Show what one wants of each kind."""
    return private(
        render(
            request,
            "notifications/settings.html",
            viewer=viewer,
            problem=None,
            choices=await service.choices(db, viewer),
            places=await service.places(db, viewer),
            kinds=list(Kind),
            paces=list(Pace),
            words=words,
        )
    )


@router.post("")
async def save(request: Request, db: Db, viewer: AccountViewer) -> Response:
    """Store what one wants: `app-KIND` is there or not, `mail-KIND` says when."""
    form = await request.form(max_fields=100)
    paces = {pace.value: pace for pace in Pace}
    wanted = {
        kind: Choice(f"app-{kind}" in form, paces[str(form[f"mail-{kind}"])])
        for kind in Kind
        if form.get(f"mail-{kind}") in paces
    }
    await service.choose(db, viewer, wanted)
    return RedirectResponse("/settings/notifications?saved=1", 303)
