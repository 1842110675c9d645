"""Making, changing and listing webhooks, and what became of their deliveries."""

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

import structlog

from app.accounts import service as accounts
from app.accounts.schemas import AccountKind
from app.core.db import AsyncSession
from app.core.errors import ConflictError, Detail, InvalidError, NotFoundError
from app.core.i18n import _
from app.core.safe_fetch import is_public, refused
from app.core.sealing import seal, unseal
from app.core.security import Viewer
from app.core.settings import Settings
from app.hub import policy as hub_policy
from app.hub import service as hub
from app.hub.schemas import RepositoryKind
from app.webhooks import policy, queries
from app.webhooks.schemas import (
    KEPT,
    MAX_SECRET,
    MAX_URL,
    MAX_WATCHED,
    MAX_WEBHOOKS,
    Domain,
    Style,
    Watched,
    WatchedKind,
    WebhookView,
    WebhookWish,
)
from app.webhooks.tables import Delivery, Watch, Webhook

log = structlog.get_logger(__name__)

PURPOSE = "webhook-secret"


async def create_webhook(
    db: AsyncSession, settings: Settings, viewer: Viewer, wish: WebhookWish
) -> Webhook:
    """Make a webhook of the viewer's.

    Raises:
        InvalidError: the address, the secret or what is watched will not do.
        NotFoundError: something to be watched is not there, as far as the viewer may know.
        ConflictError: the viewer has as many webhooks as anybody may have.
    """
    user_id = policy.require_person(viewer)
    if len(await queries.webhooks_of(db, user_id)) >= MAX_WEBHOOKS:
        raise ConflictError(
            _("You have %(limit)d webhooks, which is the most.") % {"limit": MAX_WEBHOOKS},
            fix=_("Delete one that you do not need."),
        )
    webhook = Webhook(
        user_id=user_id,
        url=_checked_url(settings, wish.url or ""),
        secret=_sealed(settings, wish.secret or ""),
        domains=_checked_domains(wish.domains or tuple(Domain)),
        style=wish.style or Style.JSON,
    )
    targets = await _targets(db, viewer, wish.watched or ())
    db.add(webhook)
    await db.flush()
    await _watch(db, webhook, targets)
    log.info("webhook_created", webhook_id=webhook.id, user_id=user_id)
    return webhook


async def change_webhook(
    db: AsyncSession, settings: Settings, viewer: Viewer, webhook: Webhook, wish: WebhookWish
) -> None:
    """Store what the wish names; an empty secret takes the secret away.

    Raises:
        InvalidError: the address, the secret or what is watched will not do.
        NotFoundError: something to be watched is not there, as far as the viewer may know.
    """
    if wish.url is not None:
        webhook.url = _checked_url(settings, wish.url)
    if wish.secret is not None:
        webhook.secret = _sealed(settings, wish.secret)
    if wish.domains is not None:
        webhook.domains = _checked_domains(wish.domains)
    if wish.style is not None:
        webhook.style = wish.style
    if wish.watched is not None:
        targets = await _targets(db, viewer, wish.watched)
        await queries.delete_watches(db, webhook.id)
        await _watch(db, webhook, targets)
    await db.flush()


def _checked_url(settings: Settings, url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _bad("url", _("Write an address like https://example.org/hook.")) from error
    if parts.scheme not in {"http", "https"} or not host or len(url) > MAX_URL:
        raise _bad("url", _("Write an address like https://example.org/hook."))
    if "@" in parts.netloc or any(not c.isprintable() or c == " " for c in url):
        raise _bad("url", _("The address may hold no name, no password and no spaces."))
    allowed = {word.strip() for word in settings.outbound_allow.lower().split(",")}
    if not allowed & {host, f"{host}:{port}"} and _is_private(host):
        raise refused()  # a kindness: each delivery checks again what the name stands for then
    return url


def _is_private(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))
    return not is_public(host)


def _checked_domains(domains: Sequence[Domain]) -> list[str]:
    if not domains:
        raise _bad("domains", _("Choose at least one kind of news."))
    return sorted({domain.value for domain in domains})


def _sealed(settings: Settings, secret: str) -> bytes | None:
    if len(secret) > MAX_SECRET or not (secret.isascii() and secret.isprintable()):
        raise _bad("secret", _("Use at most 200 ASCII characters."))
    return seal(settings.secret_key.get_secret_value(), PURPOSE, secret) if secret else None


