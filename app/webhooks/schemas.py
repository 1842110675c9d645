"""Words and shapes of webhooks: what is watched, what is sent, and how a delivery went."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

MAX_WEBHOOKS = 20
MAX_WATCHED = 50
MAX_URL = 2000
MAX_SECRET = 200
# How often one webhook may be called on one day.
DAILY_LIMIT = 1000
# Failures in a row after which a webhook is switched off.
FAILURES_TO_OFF = 20
# How long after each failure the next attempt is made; one attempt more than there are waits.
BACK_OFF = tuple(timedelta(seconds=s) for s in (10, 60, 300, 1800, 7200, 21_600))
KEPT = timedelta(days=30)


class Domain(StrEnum):
    """What kind of news a webhook hears, in the words of the protocol."""

    REPO = "repo"
    DISCUSSION = "discussion"


class Style(StrEnum):
    """What is sent: the protocol's JSON, or a message as a chat room's robot takes it."""

    JSON = "json"
    FEISHU = "feishu"
    DINGTALK = "dingtalk"
    WECOM = "wecom"


class WatchedKind(StrEnum):
    """What may be watched; a person or an organisation stands for all its repositories."""

    USER = "user"
    ORGANIZATION = "org"
    MODEL = "model"
    DATASET = "dataset"


class DeliveryState(StrEnum):
    """How a delivery stands; a dropped one is not the receiver's fault."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"


@dataclass(frozen=True)
class Watched:
    """Something that is watched, by the name it had when the watch began."""

    kind: WatchedKind
    name: str


@dataclass(frozen=True)
class WebhookWish:
    """A webhook as somebody wants it; None leaves what is there."""

    url: str | None = None
    watched: tuple[Watched, ...] | None = None
    domains: tuple[Domain, ...] | None = None
    secret: str | None = None
    style: Style | None = None


@dataclass(frozen=True)
class WebhookView:
    """A webhook for its owner's eyes."""

    id: int
    url: str
    watched: tuple[Watched, ...]
    domains: tuple[Domain, ...]
    secret: str
    disabled: bool
    off_by_failures: bool
    failures: int
    created_at: datetime
    style: Style = Style.JSON


@dataclass(frozen=True)
class News:
    """Something that happened to a repository, ready to be told; `extra` is the rest of it."""

    domain: Domain
    action: str
    scope: str
    repository_id: int
    owner_id: int
    private: bool
    payload: dict[str, Any]
