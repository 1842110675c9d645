"""What is handed to the index, and what comes out of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from markupsafe import Markup
from pydantic import BaseModel, Field

from app.search.query import MAX_QUERY_CHARS

MAX_BODY_CHARS = 20_000
MOST_PAGES = 25


class Kind(StrEnum):
    """What can be found."""

    MODEL = "model"
    DATASET = "dataset"
    TUTORIAL = "tutorial"
    DISCUSSION = "discussion"


class Order(StrEnum):
    """How hits are ordered."""

    RELEVANCE = "relevance"
    NEWEST = "new"


class Asked(BaseModel):
    """What is looked for, as an address of the page and of the API says it."""

    q: str = Field(default="", max_length=MAX_QUERY_CHARS, description="Words and operators.")
    kind: Kind | None = Field(default=None, description="Only these.")
    sort: Order = Order.RELEVANCE
    page: int = Field(default=1, ge=1, le=MOST_PAGES)


@dataclass(frozen=True)
class Draft:
    """A text for the index; see `app.search.tables.Document`."""

    kind: Kind
    subject_id: int
    place: str
    title: str
    body: str
    created_at: datetime
    updated_at: datetime
    language: str = ""
    part: int = 0
    repository_id: int | None = None
    owner_id: int | None = None
    private: bool = False
    heading: str = ""
    tags: Sequence[str] = ()
    author: str = ""
    score: int = 0
    quality: float = 0.0
    is_open: bool | None = None


@dataclass(frozen=True)
class Hit:
    """A thing that was found; `title` and `snippet` are safe HTML with the words marked."""

    kind: Kind
    address: str
    name: str
    title: Markup
    snippet: Markup
    language: str
    author: str
    private: bool
    updated_at: datetime


@dataclass(frozen=True)
class Results:
    """A page of what was found.

    `counts` holds how many hits there are by kind, as far as was counted; `is_loose` says that
    only some of the words were found together; `unknown` are operators that were taken as words.
    """

    hits: Sequence[Hit]
    total: int
    counts: dict[Kind, int]
    has_next: bool = False
    is_loose: bool = False
    unknown: Sequence[str] = ()
