"""What is handed to the index, and what comes out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
    QUESTION = "question"
    DISCUSSION = "discussion"
    COLLECTION = "collection"
    JOB = "job"
    ACCOUNT = "account"


class Suggested(StrEnum):
    """What is offered while somebody types."""

    MODEL = "model"
    DATASET = "dataset"
    ACCOUNT = "account"
    QUESTION = "question"
    JOB = "job"
    TAG = "tag"


@dataclass(frozen=True)
class Suggestion:
    """A name that begins with what was typed.

    Attributes:
        name: as a text refers to it, without the `@` or `#`; of a data set without `datasets/`.
        label: what people know it by besides its name; may be empty.
    """

    kind: Suggested
    name: str
    label: str
    address: str


class Order(StrEnum):
    """How hits are ordered."""

    RELEVANCE = "relevance"
    NEWEST = "new"
    VOTES = "votes"
    ACTIVE = "active"


class Asked(BaseModel):
    """What is looked for, as an address of the page and of the API says it."""

    q: str = Field(default="", max_length=MAX_QUERY_CHARS, description="Words and operators.")
    kind: Kind | None = Field(default=None, description="Only these.")
    sort: Order = Order.RELEVANCE
    page: int = Field(default=1, ge=1, le=MOST_PAGES)
    explain: bool = Field(default=False, description="Say how hits were ranked (administrators).")


@dataclass(frozen=True)
class Draft:
    """A text for the index; see `app.search.tables.Document`.

    Attributes:
        place: its address, below that of its repository if it has one.
        part: counts the texts of one thing, each with a place of its own.
        owner_id: whose it is; they find it where it is `private`.
        heading: what counts less than the title and more than the body; an accepted answer too.
        tags: free words by which it is found; `facts` are those with a name of their own.
        facts: such as `("has", "accepted")`, `("task", "translation")`, `("job", "12")`.
        score: how often it was liked.
        quality: from 0 for what is only there to about 1 for what everybody should find.
    """

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
    facts: Sequence[tuple[str, str]] = ()
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
    labels: Sequence[str] = ()
    score: int = 0
    # As it calls itself; empty for what is in no language.
    language_name: str = ""
    ranked_by: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Facet:
    """A way to narrow a search: what to add to the question, and how many things would be left."""

    operator: str
    value: str
    number: int

    @property
    def text(self) -> str:
        """The facet as an operator of the question."""
        value = f'"{self.value}"' if " " in self.value else self.value
        return f"{self.operator}:{value}"


@dataclass(frozen=True)
class Results:
    """A page of what was found.

    Attributes:
        total: how many things there are, as far as was counted; `is_more` says there are more.
        counts: the same by kind.
        is_loose: only some of the words were found together.
        unknown: operators that were taken as words.
        translations: what was looked for in the other language, by the words typed.
        may_translate: the question would look for more with `lang:any`.
        meant: the question as it may have been meant, when hardly anything was found.
    """

    hits: Sequence[Hit]
    total: int
    counts: dict[Kind, int]
    is_more: bool = False
    facets: Sequence[Facet] = ()
    has_next: bool = False
    is_loose: bool = False
    unknown: Sequence[str] = ()
    translations: Mapping[str, Sequence[str]] = field(default_factory=dict)
    may_translate: bool = False
    meant: str = ""
