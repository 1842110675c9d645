"""Shapes of the rankings API."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.jobs.schemas import JobState
from worker.contract.rank import CandidateResult

_EXAMPLE: dict[str, JsonValue] = {
    "kind": "rank-models",
    "name": "flowers-bases",
    "candidates": [{"repo": "ada/efficientnet-lite0"}, {"repo": "ada/mobilenet-v2"}],
    "data": {"train": {"repo": "ada/flowers"}},
}


class RankingIn(BaseModel):
    """Which base models to compare on what: plain values, or their text in YAML or JSON."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"request": _EXAMPLE}]}
    )
    request: dict[str, JsonValue] | str


class RankingOut(BaseModel):
    """A ranking. `candidates` holds what was measured so far, in the end the best probe first."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: int
    title: str
    state: JobState
    progress: float = Field(description="Fraction done, in [0, 1].")
    request: dict[str, Any]
    num_candidates: int
    candidates: list[CandidateResult]
    agreement: float | None = Field(
        description="Mean weighted Kendall tau of the measures, from -1 to 1."
    )
    num_samples: int | None
    seconds: float | None
    device: str | None
    failure: dict[str, Any] | None
    url: str = Field(description="Its page.")
    created_at: datetime
