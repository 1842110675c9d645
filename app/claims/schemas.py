"""Claims of a card, and what people who have looked say of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.comments.schemas import MAX_BODY


class Kind(StrEnum):
    """What a line of a card is about."""

    METRIC = "metric"
    DATA = "data"
    BASE = "base"
    LICENCE = "licence"


class Verdict(StrEnum):
    """What a reviewer came to."""

    CONFIRMED = "confirmed"
    DOUBTFUL = "doubtful"


class Basis(StrEnum):
    """What a reviewer's run has to do with the model; none was asked of who doubts in words."""

    WORDS = "words"
    SAME_RECIPE = "same-recipe"
    USED = "used"


class Standing(StrEnum):
    """How a claim stands: one doubt weighs more than any number of confirmations."""

    UNCONFIRMED = "unconfirmed"
    CONFIRMED = "confirmed"
    DOUBTFUL = "doubtful"


@dataclass(frozen=True)
class Claim:
    """One line of a card. `key` stays the same when only the value changes.

    `measure` is the name of the measure, and `subject` where it was measured; of other kinds the
    value says it all.
    """

    key: str
    kind: Kind
    value: str
    measure: str = ""
    subject: str = ""
    title: str = ""


@dataclass(frozen=True)
class ReviewView:
    """A review as somebody may see it.

    `job_id` is None where they may not know of the run (`is_private`) or there is none; `opens`
    says whether the run's page opens to them.
    """

    reviewer_id: int
    reviewer: str
    verdict: Verdict
    basis: Basis
    created_at: datetime
    value: str
    title: str = ""
    job_id: int | None = None
    is_private: bool = False
    opens: bool = False
    measured: float | None = None
    words: str = ""
    comment_id: int | None = None


@dataclass(frozen=True)
class ClaimView:
    """A claim, the reviews of the value that stands there now, and its talk."""

    claim: Claim
    reviews: Sequence[ReviewView] = ()
    discussion: int | None = None
    num_comments: int = 0

    @property
    def standing(self) -> Standing:
        """How it stands."""
        said = {one.verdict for one in self.reviews}
        if Verdict.DOUBTFUL in said:
            return Standing.DOUBTFUL
        return Standing.CONFIRMED if said else Standing.UNCONFIRMED

    @property
    def confirmations(self) -> list[ReviewView]:
        """The reviews that confirm it."""
        return [one for one in self.reviews if one.verdict is Verdict.CONFIRMED]

    @property
    def doubts(self) -> list[ReviewView]:
        """The reviews that doubt it."""
        return [one for one in self.reviews if one.verdict is Verdict.DOUBTFUL]


@dataclass(frozen=True)
class ClaimsView:
    """All claims of a card; `earlier` are reviews of what it does not say any more."""

    claims: Sequence[ClaimView]
    earlier: Sequence[ReviewView] = ()


class ClaimReviewIn(BaseModel):
    """What a reviewer says: `confirmed` names a run of theirs, `doubtful` gives words.

    `shared` lets everybody know the number of the run.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"verdict": "confirmed", "job_id": 12, "shared": True}]},
    )
    verdict: Verdict
    job_id: Annotated[int | None, Field(gt=0, lt=1 << 63)] = None
    words: Annotated[str, Field(max_length=MAX_BODY)] = ""
    shared: bool = False


class ClaimCommentIn(BaseModel):
    """Something to say about a claim, in Markdown."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    words: Annotated[str, Field(max_length=MAX_BODY)]


class SaidOut(BaseModel):
    """Where the words stand: the discussion of the model, and the comment in it."""

    discussion: int
    comment_id: int


class ClaimReviewOut(BaseModel):
    """A review; `job_id` is null where the caller may not know of the run, or none was needed."""

    reviewer: str
    verdict: Verdict
    basis: Basis
    value: str
    created_at: datetime
    job_id: int | None
    is_private: bool
    measured: float | None
    words: str


class CardClaimOut(BaseModel):
    """A claim of the card as it stands now."""

    key: str
    kind: Kind
    title: str
    value: str
    standing: Standing
    discussion: int | None
    reviews: list[ClaimReviewOut]


class CardClaimsOut(BaseModel):
    """The claims of a model's card, and reviews of what it does not say any more."""

    claims: list[CardClaimOut]
    earlier: list[ClaimReviewOut]
