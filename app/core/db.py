"""The database: one engine a process, one transaction a request.

Nobody commits by hand: `Database.transaction` and the request's dependency do, and deliver the
events of the transaction afterwards. Lazy loading is off, so no query hides behind an attribute.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import MetaData, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, MappedAsDataclass

from app.core.errors import UnavailableError
from app.core.events import EventBus

__all__ = ["AsyncSession", "Base", "Database", "Limits", "Newcomers", "Quotas", "limits_of"]


class Base(MappedAsDataclass, DeclarativeBase, kw_only=True):
    """Parent of every table class; constructors are keyword-only and type-checked."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: TIMESTAMP(timezone=True)}  # noqa: RUF012  # read by SQLAlchemy


def driver_url(url: str) -> str:
    """Return `url` with the driver this site uses, whatever spelling the operator chose."""
    for prefix in ("postgresql+psycopg://", "postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


@dataclass(frozen=True)
class Newcomers:
    """What people may do who are new, and when they are so no more.

    Somebody is new for `hours`, and until `accepted_posts` of theirs stand. In that time they
    open `topics` and write `replies` a day, one every so many seconds, with so many `links`,
    `images` and `mentions` in each.
    """

    hours: float = 24
    accepted_posts: int = 5
    topics: int = 3
    replies: int = 10
    topic_every_s: int = 120
    reply_every_s: int = 30
    links: int = 2
    images: int = 1
    mentions: int = 2
    typing_s: float = 3
    flags_to_hold: int = 3


@dataclass(frozen=True)
class Quotas:
    """What one account may have of a thing, unless its own limit says otherwise."""

    bytes: int = 0
    files: int = 0
    repositories: int = 0
    queued_jobs: int = 20
    running_jobs: int = 0
    gpu_seconds: int = 0
    streams: int = 50


@dataclass(frozen=True)
class Limits:
    """What every transaction of the site keeps to; 0 is without limit."""

    quotas: Quotas = field(default_factory=Quotas)
    newcomers: Newcomers = field(default_factory=Newcomers)


def limits_of(db: AsyncSession) -> Limits:
    """Return what this transaction keeps to."""
    limits: Limits = db.info["limits"]
    return limits


class Database:
    """A connection pool and the transactions made from it."""

    def __init__(
        self,
        url: str,
        events: EventBus | None = None,
        *,
        pool_size: int = 10,
        limits: Limits = Limits(),
    ) -> None:
        self.events = events or EventBus()
        self.engine = create_async_engine(
            driver_url(url),
            pool_pre_ping=True,
            pool_size=pool_size,
            max_overflow=10,
            # A page that waits longer has lost its reader; the pool must not be held by it.
            # With less memory the bitmap of a common filter forgets its rows and reads whole pages.
            connect_args={
                "connect_timeout": 5,
                "options": "-c statement_timeout=30000 -c work_mem=16MB",
            },
        )
        # Every transaction that begins takes over what stands here then.
        self._info: dict[str, object] = {"limits": limits, "events": self.events}
        self._sessions = async_sessionmaker(expire_on_commit=False, info=self._info)

    def keep_to(self, limits: Limits) -> None:
        """Let the transactions that begin from now on keep to these limits."""
        self._info["limits"] = limits

    def obey(self, runtime: object) -> None:
        """Let every transaction look at these switches (`app.core.runtime.switches_of`)."""
        self._info["runtime"] = runtime

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Commit at the end of the block, then deliver its events; roll back on any error.

        Raises:
            UnavailableError: the database does not answer.
        """
        try:
            async with self._sessions(bind=self.engine) as db:
                async with db.begin():
                    yield db
                await self.events.deliver(db)
        except OperationalError as error:
            raise UnavailableError(
                "The database does not answer right now.",
                fix="Try again in a moment; nothing of this request was stored.",
                headers={"Retry-After": "3"},
            ) from error

    async def ping(self) -> None:
        """Ask the database for one row.

        Raises:
            UnavailableError: it does not answer.
        """
        async with self.transaction() as db:
            await db.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every pooled connection."""
        await self.engine.dispose()
