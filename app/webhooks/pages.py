"""Settings, Webhooks: the list, one webhook with its history, and sending again."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict

from app.core.db import AsyncSession
from app.core.errors import AppError, ConflictError, InvalidError, NotFoundError
from app.core.http import AccountViewer, Db, SiteSettings
from app.core.i18n import _
from app.core.security import Viewer
from app.core.settings import Settings
from app.core.templating import render
from app.webhooks import policy, service
from app.webhooks.schemas import (
    BACK_OFF,
    FAILURES_TO_OFF,
    Domain,
    Style,
    Watched,
    WatchedKind,
    WebhookWish,
)
from app.webhooks.tables import Webhook

router = APIRouter(prefix="/settings/webhooks", include_in_schema=False)

_PROBLEMS = (InvalidError, ConflictError, NotFoundError)
_PAGE = 30
_FACTS = {"failures_to_off": FAILURES_TO_OFF, "num_attempts": len(BACK_OFF) + 1}


class WebhookForm(BaseModel):
    """A webhook as the page's form sends it: what is watched stands a line each."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)
    url: str = ""
    watched: str = ""
    domains: list[Domain] = []
    secret: str = ""
    style: Style = Style.JSON

    def wish(self) -> WebhookWish:
        """Return what is wanted.

        Raises:
            InvalidError: a line does not say what kind of thing it is.
        """
        lines = [line.strip() for line in self.watched.splitlines() if line.strip()]
        return WebhookWish(
            url=self.url,
            watched=tuple(_watched(line) for line in lines),
            domains=tuple(self.domains),
            secret=self.secret,
            style=self.style,
        )


def _watched(line: str) -> Watched:
    word, _sep, name = line.partition(" ")
    try:
        return Watched(WatchedKind(word.lower().removesuffix(":")), name.strip())
    except ValueError as error:
        raise InvalidError(
            _("Begin each line with user, org, model or dataset: “%(line)s” does not.")
            % {"line": line[:100]}
        ) from error


@router.get("")
async def list_page(
    request: Request, db: Db, viewer: AccountViewer, settings: SiteSettings
) -> Response:
    """List one's webhooks and show the form of a new one."""
    form = WebhookForm(watched=f"user {viewer.name}\n", domains=[Domain.REPO])
    return await _list_page(request, db, viewer, settings, form)


@router.post("")
async def create(
    request: Request,
    db: Db,
    viewer: AccountViewer,
    settings: SiteSettings,
    form: Annotated[WebhookForm, Form()],
) -> Response:
    """Make a webhook."""
    try:
        if not form.domains:
            raise InvalidError(_("Choose at least one kind of news."))
        made = await service.create_webhook(db, settings, viewer, form.wish())
    except _PROBLEMS as problem:
        return await _list_page(request, db, viewer, settings, form, problem)
    return _see(made)


@router.get("/{webhook_id}")
async def show(
    request: Request,
    db: Db,
    viewer: AccountViewer,
    settings: SiteSettings,
    webhook_id: int,
    before: Annotated[int | None, Query(ge=0, lt=1 << 62)] = None,
) -> Response:
    """Show a webhook, the form that changes it, and what was sent."""
    found = await policy.access_webhook(db, viewer, webhook_id)
    return await _one_page(request, db, viewer, settings, found, before=before)


@router.post("/{webhook_id}")
async def change(
    request: Request,
    db: Db,
    viewer: AccountViewer,
    settings: SiteSettings,
    webhook_id: int,
    form: Annotated[WebhookForm, Form()],
) -> Response:
    """Store the form."""
    found = await policy.access_webhook(db, viewer, webhook_id)
    try:
        async with db.begin_nested():  # all of it or nothing
            await service.change_webhook(db, settings, viewer, found, form.wish())
    except _PROBLEMS as problem:
        return await _one_page(request, db, viewer, settings, found, problem, form=form)
    return _see(found)


@router.post("/{webhook_id}/enable")
async def enable(db: Db, viewer: AccountViewer, webhook_id: int) -> Response:
    """Switch a webhook on."""
    found = await policy.access_webhook(db, viewer, webhook_id)
    await service.set_disabled(db, found, disabled=False)
    return _see(found)


@router.post("/{webhook_id}/disable")
async def disable(db: Db, viewer: AccountViewer, webhook_id: int) -> Response:
    """Switch a webhook off."""
    found = await policy.access_webhook(db, viewer, webhook_id)
    await service.set_disabled(db, found, disabled=True)
    return _see(found)


@router.post("/{webhook_id}/delete")
async def delete(db: Db, viewer: AccountViewer, webhook_id: int) -> Response:
    """Remove a webhook with its history."""
    await service.delete_webhook(db, await policy.access_webhook(db, viewer, webhook_id))
    return RedirectResponse("/settings/webhooks", 303)


@router.post("/{webhook_id}/deliveries/{number}/replay")
async def replay(db: Db, viewer: AccountViewer, webhook_id: int, number: int) -> Response:
    """Send a message again."""
    found = await policy.access_webhook(db, viewer, webhook_id)
    await service.replay(db, found, number)
    return _see(found)


def _see(webhook: Webhook) -> Response:
    return RedirectResponse(f"/settings/webhooks/{webhook.id}", 303)


async def _list_page(  # one page for the list and the mistake
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    settings: Settings,
    form: WebhookForm,
    problem: AppError | None = None,
) -> Response:
    return _private(
        render(
            request,
            "webhooks/list.html",
            viewer=viewer,
            status=problem.status if problem else 200,
            problem=problem,
            form=form,
            webhooks=await service.webhooks_of(db, settings, viewer),
            **_FACTS,
        )
    )


async def _one_page(  # noqa: PLR0913  # one page for the webhook, its history and the mistake
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    settings: Settings,
    webhook: Webhook,
    problem: AppError | None = None,
    *,
    form: WebhookForm | None = None,
    before: int | None = None,
) -> Response:
    shown = await service.view(db, settings, webhook)
    rows = await service.deliveries_of(db, webhook, before, _PAGE + 1)
    lines = "".join(f"{thing.kind.value} {thing.name}\n" for thing in shown.watched)
    filled = WebhookForm(
        url=shown.url,
        watched=lines,
        domains=list(shown.domains),
        secret=shown.secret,
        style=shown.style,
    )
    return _private(
        render(
            request,
            "webhooks/show.html",
            viewer=viewer,
            status=problem.status if problem else 200,
            problem=problem,
            form=form or filled,
            webhook=shown,
            deliveries=rows[:_PAGE],
            more=rows[_PAGE - 1].id if len(rows) > _PAGE else None,
            **_FACTS,
        )
    )


def _private(page: Response) -> Response:
    page.headers["Cache-Control"] = "no-store"
    return page