def _bad(field: str, problem: str) -> InvalidError:
    return InvalidError(problem, details=[Detail(field, problem)])


async def _targets(
    db: AsyncSession, viewer: Viewer, watched: Sequence[Watched]
) -> dict[tuple[WatchedKind, int], str]:
    """Return what is to be watched by its ids, each with its name in the right case."""
    if not watched or len(watched) > MAX_WATCHED:
        raise _bad("watched", _("Name 1 to 50 things to watch."))
    found = {}
    for thing in watched:
        number, name = await _target(db, viewer, thing)
        found[thing.kind, number] = name
    return found


async def _target(db: AsyncSession, viewer: Viewer, thing: Watched) -> tuple[int, str]:
    if thing.kind in {WatchedKind.USER, WatchedKind.ORGANIZATION}:
        account = await accounts.find_account(db, thing.name)
        is_user = thing.kind is WatchedKind.USER
        wanted = AccountKind.USER if is_user else AccountKind.ORGANIZATION
        if account is None or account.kind is not wanted:
            raise NotFoundError(
                _("There is no %(kind)s called %(name)s.")
                % {"kind": thing.kind.value, "name": thing.name[:100]}
            )
        return account.id, account.name
    owner, _slash, name = thing.name.partition("/")
    kind = RepositoryKind(thing.kind.value)
    try:
        repository = await hub_policy.access_repository(db, viewer, kind, owner, name)
    except hub.MovedError as moved:
        repository = await hub_policy.access_repository(db, viewer, kind, moved.owner, moved.name)
    return repository.id, f"{repository.owner_name}/{repository.name}"


async def _watch(
    db: AsyncSession, webhook: Webhook, targets: dict[tuple[WatchedKind, int], str]
) -> None:
    for (kind, number), name in targets.items():
        db.add(Watch(webhook_id=webhook.id, kind=kind, target_id=number, name=name))
    await db.flush()


async def set_disabled(db: AsyncSession, webhook: Webhook, *, disabled: bool) -> None:
    """Switch a webhook off or on; on, its failures are forgotten."""
    webhook.disabled = disabled
    if disabled:
        await queries.drop_waiting(db, webhook.id)
    else:
        webhook.failures, webhook.off_by_failures = 0, False
    await db.flush()


async def delete_webhook(db: AsyncSession, webhook: Webhook) -> None:
    """Remove a webhook with its history."""
    await db.delete(webhook)
    await db.flush()
    log.info("webhook_deleted", webhook_id=webhook.id)


async def webhooks_of(db: AsyncSession, settings: Settings, viewer: Viewer) -> list[WebhookView]:
    """Return the viewer's webhooks, the oldest first."""
    rows = await queries.webhooks_of(db, policy.require_person(viewer))
    return await _views(db, settings, rows)


async def view(db: AsyncSession, settings: Settings, webhook: Webhook) -> WebhookView:
    """Return a webhook as its owner may see it."""
    (shown,) = await _views(db, settings, [webhook])
    return shown


async def _views(
    db: AsyncSession, settings: Settings, rows: Sequence[Webhook]
) -> list[WebhookView]:
    watches = await queries.watches_of(db, [row.id for row in rows])
    return [
        WebhookView(
            id=row.id,
            url=row.url,
            watched=tuple(Watched(watch.kind, watch.name) for watch in watches[row.id]),
            domains=tuple(Domain(word) for word in row.domains),
            secret=opened_secret(settings, row),
            disabled=row.disabled,
            off_by_failures=row.off_by_failures,
            failures=row.failures,
            created_at=row.created_at,
            style=row.style,
        )
        for row in rows
    ]


def opened_secret(settings: Settings, webhook: Webhook) -> str:
    """Return a webhook's secret, empty if it has none or the site's key is another one now."""
    if webhook.secret is None:
        return ""
    return unseal(settings.secret_key.get_secret_value(), PURPOSE, webhook.secret) or ""


async def deliveries_of(
    db: AsyncSession, webhook: Webhook, before: int | None, limit: int
) -> Sequence[Delivery]:
    """Return what was sent, the newest first."""
    return await queries.history(db, webhook.id, before, limit)


async def forget_old(db: AsyncSession) -> None:
    """Forget deliveries of more than thirty days ago."""
    await queries.forget_old(db, KEPT)
