"""What programs are given of tutorials."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from app.tutorials.schemas import CheckView, RecipeBlock, Reproduction, TutorialPage, TutorialRow
from app.tutorials.service.writing import Writing


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TutorialItem(_Shape):
    """A tutorial in a list."""

    slug: str
    language: str
    title: str
    summary: str
    owner: str = Field(description="Empty where it came with the site.")
    minutes: int = Field(description="Minutes it takes to read.")
    published_at: datetime


class TutorialList(_Shape):
    """A page of tutorials. Send `next_cursor` as `cursor` for the next one."""

    items: list[TutorialItem]
    next_cursor: str | None


class ClaimOut(_Shape):
    """What the writer says it comes to; shares lie in [0, 1]."""

    metric: str
    value: float
    tolerance: float


class ReproductionOut(_Shape):
    """What runs of the recipe came to: those people share, and your own."""

    ended: int = Field(description="Runs that ended, well or not; cancelled ones do not count.")
    matching: int = Field(description="Runs whose measure lies within the tolerance.")
    waiting: int
    median: float | None
    spread: float | None = Field(description="Half the width of the middle half of the values.")
    values: list[float | None] = Field(description="One of each ended run; null where it failed.")


class RecipeOut(_Shape):
    """A recipe of the text; `number` counts from 1."""

    number: int
    name: str
    task: str
    base: str
    data: str
    text: str
    claim: ClaimOut | None
    problem: str = Field(description="Why it cannot be run any more; empty while it can.")
    runs: ReproductionOut


class TutorialOut(_Shape):
    """A version of a tutorial, whole."""

    slug: str
    language: str
    languages: list[str]
    source_language: str
    version: int
    newest_version: int
    behind: int = Field(description="Versions its source got since this translation was made.")
    title: str
    summary: str
    body: str = Field(description="Markdown.")
    owner: str
    published_at: datetime
    recipes: list[RecipeOut]


class RunIn(_Shape):
    """How to run a recipe."""

    shared: bool = Field(default=False, description="Let everybody see the number it comes to.")


class RunOut(_Shape):
    """The job that was queued."""

    job: int
    url: str
    version: int
    recipe: int


class BeginIn(_Shape):
    """A tutorial to begin."""

    slug: str = Field(max_length=200, examples=["my-first-run"])
    language: str = Field(default="en", max_length=20)
    title: str = Field(max_length=1000)
    summary: str = Field(default="", max_length=1000)
    body: str = Field(default="", max_length=400_000, description="Markdown.")


class DraftIn(_Shape):
    """A text to keep. `revision` is that of the draft it was written upon."""

    title: str = Field(max_length=1000)
    summary: str = Field(default="", max_length=1000)
    body: str = Field(default="", max_length=400_000, description="Markdown.")
    revision: int = Field(ge=0, le=2**31 - 1)


class DraftOut(_Shape):
    """A draft. `published_version` is the newest published one in its language; 0 without."""

    slug: str
    language: str
    title: str
    summary: str
    body: str
    revision: int
    published_version: int


class PublishIn(_Shape):
    """Which draft to publish."""

    language: str = Field(default="en", max_length=20)
    note: str = Field(default="", max_length=1000, description="What changed.")
    source_version: int | None = Field(
        default=None,
        ge=0,
        le=2**31 - 1,
        description="The version of the original that a translation follows; the newest without.",
    )


class PublishedVersionOut(_Shape):
    """The version that was published; `url` shows it for ever."""

    slug: str
    language: str
    version: int
    url: str


def draft_out(slug: str, kept: Writing) -> DraftOut:
    """Return a draft."""
    return DraftOut(
        slug=slug,
        language=kept.text.language,
        title=kept.text.title,
        summary=kept.text.summary,
        body=kept.text.body,
        revision=kept.revision,
        published_version=kept.number,
    )


def row_out(row: TutorialRow) -> TutorialItem:
    """Return a line of a list."""
    return TutorialItem(
        slug=row.slug,
        language=row.language,
        title=row.title,
        summary=row.summary,
        owner=row.owner,
        minutes=row.minutes,
        published_at=row.published_at,
    )


def tutorial_out(
    page: TutorialPage, blocks: Sequence[RecipeBlock], found: Sequence[Reproduction]
) -> TutorialOut:
    """Return a version with its recipes."""
    return TutorialOut(
        slug=page.slug,
        language=page.text.language,
        languages=list(page.languages),
        source_language=page.source_language,
        version=page.number,
        newest_version=page.newest_number,
        behind=page.behind,
        title=page.text.title,
        summary=page.text.summary,
        body=page.text.body,
        owner=page.owner,
        published_at=page.published_at,
        recipes=[_recipe_out(*pair) for pair in zip(blocks, found, strict=True)],
    )


def _recipe_out(block: RecipeBlock, found: Reproduction) -> RecipeOut:
    claim = block.claim
    return RecipeOut(
        number=block.number,
        name=block.title,
        task=block.task,
        base=block.base,
        data=block.data,
        text=block.text,
        claim=ClaimOut(metric=claim.metric, value=claim.value, tolerance=claim.tolerance)
        if claim
        else None,
        problem=block.problem,
        runs=ReproductionOut(
            ended=found.num_ended,
            matching=found.num_matching,
            waiting=found.num_waiting,
            median=found.median,
            spread=found.spread,
            values=[outcome.value for outcome in found.outcomes],
        ),
    )


class WatchIn(_Shape):
    """Whether the recipes are to be tried every night."""

    on: bool


class CheckOut(_Shape):
    """The newest check of a tutorial's recipes that came to something, or the one begun now."""

    on: bool = Field(description="Whether it is checked every night.")
    state: str = Field(description="passed, broken, running, skipped; unchecked before the first.")
    started_at: datetime | None = None
    ended_at: datetime | None = None
    recipe: int | None = Field(default=None, description="Which recipe does not run.")
    language: str = ""
    version: int | None = None
    problem: str = ""
    fix: str = ""


def check_out(is_on: bool, found: CheckView | None) -> CheckOut:  # noqa: FBT001  # the one thing told
    """Return how a tutorial's check stands."""
    if found is None:
        return CheckOut(on=is_on, state="unchecked")
    return CheckOut(
        on=is_on,
        state=found.state.value,
        started_at=found.started_at,
        ended_at=found.ended_at,
        recipe=found.block or None,
        language=found.language,
        version=found.number or None,
        problem=found.problem,
        fix=found.fix,
    )
