"""The outbox's other end: taking what is due, sending it signed, and judging the answer.

What the receiver says is never shown and never stored, so that a webhook cannot be used to look
at servers: a refused address, a closed port, an error and silence are all "not delivered".
"""

import asyncio
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from datetime import timedelta

import structlog

from app.accounts import service as accounts
from app.core import i18n
from app.core.db import AsyncSession, Database
from app.core.errors import AppError, NotFoundError
from app.core.i18n import _
from app.core.safe_fetch import safe_fetch
from app.core.settings import Settings
from app.webhooks import policy, queries
from app.webhooks.schemas import BACK_OFF, DeliveryState, Style
from app.webhooks.service import rooms
from app.webhooks.service.upkeep import opened_secret
from app.webhooks.tables import Delivery, Webhook

log = structlog.get_logger(__name__)

TIMEOUT_S = 5.0
AT_ONCE = 20
# Much longer than an attempt takes: who holds a delivery for longer is dead.
_LEASE = timedelta(minutes=2)
_OK = range(200, 300)


@dataclass(frozen=True)
class _Message:
    url: str
    headers: dict[str, str]
    body: bytes
    is_room: bool = False


async def deliver_due(database: Database, settings: Settings) -> int:
    """Send what is due, several at once; return how many were tried."""
    async with database.transaction() as db:
        taken = await queries.take_due(db, AT_ONCE, _LEASE)
    await asyncio.gather(*(_deliver(database, settings, delivery) for delivery in taken))
    return len(taken)


async def _deliver(database: Database, settings: Settings, delivery: Delivery) -> None:
    async with database.transaction() as db:
        message = await _prepare(db, settings, delivery)
        if message is None:
            await queries.settle(db, delivery.id, delivery.attempts, DeliveryState.DROPPED)
            return
    arrived = await _send(settings, message)
    async with database.transaction() as db:
        await _judge(db, delivery, arrived=arrived)
    log.info(
        "webhook_tried",
        webhook_id=delivery.webhook_id,
        delivery_id=delivery.id,
        attempt=delivery.attempts,
        arrived=arrived,
    )


async def _prepare(db: AsyncSession, settings: Settings, delivery: Delivery) -> _Message | None:
    """Return what to send; None if the webhook is off, or its owner may not know any more."""
    webhook = await queries.webhook_by_id(db, delivery.webhook_id)
    if webhook is None or webhook.disabled:
        return None
    if not await policy.may_hear(
        db, webhook, delivery.repository_id, delivery.owner_id, private=delivery.private
    ):
        return None
    if webhook.style is not Style.JSON:
        return await _room_message(db, settings, webhook, delivery)
    payload = {**delivery.payload, "webhook": {"id": f"{webhook.id:024x}", "version": 3}}
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return _Message(webhook.url, _headers(settings, webhook, delivery, body), body)


async def _room_message(
    db: AsyncSession, settings: Settings, webhook: Webhook, delivery: Delivery
) -> _Message:
    owner = (await accounts.people_by_id(db, [webhook.user_id])).get(webhook.user_id)
    with i18n.speaking((owner and owner.language) or i18n.language()):
        words = rooms.sentence(delivery.payload)
    url, body = rooms.message(
        webhook.style, webhook.url, opened_secret(settings, webhook), words, time.time()
    )
    headers = {
        "Content-Type": "application/json",
        "X-Webhook-Id": delivery.event_id,
        "X-Webhook-Attempt": str(delivery.attempts),
    }
    return _Message(url, headers, body, is_room=True)


def _headers(
    settings: Settings, webhook: Webhook, delivery: Delivery, body: bytes
) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "X-Webhook-Id": delivery.event_id,
        "X-Webhook-Attempt": str(delivery.attempts),
    }
    if secret := opened_secret(settings, webhook):
        headers["X-Webhook-Secret"] = secret
        headers["X-Webhook-Signature"] = signature(secret, int(time.time()), body)
    return headers


def signature(secret: str, moment: int, body: bytes) -> str:
    """Return `t=<unix time>,v1=<HMAC-SHA256 of "time.body" in hex>`: proves sender and age."""
    signed = f"{moment}.".encode() + body
    return f"t={moment},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


async def _send(settings: Settings, message: _Message) -> bool:
    try:
        answer = await safe_fetch(
            settings,
            "POST",
            message.url,
            headers=message.headers,
            content=message.body,
            timeout_s=TIMEOUT_S,
            follow_redirects=False,  # the secret is for this address and no other
        )
    except AppError:
        return False
    return answer.status in _OK and not (message.is_room and rooms.is_refusal(answer.body))


async def _judge(db: AsyncSession, delivery: Delivery, *, arrived: bool) -> None:
    if arrived:
        await queries.settle(db, delivery.id, delivery.attempts, DeliveryState.DELIVERED)
        await queries.forget_failures(db, delivery.webhook_id)
        return
    if delivery.attempts > len(BACK_OFF):
        await queries.settle(db, delivery.id, delivery.attempts, DeliveryState.FAILED)
    else:
        wait = BACK_OFF[delivery.attempts - 1]
        await queries.postpone(db, delivery.id, delivery.attempts, wait)
    if await queries.count_failure(db, delivery.webhook_id):
        await queries.drop_waiting(db, delivery.webhook_id)
        log.warning("webhook_switched_off", webhook_id=delivery.webhook_id)


async def replay(db: AsyncSession, webhook: Webhook, number: int) -> Delivery:
    """Send a message again, under the same event id.

    Raises:
        NotFoundError: this webhook was never given such a message.
    """
    old = await queries.delivery_by_id(db, webhook.id, number)
    if old is None:
        raise NotFoundError(_("There is no such delivery."))
    again = Delivery(
        webhook_id=webhook.id,
        event_id=old.event_id,
        repository_id=old.repository_id,
        owner_id=old.owner_id,
        private=old.private,
        action=old.action,
        scope=old.scope,
        payload=old.payload,
        is_replay=True,
    )
    db.add(again)
    await db.flush()
    return again
