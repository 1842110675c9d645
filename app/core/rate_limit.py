"""How often something may happen, counted in PostgreSQL so that every process counts together."""

import hashlib
import ipaddress
import math
import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Text, case, delete, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column
from starlette.requests import Request

from app.core.db import Base, Database
from app.core.errors import RateLimitedError
from app.core.i18n import _

_SWEEP_CHANCE = 0.01


class RateLimitCount(Base):
    """Hits since the window began. The key is a hash: it tells no address and no name."""

    __tablename__ = "core_rate_limit"
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    hits: Mapped[int]
    ends_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True)
class Limit:
    """At most `hits` in a window of `per_s` seconds, for each subject."""

    name: str
    hits: int
    per_s: int


async def take(database: Database, limit: Limit, subject: str) -> None:
    """Count one hit in a transaction of its own, so that a failing request counts too.

    Raises:
        RateLimitedError: the window is full; `Retry-After` says how many seconds remain.
    """
    time = func.clock_timestamp()
    fresh = time + timedelta(seconds=limit.per_s)
    over = RateLimitCount.ends_at <= time
    statement = (
        insert(RateLimitCount)
        .values(key=_key(limit, subject), hits=1, ends_at=fresh)
        .on_conflict_do_update(
            index_elements=[RateLimitCount.key],
            set_={
                "hits": case((over, 1), else_=RateLimitCount.hits + 1),
                "ends_at": case((over, fresh), else_=RateLimitCount.ends_at),
            },
        )
        .returning(RateLimitCount.hits, func.extract("epoch", RateLimitCount.ends_at - time))
    )
    async with database.transaction() as db:
        hits, wait_s = (await db.execute(statement)).one()
        if random.random() < _SWEEP_CHANCE:
            await db.execute(delete(RateLimitCount).where(RateLimitCount.ends_at < time))
    if hits > limit.hits:
        raise _limited(max(1, math.ceil(wait_s)))


async def give_back(database: Database, limit: Limit, subject: str) -> None:
    """Take one hit back, where only failures shall count."""
    statement = update(RateLimitCount).where(
        RateLimitCount.key == _key(limit, subject), RateLimitCount.hits > 0
    )
    async with database.transaction() as db:
        await db.execute(statement.values(hits=RateLimitCount.hits - 1))


def address_of(request: Request) -> str:
    """Return whom to count a visitor as: the address, of IPv6 the network a line is given.

    Only the server's own idea of the client counts; headers that a client can write do not.
    """
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else host  # noqa: PLR2004  # IPv6


def _key(limit: Limit, subject: str) -> str:
    return hashlib.sha256(f"{limit.name}\0{subject}".encode()).hexdigest()


def _limited(wait_s: int) -> RateLimitedError:
    return RateLimitedError(
        _("That was too often in a short time."),
        fix=_("Try again in %(seconds)d seconds.") % {"seconds": wait_s},
        headers={"Retry-After": str(wait_s)},
    )
