"""Words and shapes of notifications."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

KEPT_LEDGER = timedelta(days=30)
KEPT_DONE = timedelta(days=90)
# The bell says "99+" from here on.
MOST_COUNTED = 100


class What(StrEnum):
    """What happened."""

    OPENED = "opened"
    COMMENTED = "commented"
    CLOSED = "closed"
    REOPENED = "reopened"
    MERGED = "merged"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PUBLISHED = "published"
    ANSWERED = "answered"
    ACCEPTED = "accepted"
    SUGGESTED = "suggested"
    NAMED = "named"
    AGREED = "agreed"
    DISAGREED = "disagreed"
    IGNORED = "ignored"
    BOUNTY_BEGUN = "bounty_begun"
    BADGE = "badge"
    BOUNTY_WON = "bounty_won"
    BOUNTY_ENDS = "bounty_ends"
    BOUNTY_OVER = "bounty_over"
    BROKEN = "broken"
    MENDED = "mended"
    LIMIT_NEAR = "limit_near"


class Reason(StrEnum):
    """Why somebody is told, the strongest first."""

    MENTION = "mention"
    AUTHOR = "author"
    OWNER = "owner"
    PARTICIPATION = "participation"
    WATCH = "watch"

    @property
    def strength(self) -> int:
        """The larger, the sooner it is the one that counts."""
        return -list(Reason).index(self)


class Kind(StrEnum):
    """What people switch on and off, for each channel."""

    MENTION = "mention"
    ANSWER = "answer"
    COMMENT = "comment"
    OPENED = "opened"
    STATUS = "status"
    PUBLISHED = "published"
    JOB = "job"
    REPORT = "report"
    REWARD = "reward"
    LIMIT = "limit"


class Pace(StrEnum):
    """When a mail is written."""

    INSTANT = "instant"
    DAILY = "daily"
    WEEKLY = "weekly"
    OFF = "off"


class Level(StrEnum):
    """What somebody said about a thing: tell me of everything, or of nothing."""

    WATCH = "watch"
    MUTE = "mute"


class Channel(StrEnum):
    """How somebody is told."""

    APP = "app"
    MAIL = "mail"


class Why(StrEnum):
    """Why somebody was told, or was not: the words of the ledger."""

    MENTION = "mention"
    AUTHOR = "author"
    OWNER = "owner"
    PARTICIPATION = "participation"
    WATCH = "watch"
    OWN_ACT = "own_act"
    THREAD_MUTED = "thread_muted"
    REPOSITORY_MUTED = "repository_muted"
    SWITCHED_OFF = "switched_off"
    NOT_ALLOWED = "not_allowed"
    SUSPENDED = "suspended"
    BLOCKED = "blocked"
    QUEUED = "queued"
    MAILED = "mailed"
    READ_BEFORE = "read_before"
    NO_ADDRESS = "no_address"
    NO_SERVER = "no_server"
    UNCONFIRMED = "unconfirmed"


class State(StrEnum):
    """Which notifications a list shows."""

    UNREAD = "unread"
    ALL = "all"
    DONE = "done"


@dataclass(frozen=True)
class Target:
    """Something that can be watched or muted: a word for its kind and its number."""

    kind: str
    id: int

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True)
class News:
    """What happened, before it is known who is told. `key` names it once and for all."""

    key: str
    what: What
    thread: Target
    actor_id: int | None
    repository_id: int | None = None
    entry_id: int | None = None


@dataclass(frozen=True)
class Occasion:
    """Who might want to know of some news.

    `people` are told because of what they are to the thread, `named` are names in the text;
    who watches one of `watched` is told too. `mutable` are the things besides the thread whose
    mute silences what is not addressed to the person.
    """

    people: Mapping[int, Reason] = field(default_factory=dict)
    named: Sequence[str] = ()
    watched: Sequence[Target] = ()
    mutable: Sequence[Target] = ()


@dataclass(frozen=True)
class SubjectView:
    """A thread as it is called now. `place` is where it belongs, a repository for instance."""

    title: str
    address: str
    icon: str
    place: str = ""
    place_address: str = ""
    anchors: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NotificationView:
    """One notification. `address` leads to the very comment."""

    id: int
    what: What
    kind: Kind
    reason: Reason
    actor: str
    entry_id: int | None
    created_at: datetime
    is_read: bool
    is_done: bool


@dataclass(frozen=True)
class ThreadView:
    """The notifications of one thread; `newest` is the last of them."""

    thread: Target
    subject: SubjectView
    newest: NotificationView
    num_all: int
    num_unread: int
    actors: Sequence[str]


@dataclass(frozen=True)
class Filters:
    """Which notifications somebody wants to see; empty does not narrow."""

    state: State = State.UNREAD
    kind: Kind | None = None
    repository_id: int | None = None


@dataclass(frozen=True)
class Choice:
    """What somebody wants of one kind."""

    in_app: bool
    mail: Pace


# Mentions and answers at once, the rest in a letter a week.
DEFAULTS: Mapping[Kind, Choice] = {
    Kind.MENTION: Choice(in_app=True, mail=Pace.INSTANT),
    Kind.ANSWER: Choice(in_app=True, mail=Pace.INSTANT),
    Kind.COMMENT: Choice(in_app=True, mail=Pace.WEEKLY),
    Kind.OPENED: Choice(in_app=True, mail=Pace.WEEKLY),
    Kind.STATUS: Choice(in_app=True, mail=Pace.WEEKLY),
    Kind.PUBLISHED: Choice(in_app=True, mail=Pace.WEEKLY),
    Kind.JOB: Choice(in_app=True, mail=Pace.WEEKLY),
    Kind.REPORT: Choice(in_app=True, mail=Pace.WEEKLY),
    Kind.REWARD: Choice(in_app=True, mail=Pace.WEEKLY),
    Kind.LIMIT: Choice(in_app=True, mail=Pace.INSTANT),
}


@dataclass(frozen=True)
class LedgerView:
    """One line of "why did I (not) get this"."""

    subject: SubjectView
    what: What
    actor: str
    channel: Channel
    is_told: bool
    why: Why
    created_at: datetime


# What falls under one kind whoever is told; the rest depends on what it is to the person.
_KINDS: Mapping[What, Kind] = {
    What.SUCCEEDED: Kind.JOB,
    What.FAILED: Kind.JOB,
    What.BROKEN: Kind.JOB,
    What.MENDED: Kind.JOB,
    What.AGREED: Kind.REPORT,
    What.DISAGREED: Kind.REPORT,
    What.IGNORED: Kind.REPORT,
    What.PUBLISHED: Kind.PUBLISHED,
    What.OPENED: Kind.OPENED,
    What.ACCEPTED: Kind.ANSWER,
    What.BOUNTY_BEGUN: Kind.REWARD,
    What.BADGE: Kind.REWARD,
    What.BOUNTY_WON: Kind.REWARD,
    What.BOUNTY_ENDS: Kind.REWARD,
    What.BOUNTY_OVER: Kind.REWARD,
    What.SUGGESTED: Kind.ANSWER,
    What.LIMIT_NEAR: Kind.LIMIT,
}


def kind_of(what: What, reason: Reason) -> Kind:
    """Return under which of a person's settings some news falls."""
    if reason is Reason.MENTION:
        return Kind.MENTION
    if what in {What.COMMENTED, What.ANSWERED}:
        return Kind.ANSWER if reason is Reason.AUTHOR else Kind.COMMENT
    return _KINDS.get(what, Kind.STATUS)


Pairs = Collection[tuple[int, int]]
