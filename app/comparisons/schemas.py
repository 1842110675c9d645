"""What a comparison is made of, and how its page and the API show it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from app.comments.schemas import CommentView

LEAST, MOST, MAX_TITLE = 2, 6, 200


class ComparisonIn(BaseModel):
    """Runs of one's own to put beside each other; `hidden` ones only their owner sees."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"title": "How much warm-up?", "job_ids": [12, 13]}]},
    )
    title: Annotated[str, Field(max_length=1000)]
    job_ids: Annotated[list[Annotated[int, Field(gt=0, lt=1 << 63)]], Field(max_length=50)]
    hidden: Annotated[list[Annotated[int, Field(gt=0, lt=1 << 63)]], Field(max_length=50)] = []


class ComparedRun(BaseModel):
    """What a comparison keeps of a run: a copy, so that sharing it opens nothing else.

    `seconds` is how long it ran, `epochs` and `curve` (step, loss) how it went; `recipe` maps paths
    with dots to values.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)
    job_id: int
    title: str
    task: str
    state: str
    metric: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    seconds: float | None = None
    environment: dict[str, str] = {}
    recipe: dict[str, str] = {}
    curve: list[tuple[float, float]] = []
    shown: bool = True


class ComparisonOut(BaseModel):
    """A comparison as this caller may see it."""

    id: int
    title: str
    url: str
    owner: str
    created_at: datetime
    runs: list[ComparedRun]
    differences: dict[str, list[str]]


@dataclass(frozen=True)
class Place:
    """Where a thread stands; `path` ends where the number of a comment is to be added."""

    title: str
    path: str
    repository_id: int = 0


@dataclass(frozen=True)
class ComparisonView:
    """A comparison as the viewer may see it; `differences` has a value for each run shown."""

    id: int
    title: str
    owner: str
    owner_id: int | None
    created_at: datetime
    runs: tuple[ComparedRun, ...]
    differences: dict[str, list[str]] = field(default_factory=dict)
    comments: tuple[CommentView, ...] = ()
    next_comment: str | None = None

    @property
    def url(self) -> str:
        """Return where its page is."""
        return f"/comparisons/{self.id}"

    def told(self) -> dict[str, Any]:
        """Return the values of the API's shape."""
        return {
            "id": self.id,
            "title": self.title,
            "url": self.url,
            "owner": self.owner,
            "created_at": self.created_at,
            "runs": list(self.runs),
            "differences": self.differences,
        }
