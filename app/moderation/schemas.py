"""Words and shapes of moderation: what may be reported, what is decided, what the API gives."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

MAX_WORDS = 1000
MAX_REASON = 500


class Subject(StrEnum):
    """What may be reported: any post, a tutorial, a repository, or an account."""

    COMMENT = "comment"
    TUTORIAL = "tutorial"
    REPOSITORY = "repository"
    ACCOUNT = "account"


class Reason(StrEnum):
    """Why somebody reports something."""

    SPAM = "spam"
    RUDE = "rude"
    OFF_TOPIC = "off_topic"
    HARMFUL = "harmful"
    COPYRIGHT = "copyright"
    BROKEN = "broken"
    OTHER = "other"


class Cause(StrEnum):
    """How something came into the queue."""

    FLAG = "flag"
    HELD = "held"
    LINKS = "links"


class State(StrEnum):
    """How a report stands."""

    OPEN = "open"
    AGREED = "agreed"
    DISAGREED = "disagreed"
    IGNORED = "ignored"


class Verdict(StrEnum):
    """What a moderator says to a report."""

    AGREE = "agree"
    DISAGREE = "disagree"
    IGNORE = "ignore"


class Fate(StrEnum):
    """What becomes of what was reported; `hide` can be undone, `erase` cannot."""

    LEAVE = "leave"
    HIDE = "hide"
    ERASE = "erase"


class Penalty(StrEnum):
    """What becomes of who wrote it."""

    NONE = "none"
    SILENCE = "silence"
    SUSPEND = "suspend"


class ActKind(StrEnum):
    """What a moderator did, as the public log names it."""

    HID = "hid"
    ERASED = "erased"
    KEPT = "kept"
    CLOSED = "closed"
    REOPENED = "reopened"
    SILENCED = "silenced"
    SUSPENDED = "suspended"
    LIFTED = "lifted"
    PURGED = "purged"
    UNDID = "undid"
    REVERSED = "reversed"
    UPHELD = "upheld"


# Who is concerned may appeal against these.
APPEALABLE = frozenset(
    {ActKind.HID, ActKind.CLOSED, ActKind.SILENCED, ActKind.SUSPENDED, ActKind.PURGED}
)


@dataclass(frozen=True)
class Finding:
    """Something that looks like spam: a word of the scorer's, how much it weighs, and what."""

    code: str
    weight: float
    value: str = ""


@dataclass(frozen=True)
class Spot:
    """Where something stands and whose it is; `is_private` is for administrators alone."""

    title: str
    address: str
    account_id: int | None
    is_private: bool = False
    text: str = field(default="", repr=False)
    is_held: bool = False
    is_gone: bool = False


@dataclass(frozen=True)
class ReportView:
    """One person's report, for who made it and for moderators; `by` is empty for the former."""

    id: int
    subject: Subject
    subject_id: int
    reason: Reason
    words: str
    outcome: State
    created_at: datetime
    by: str = ""
    weight: float = 1.0


@dataclass(frozen=True)
class ItemView:
    """Something in the queue, with whoever works on it now."""

    id: int
    subject: Subject
    subject_id: int
    causes: tuple[Cause, ...]
    score: float
    num_reports: int
    findings: tuple[Finding, ...]
    state: State
    spot: Spot
    author: str
    created_at: datetime
    claimed_by: str = ""
    claimed_by_id: int | None = None
    claimed_until: datetime | None = None


@dataclass(frozen=True)
class ActView:
    """An act of a moderator. `address` is empty where it would tell of what is private."""

    id: int
    kind: ActKind
    subject: Subject
    subject_id: int
    by: str
    reason: str
    created_at: datetime
    until: datetime | None = None
    address: str = ""
    is_undone: bool = False
    may_undo: bool = False
    appeal: "AppealView | None" = None
    may_appeal: bool = False
    concerned: str = ""


@dataclass(frozen=True)
class AppealView:
    """An appeal; `is_granted` is None until another moderator has decided."""

    id: int
    act_id: int
    words: str
    created_at: datetime
    is_granted: bool | None = None
    answer: str = ""


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class ReportIn(_In):
    """What somebody reports, and why; `other` needs words."""

    subject: Subject
    subject_id: Annotated[int, Field(gt=0, lt=1 << 63)]
    reason: Reason
    words: Annotated[str, Field(max_length=MAX_WORDS)] = ""


class DecisionIn(_In):
    """What is decided about a report; `fate` and `penalty` count only when one agrees."""

    verdict: Verdict
    fate: Fate = Fate.HIDE
    penalty: Penalty = Penalty.NONE
    days: Annotated[int, Field(ge=0, le=3650)] = 7
    reason: Annotated[str, Field(max_length=MAX_REASON)] = ""


class MeasureIn(_In):
    """A penalty for somebody; 0 days is until it is lifted."""

    penalty: Penalty
    days: Annotated[int, Field(ge=0, le=3650)] = 7
    reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON)]


class ReasonIn(_In):
    """Why something is done."""

    reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON)]


class AppealIn(_In):
    """Why a decision was wrong."""

    words: Annotated[str, Field(min_length=1, max_length=MAX_WORDS)]


class AppealDecisionIn(_In):
    """Whether an appeal is granted, and why."""

    granted: bool
    answer: Annotated[str, Field(min_length=1, max_length=MAX_REASON)]


class ReportOut(BaseModel):
    """One's own report and what became of it."""

    model_config = ConfigDict(from_attributes=True)
    id: int
    subject: Subject
    subject_id: int
    reason: Reason
    words: str
    outcome: State
    created_at: datetime


class ItemOut(BaseModel):
    """Something in the queue."""

    id: int
    subject: Subject
    subject_id: int
    causes: list[Cause]
    state: State
    score: float
    num_reports: int
    findings: list[dict[str, Any]]
    title: str
    address: str
    text: str
    author: str
    is_held: bool
    created_at: datetime
    claimed_by: str
    claimed_until: datetime | None
    reports: list[dict[str, Any]] = []


class ActOut(BaseModel):
    """An act of a moderator, as everybody may know it."""

    model_config = ConfigDict(from_attributes=True)
    id: int
    kind: ActKind
    subject: Subject
    by: str
    reason: str
    created_at: datetime
    until: datetime | None
    address: str
    is_undone: bool
