"""Shapes of questions: what people send, and what pages and the API show."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from app.comments.schemas import MAX_BODY, CommentView
from app.core.clock import now

MAX_TITLE, MAX_TAGS, MAX_DRAFTS = 200, 5, 100
# A run that did better counts like so many votes, all of them together like no more than so many.
VOTES_OF_A_RUN, MAX_EVIDENCE = 2, 10
# A Chinese character says about as much as two and a half Latin letters.
MIN_TITLE_WIDTH = 10
Language = Literal["en", "zh-CN"]


class Status(StrEnum):
    """Whether a question takes answers."""

    OPEN = "open"
    CLOSED = "closed"


class CloseReason(StrEnum):
    """Why a question takes no more answers."""

    DUPLICATE = "duplicate"
    OFF_TOPIC = "off-topic"
    UNCLEAR = "unclear"
    OPINION = "opinion"
    NO_LONGER = "no-longer-reproducible"


class Happening(StrEnum):
    """What can happen to a question besides words."""

    RETITLED = "retitled"
    RETAGGED = "retagged"
    CLOSED = "closed"
    REOPENED = "reopened"
    LOCKED = "locked"
    UNLOCKED = "unlocked"
    PINNED = "pinned"
    UNPINNED = "unpinned"
    ACCEPTED = "accepted"
    UNACCEPTED = "unaccepted"
    ROLLED_BACK = "rolled-back"
    TWINNED = "twinned"
    UNTWINNED = "untwinned"
    BOUNTY_BEGUN = "bounty-begun"
    BOUNTY_AWARDED = "bounty-awarded"
    BOUNTY_HALVED = "bounty-halved"
    BOUNTY_OVER = "bounty-over"
    BOUNTY_BACK = "bounty-back"


class EditState(StrEnum):
    """Where a suggested edit stands."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    HELD = "held"


Sort = Literal["active", "new", "votes", "unanswered", "bounty"]
AnswerSort = Literal["best", "new", "old"]


