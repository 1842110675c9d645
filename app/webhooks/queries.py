"""Every read of the webhooks' tables, and the single statements that must be atomic."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import case, delete, func, select, tuple_, update

from app.core.db import AsyncSession
from app.core.sql import taken
from app.webhooks.schemas import FAILURES_TO_OFF, DeliveryState, Domain, WatchedKind
from app.webhooks.tables import Delivery, Watch, Webhook

# The database's own clock: which process took a delivery does not matter then.
_NOW = func.clock_timestamp()


async def webhooks_of(db: AsyncSession, user_id: int) -> Sequence[Webhook]:
    """Return a person's webhooks, the oldest first."""
    statement = select(Webhook).where(Webhook.user_id == user_id).order_by(Webhook.id)
    return (await db.scalars(statement)).all()


async def webhook_by_id(db: AsyncSession, webhook_id: int) -> Webhook | None:
    """Return a webhook as it is now, whatever was read before."""
    return await db.get(Webhook, webhook_id, populate_existing=True)


async def watches_of(db: AsyncSession, webhook_ids: Collection[int]) -> dict[int, list[Watch]]:
    """Return what each of these webhooks watches."""
    statement = (
        select(Watch).where(Watch.webhook_id.in_(webhook_ids)).order_by(Watch.kind, Watch.name)
    )
    found: dict[int, list[Watch]] = {number: [] for number in webhook_ids}
    for watch in await db.scalars(statement):
        found[watch.webhook_id].append(watch)
    return found


async def delete_watches(db: AsyncSession, webhook_id: int) -> None:
    """Forget everything a webhook watches."""
    await db.execute(delete(Watch).where(Watch.webhook_id == webhook_id))


async def webhooks_watching(
    db: AsyncSession, domain: Domain, targets: Collection[tuple[WatchedKind, int]]
) -> Sequence[Webhook]:
    """Return the webhooks that are on and want this kind of news of one of these."""
    watching = select(Watch.webhook_id).where(
        tuple_(Watch.kind, Watch.target_id).in_([(kind, number) for kind, number in targets])
    )
    statement = select(Webhook).where(
        Webhook.id.in_(watching),
        Webhook.disabled.is_(False),
        Webhook.domains.contains([domain.value]),
    )
    return (await db.scalars(statement)).all()


async def count_since(db: AsyncSession, webhook_id: int, moment: datetime) -> int:
    """Return how many messages a webhook was given since `moment`."""
    statement = select(func.count()).where(
        Delivery.webhook_id == webhook_id, Delivery.created_at >= moment
    )
    return int(await db.scalar(statement) or 0)


async def history(
    db: AsyncSession, webhook_id: int, before: int | None, limit: int
) -> Sequence[Delivery]:
    """Return a webhook's deliveries, the newest first."""
    statement = select(Delivery).where(Delivery.webhook_id == webhook_id)
    if before is not None:
        statement = statement.where(Delivery.id < before)
    return (await db.scalars(statement.order_by(Delivery.id.desc()).limit(limit))).all()


async def delivery_by_id(db: AsyncSession, webhook_id: int, number: int) -> Delivery | None:
    """Return a delivery of this webhook."""
    statement = select(Delivery).where(Delivery.id == number, Delivery.webhook_id == webhook_id)
    return await db.scalar(statement)


async def take_due(db: AsyncSession, limit: int, lease: timedelta) -> Sequence[Delivery]:
    """Take deliveries that are due; nobody else takes them until the lease is over.

    A process that dies in the middle loses none: its deliveries are due again afterwards.
    """
    due = (
        select(Delivery.id)
        .where(Delivery.state == DeliveryState.WAITING, Delivery.due_at <= _NOW)
        .order_by(Delivery.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(Delivery)
        .where(Delivery.id.in_(taken(due)))
        .values(attempts=Delivery.attempts + 1, due_at=_NOW + lease)
        .returning(Delivery)
    )
    return (await db.scalars(statement)).all()


async def settle(db: AsyncSession, number: int, attempts: int, state: DeliveryState) -> bool:
    """End a delivery; False if another process has taken it since."""
    statement = (
        update(Delivery)
        .where(
            Delivery.id == number,
            Delivery.attempts == attempts,
            Delivery.state == DeliveryState.WAITING,
        )
        .values(state=state, finished_at=_NOW)
    )
    return await db.scalar(statement.returning(Delivery.id)) is not None


async def postpone(db: AsyncSession, number: int, attempts: int, wait: timedelta) -> bool:
    """Try a delivery again after `wait`; False if another process has taken it since."""
    statement = (
        update(Delivery)
        .where(
            Delivery.id == number,
            Delivery.attempts == attempts,
            Delivery.state == DeliveryState.WAITING,
        )
        .values(due_at=_NOW + wait)
    )
    return await db.scalar(statement.returning(Delivery.id)) is not None


async def forget_failures(db: AsyncSession, webhook_id: int) -> None:
    """Begin counting failures anew: something arrived."""
    statement = update(Webhook).where(Webhook.id == webhook_id, Webhook.failures > 0)
    await db.execute(statement.values(failures=0))


async def count_failure(db: AsyncSession, webhook_id: int) -> bool:
    """Count one more failure in a row; True if the webhook is off now because of them."""
    over = Webhook.failures + 1 >= FAILURES_TO_OFF
    statement = (
        update(Webhook)
        .where(Webhook.id == webhook_id)
        .values(
            failures=Webhook.failures + 1,
            disabled=case((over, True), else_=Webhook.disabled),
            off_by_failures=case((over, True), else_=Webhook.off_by_failures),
        )
    )
    return bool(await db.scalar(statement.returning(Webhook.off_by_failures)))


async def drop_waiting(db: AsyncSession, webhook_id: int) -> None:
    """Give up what a webhook still waits for: it is off."""
    statement = update(Delivery).where(
        Delivery.webhook_id == webhook_id, Delivery.state == DeliveryState.WAITING
    )
    await db.execute(statement.values(state=DeliveryState.DROPPED, finished_at=_NOW))


async def forget_old(db: AsyncSession, kept: timedelta) -> None:
    """Forget deliveries that ended long ago."""
    statement = delete(Delivery).where(
        Delivery.created_at < _NOW - kept, Delivery.state != DeliveryState.WAITING
    )
    await db.execute(statement)


async def forget_person(db: AsyncSession, user_id: int, new_name: str) -> None:
    """Forget a person's webhooks; who watches what they published sees the new name."""
    await db.execute(delete(Webhook).where(Webhook.user_id == user_id))
    statement = update(Watch).where(Watch.kind == WatchedKind.USER, Watch.target_id == user_id)
    await db.execute(statement.values(name=new_name))
