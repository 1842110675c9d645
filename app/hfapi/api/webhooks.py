"""Webhooks as Hugging Face clients set them up."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.core.errors import InvalidError, UnsupportedError
from app.core.http import Db, RepoWriter, SiteSettings
from app.webhooks import policy, service
from app.webhooks.schemas import Domain, Watched, WatchedKind, WebhookView, WebhookWish

router = APIRouter(prefix="/api/settings/webhooks", include_in_schema=False)


class WatchedIn(BaseModel):
    """Something to watch."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    type: str = Field(max_length=40)
    name: str = Field(max_length=300)


class WebhookIn(BaseModel):
    """A webhook to make or to change; the older clients write `discussions`."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    url: str | None = Field(default=None, max_length=4000)
    job_source_id: str | None = Field(default=None, alias="jobSourceId")
    watched: list[WatchedIn] | None = None
    domains: list[str] | None = None
    secret: str | None = None

    def wish(self) -> WebhookWish:
        """Return what is wanted.

        Raises:
            UnsupportedError: it would start a job, or watch what is not here.
            InvalidError: a domain is not known.
        """
        if self.job_source_id is not None:
            raise UnsupportedError(
                "Webhooks start no jobs here; they call an address.",
                fix="Give a url, and let the receiver start the job through /api/jobs.",
                headers={"X-Error-Code": "NotSupported"},
            )
        return WebhookWish(
            url=self.url,
            # The client sends an empty list for what its caller left out.
            watched=tuple(_watched(w) for w in self.watched) if self.watched else None,
            domains=tuple(_domain(w) for w in self.domains) if self.domains else None,
            secret=self.secret,
        )


def _watched(thing: WatchedIn) -> Watched:
    try:
        return Watched(WatchedKind(thing.type), thing.name)
    except ValueError as error:
        raise UnsupportedError(
            "People, organisations, models and data sets can be watched here; "
            f"{thing.type!r} cannot.",
            headers={"X-Error-Code": "NotSupported"},
        ) from error


def _domain(word: str) -> Domain:
    try:
        return Domain(word.removesuffix("s"))
    except ValueError as error:
        raise InvalidError(f'"domains" must be of [repo, discussion]; {word[:40]!r} is not.') from (
            error
        )


@router.get("")
async def list_webhooks(db: Db, viewer: RepoWriter, settings: SiteSettings) -> list[dict[str, Any]]:
    """List the caller's own webhooks."""
    return [_shape(view) for view in await service.webhooks_of(db, settings, viewer)]


@router.post("")
async def create(
    db: Db, viewer: RepoWriter, settings: SiteSettings, body: WebhookIn
) -> dict[str, Any]:
    """Make a webhook."""
    made = await service.create_webhook(db, settings, viewer, body.wish())
    return {"webhook": _shape(await service.view(db, settings, made))}


@router.get("/{webhook_id}")
async def show(
    db: Db, viewer: RepoWriter, settings: SiteSettings, webhook_id: str
) -> dict[str, Any]:
    """Return one webhook."""
    found = await policy.access_webhook(db, viewer, _number(webhook_id))
    return {"webhook": _shape(await service.view(db, settings, found))}


@router.post("/{webhook_id}")
async def change(
    db: Db, viewer: RepoWriter, settings: SiteSettings, webhook_id: str, body: WebhookIn
) -> dict[str, Any]:
    """Store what the message names; the rest stays."""
    found = await policy.access_webhook(db, viewer, _number(webhook_id))
    await service.change_webhook(db, settings, viewer, found, body.wish())
    return {"webhook": _shape(await service.view(db, settings, found))}


@router.delete("/{webhook_id}")
async def delete(db: Db, viewer: RepoWriter, webhook_id: str) -> dict[str, bool]:
    """Remove a webhook."""
    found = await policy.access_webhook(db, viewer, _number(webhook_id))
    await service.delete_webhook(db, found)
    return {"success": True}


@router.post("/{webhook_id}/enable")
async def enable(
    db: Db, viewer: RepoWriter, settings: SiteSettings, webhook_id: str
) -> dict[str, Any]:
    """Switch a webhook on."""
    return await _switch(db, viewer, settings, webhook_id, disabled=False)


@router.post("/{webhook_id}/disable")
async def disable(
    db: Db, viewer: RepoWriter, settings: SiteSettings, webhook_id: str
) -> dict[str, Any]:
    """Switch a webhook off."""
    return await _switch(db, viewer, settings, webhook_id, disabled=True)


async def _switch(
    db: Db, viewer: RepoWriter, settings: SiteSettings, webhook_id: str, *, disabled: bool
) -> dict[str, Any]:
    found = await policy.access_webhook(db, viewer, _number(webhook_id))
    await service.set_disabled(db, found, disabled=disabled)
    return {"webhook": _shape(await service.view(db, settings, found))}


def _number(webhook_id: str) -> int:
    """Return the number in an id; 0, which nothing has, for what is none."""
    try:
        number = int(webhook_id, 16)
    except ValueError:
        return 0
    return number if 0 < number < 1 << 62 else 0


def _shape(view: WebhookView) -> dict[str, Any]:
    return {
        "id": f"{view.id:024x}",
        "url": view.url,
        "job": None,
        "watched": [{"type": w.kind.value, "name": w.name} for w in view.watched],
        "domains": [domain.value for domain in view.domains],
        "secret": view.secret or None,
        "disabled": view.disabled,
    }
