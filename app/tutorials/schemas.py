"""What a tutorial is to a reader, to its writer, and to programs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True)
class TutorialText:
    """A text to publish: a title, one sentence about it, and the Markdown."""

    language: str
    title: str
    summary: str
    body: str = field(repr=False)


@dataclass(frozen=True)
class TutorialRow:
    """A tutorial as lists show it, in the best language there is for the reader."""

    id: int
    slug: str
    language: str
    title: str
    summary: str
    published_at: datetime
    minutes: int
    owner: str = ""
    series: str = ""
    chapter: int = 0


@dataclass(frozen=True)
class Chapter:
    """A tutorial as a part of a series."""

    id: int
    slug: str
    title: str
    chapter: int
    is_read: bool = False


@dataclass(frozen=True)
class SeriesView:
    """A series: its title for the reader and its chapters in order."""

    id: int
    slug: str
    title: str
    chapters: Sequence[Chapter]

    @property
    def num_read(self) -> int:
        """How many chapters the reader has read."""
        return sum(chapter.is_read for chapter in self.chapters)

    def beside(self, tutorial_id: int) -> tuple[Chapter | None, Chapter | None]:
        """Return the chapters before and after one of them."""
        order = [chapter.id for chapter in self.chapters]
        at = order.index(tutorial_id)
        before = self.chapters[at - 1] if at > 0 else None
        after = self.chapters[at + 1] if at + 1 < len(order) else None
        return before, after


@dataclass(frozen=True)
class TutorialPage:
    """A tutorial as its own page shows it; `languages` names the twins there are.

    `behind` counts the versions its source has got since this translation was made of number
    `source_number`; 0 for a source and for a translation that is up to date.
    """

    id: int
    version_id: int
    slug: str
    text: TutorialText
    number: int
    newest_number: int
    published_at: datetime
    languages: tuple[str, ...]
    source_language: str
    owner_id: int | None = None
    owner: str = ""
    series_id: int | None = None
    thread_id: int | None = None
    is_held: bool = False
    source_number: int = 0
    behind: int = 0


@dataclass(frozen=True)
class TutorialSpot:
    """A published tutorial as the moderators see it."""

    title: str
    slug: str
    owner_id: int | None
    text: str
    is_held: bool


@dataclass(frozen=True)
class PublishedText:
    """The newest text of a tutorial in one language, and where it stands."""

    tutorial_id: int
    slug: str
    text: TutorialText
    published_at: datetime


@dataclass(frozen=True)
class Claim:
    """What a writer says a recipe comes to: `value` ± `tolerance` of a measure."""

    metric: str
    value: float
    tolerance: float
    is_share: bool

    def holds_for(self, value: float) -> bool:
        """Whether a measured value is what was claimed; a rounding error does not count."""
        return abs(value - self.value) <= self.tolerance + 1e-9


@dataclass(frozen=True)
class RecipeBlock:
    """A recipe that readers can run; `recipe_hash` is the same for recipes that mean the same.

    `problem` says why it cannot be run any more.
    """

    number: int
    text: str = field(repr=False)
    title: str
    task: str
    base: str
    data: str
    recipe_hash: str
    claim: Claim | None
    problem: str = ""


@dataclass(frozen=True)
class Outcome:
    """What one run came to; `job_id` is 0 where the viewer may not open the job."""

    value: float | None
    matches: bool
    job_id: int = 0


@dataclass(frozen=True)
class Reproduction:
    """What the runs came to that a viewer may count. `spread` is half the middle half's width."""

    claim: Claim | None
    outcomes: Sequence[Outcome] = ()
    num_waiting: int = 0
    median: float | None = None
    spread: float | None = None

    @property
    def num_ended(self) -> int:
        """How many runs ended, well or not."""
        return len(self.outcomes)

    @property
    def num_matching(self) -> int:
        """How many came to what was claimed."""
        return sum(outcome.matches for outcome in self.outcomes)

    @property
    def mismatches(self) -> list[Outcome]:
        """The runs that came to something else, or failed."""
        return [outcome for outcome in self.outcomes if not outcome.matches]


@dataclass(frozen=True)
class Change:
    """What a recipe says at one place, and what the one it came from said; empty: not there."""

    path: str
    before: str
    after: str


@dataclass(frozen=True)
class Variant:
    """A recipe that came from a tutorial's, with everything that ran exactly so.

    Number 0 is the tutorial's own; `changes` are those against the one it came from. `value` is the
    best of its runs, `job_id` that run where the viewer may open it, `model` what it was published
    as. `version` is the tutorial's version that it began from, where that is another one.
    """

    number: int
    parent: int | None
    changes: Sequence[Change] = ()
    num_runs: int = 0
    num_failed: int = 0
    metric: str = ""
    value: float | None = None
    is_best: bool = False
    job_id: int = 0
    model: str = ""
    version: int = 0
    # Then its measure says little beside the others.
    has_other_data: bool = False
    # How long its bar is, of a hundred; 0 without a value that can be compared.
    bar: int = 0
    children: Sequence["Variant"] = ()

    def all(self) -> list["Variant"]:
        """Return it and what came from it, parents first."""
        return [self, *(one for child in self.children for one in child.all())]


@dataclass(frozen=True)
class Family:
    """What became of one recipe of a tutorial: `won` are the changes that led to the best one.

    `left_out` counts runs the viewer may see that are not among them, because they are too many.
    """

    number: int
    title: str
    metric: str
    is_share: bool
    root: Variant
    best: Variant | None = None
    won: Sequence[Change] = ()
    left_out: int = 0

    @property
    def num_variants(self) -> int:
        """How many changed recipes there are."""
        return len(self.root.all()) - 1

    @property
    def gain(self) -> float | None:
        """By how much the best one's measure differs from that of the recipe itself."""
        if self.best is None or self.best.value is None or self.root.value is None:
            return None
        return self.best.value - self.root.value


@dataclass(frozen=True)
class Place:
    """Where a thread stands; `path` ends where the number of a comment is to be added."""

    title: str
    path: str
    repository_id: int = 0


class CheckState(StrEnum):
    """How a check of a tutorial's recipes stands; a skipped one came to nothing."""

    RUNNING = "running"
    PASSED = "passed"
    BROKEN = "broken"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class CheckView:
    """A check; of a broken one, which recipe of which version does not run, and why."""

    state: CheckState
    started_at: datetime
    ended_at: datetime | None = None
    problem: str = ""
    fix: str = ""
    block: int = 0
    language: str = ""
    number: int = 0
