"""What is limited, and how much of it an account has."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from pydantic import BaseModel

from app.accounts.schemas import AccountKind, AccountRef

# From this share of a limit on, people are told.
SOFT = 0.8
# GPU-seconds are those of so many days, today among them.
PERIOD_DAYS = 30


class Kind(StrEnum):
    """What is limited. 0 is without limit, everywhere."""

    BYTES = "bytes"
    FILES = "files"
    REPOSITORIES = "repositories"
    QUEUED_JOBS = "queued_jobs"
    RUNNING_JOBS = "running_jobs"
    GPU_SECONDS = "gpu_seconds"
    STREAMS = "streams"


# What is stored, and counted where it is stored.
STORED = (Kind.BYTES, Kind.FILES, Kind.REPOSITORIES)


@dataclass(frozen=True)
class NearLimit:
    """An account has come near one of its limits; `readers` are who can do something about it."""

    account: AccountRef
    kind: Kind
    readers: frozenset[int]

    @property
    def url(self) -> str:
        """The page of its usage."""
        if self.account.kind is AccountKind.USER:
            return "/settings/usage"
        return f"/organizations/{self.account.name}/usage"


@dataclass(frozen=True)
class Line:
    """How much of one thing an account has, and may have."""

    kind: Kind
    used: int
    limit: int

    @property
    def share(self) -> float:
        """How full it is, 1.0 at the limit; 0 without one."""
        return self.used / self.limit if self.limit else 0.0

    @property
    def is_near(self) -> bool:
        """Whether it is time to say something."""
        return self.share >= SOFT

    @property
    def is_full(self) -> bool:
        """Whether no more of it is taken."""
        return self.share >= 1


@dataclass(frozen=True)
class Drift:
    """A counter that was not what is stored."""

    account_id: int
    kind: Kind
    counted: int
    stored: int


@dataclass(frozen=True)
class Grown:
    """What an account held at the end of a day."""

    day: date
    num_bytes: int


@dataclass(frozen=True)
class Place:
    """A thing that holds bytes: what people call it, where it is, and how many it holds."""

    title: str
    address: str
    num_bytes: int


class LineOut(BaseModel):
    """How much of one thing an account has; `limit` 0 is without limit."""

    kind: Kind
    used: int
    limit: int
    share: float


class UsageOut(BaseModel):
    """What an account holds and uses."""

    account: str
    period_days: int = PERIOD_DAYS
    lines: list[LineOut]
    bytes_by_source: dict[str, int]


class LimitChangeOut(BaseModel):
    """A change of a limit; null is the site's own."""

    kind: Kind
    before: int | None
    after: int | None
    reason: str
    changed_at: datetime


class LimitIn(BaseModel):
    """A limit of one account; without `amount` the site's own holds again."""

    model_config = {"extra": "forbid"}
    kind: Kind
    amount: int | None = None
    reason: str = ""