class _In(BaseModel):
    """What a caller sends: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class QuestionIn(_In):
    """A question. `language` left out is found from the words; `job_id` is a run it is about."""

    title: Annotated[str, Field(max_length=1000)]
    body: Annotated[str, Field(max_length=MAX_BODY * 2)]
    tags: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=50)] = []
    language: Language | None = None
    job_id: Annotated[int, Field(gt=0, lt=1 << 63)] | None = None

    @field_validator("language", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value or None


class PostIn(_In):
    """An answer, a comment or a new wording."""

    body: Annotated[str, Field(max_length=MAX_BODY * 2)]


class QuestionChange(_In):
    """A new wording of a question. `reason` is a sentence about the change."""

    title: Annotated[str, Field(max_length=1000)]
    body: Annotated[str, Field(max_length=MAX_BODY * 2)]
    tags: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=50)] = []
    reason: Annotated[str, Field(max_length=500)] = ""


class VoteIn(_In):
    """1 up, -1 down, 0 takes it back."""

    value: Literal[-1, 0, 1]


class CloseIn(_In):
    """Why to close. `duplicate_of` is asked for with the reason `duplicate`, and only then."""

    reason: CloseReason
    duplicate_of: Annotated[int, Field(gt=0, lt=1 << 63)] | None = None


class TwinIn(_In):
    """The number of the same question in the other language."""

    question: Annotated[int, Field(gt=0, lt=1 << 63)]


class DraftIn(_In):
    """What somebody has begun to write. `version` is the one they began from; 0 for a new one."""

    title: Annotated[str, Field(max_length=1000)] = ""
    body: Annotated[str, Field(max_length=MAX_BODY * 2)] = ""
    tags: Annotated[str, Field(max_length=600)] = ""
    version: Annotated[int, Field(ge=0)] = 0


class DraftOut(BaseModel):
    """A kept draft."""

    target: str
    title: str
    body: str
    tags: str
    version: int
    updated_at: datetime


@dataclass(frozen=True)
class TagView:
    """A tag; `parent` is the wider one it belongs to."""

    id: int
    name: str
    num_questions: int = 0
    parent: str = ""
    about_en: str = field(default="", repr=False)
    about_zh: str = field(default="", repr=False)

    def about(self, language: str) -> str:
        """Return what it is about, in `language` where somebody wrote it."""
        first, second = self.about_en, self.about_zh
        if language.startswith("zh"):
            first, second = second, first
        return first or second


@dataclass(frozen=True)
class Snapshot:
    """What a question keeps of the run it is about; nobody needs to see the run to read it."""

    job_id: int
    task: str = ""
    failure_code: str = ""
    fingerprint: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    curve: list[tuple[float, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Prize:
    """What is put up for an answer, in a `unit` of the ledger; `by_id` gives it to one of them."""

    amount: int
    unit: str
    until: datetime
    by_id: int | None

    @property
    def is_running(self) -> bool:
        """Whether its days are not over; then its giver has one more to award it."""
        return self.until > now()


@dataclass(frozen=True)
class QuestionRow:
    """A question in a list."""

    id: int
    title: str
    slug: str
    language: str
    author: str
    author_id: int | None
    status: Status
    close_reason: CloseReason | None
    score: int
    num_answers: int
    is_answered: bool
    pinned: bool
    locked: bool
    tags: tuple[str, ...]
    created_at: datetime
    active_at: datetime
    excerpt: str = ""
    is_hidden: bool = False
    prize: Prize | None = None

    @property
    def url(self) -> str:
        """Return where its page is."""
        return f"/questions/{self.id}/{self.slug}"


@dataclass(frozen=True)
class TwinRef:
    """The same question in another language, and since when both are linked."""

    row: QuestionRow
    body_id: int
    accepted_id: int | None
    linked_at: datetime


@dataclass(frozen=True)
class QuestionView(QuestionRow):
    """A question, with what its page shows around the posts."""

    thread_id: int = 0
    body_id: int = 0
    accepted_id: int | None = None
    duplicate_of: QuestionRow | None = None
    duplicates: tuple[QuestionRow, ...] = ()
    twin: TwinRef | None = None
    snapshot: Snapshot | None = None
    closed_by: str = ""
    closed_at: datetime | None = None


@dataclass(frozen=True)
class TwinView:
    """The same question in another language; `accepted` is the answer that solved it there.

    `edited_at` is when it was edited after this question's words and after both were linked.
    """

    row: QuestionRow
    body_id: int
    accepted: CommentView | None = None
    accepted_score: int = 0
    edited_at: datetime | None = None


@dataclass(frozen=True)
class PostView:
    """A question's own words or an answer, with the remarks under it and the viewer's vote."""

    words: CommentView
    is_question: bool
    score: int
    is_accepted: bool
    remarks: tuple[CommentView, ...] = ()
    num_remarks: int = 0
    own_vote: int = 0
    author_points: int = 0
    author_badges: tuple[int, int, int] = (0, 0, 0)
    won_points: int = 0
    won_gpu_seconds: int = 0
    num_better: int = 0
    num_worse: int = 0
    evidence: int = 0

    @property
    def rank(self) -> int:
        """Return what answers are ordered by: votes, and the votes that runs count like."""
        return self.score + self.evidence


@dataclass(frozen=True)
class HappeningView:
    """Something that happened to a question, for its history and the public record."""

    kind: Happening
    author: str
    created_at: datetime
    data: dict[str, Any]


@dataclass(frozen=True)
class SuggestionView:
    """An edit that waits for somebody's yes."""

    id: int
    comment_id: int
    question_id: int
    author: str
    author_id: int | None
    title: str
    body: str
    tags: tuple[str, ...]
    reason: str
    state: EditState
    created_at: datetime


@dataclass(frozen=True)
class Place:
    """Where a thread stands; `path` ends where the number of a comment is to be added."""

    title: str
    path: str
    repository_id: int = 0
    author_id: int | None = None
    is_hidden: bool = False


class SandboxIn(BaseModel):
    """A recipe to offer: how often answerers may run it, how long each run, and until when."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    recipe: Annotated[str, Field(min_length=1, max_length=100_000, description="YAML or JSON.")]
    max_runs: Annotated[int, Field(ge=1, le=100, description="Runs there may ever be.")] = 5
    max_minutes: Annotated[float, Field(gt=0, le=600, description="Time limit of each.")] = 10
    hours: Annotated[int, Field(ge=1, le=24 * 30, description="Nobody runs it after these.")] = 72


class SandboxRunIn(BaseModel):
    """A change to the recipe: paths with dots to values, as in a `recipe-patch`; or none."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    patch: Annotated[str, Field(max_length=20_000)] = ""


class SandboxRunOut(BaseModel):
    """A run in a sandbox. `job_id` is told to the asker; numbers and log to who may open it."""

    num: int
    runner: str
    patch: str
    state: str
    metric: str
    value: float | None
    created_at: datetime
    job_id: int | None
    measures: dict[str, float] | None = None
    log: list[str] | None = None
    problem: str = ""


class SandboxOut(BaseModel):
    """What an asker offers to run, and what was run."""

    recipe: str
    max_runs: int
    max_minutes: float
    num_runs: int
    until: datetime
    is_open: bool
    runs: list[SandboxRunOut]
