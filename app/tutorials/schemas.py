"""What a tutorial is to a reader."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class TutorialText:
    """A text to publish: a title, one sentence about it, and the Markdown."""

    language: str
    title: str
    summary: str
    body: str


@dataclass(frozen=True)
class TutorialRow:
    """A tutorial as lists show it, in the best language there is for the reader."""

    slug: str
    language: str
    title: str
    summary: str
    published_at: datetime


@dataclass(frozen=True)
class TutorialPage:
    """A tutorial as its own page shows it; `languages` names the twins there are."""

    slug: str
    text: TutorialText
    number: int
    published_at: datetime
    languages: tuple[str, ...]


@dataclass(frozen=True)
class PublishedText:
    """The newest text of a tutorial in one language, and where it stands."""

    tutorial_id: int
    slug: str
    text: TutorialText
    published_at: datetime
