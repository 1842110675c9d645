"""News from tutorials."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TutorialPublished:
    """A tutorial got a new version."""

    tutorial_id: int
    version_id: int
    author_id: int | None


@dataclass(frozen=True)
class TutorialCommented:
    """Somebody wrote a comment at the end of a tutorial."""

    tutorial_id: int
    comment_id: int
    author_id: int
    owner_id: int | None


@dataclass(frozen=True)
class TutorialBroken:
    """A check found that a recipe does not run any more; it did before, or was never tried."""

    tutorial_id: int
    check_id: int


@dataclass(frozen=True)
class TutorialMended:
    """A check found that the recipes run again."""

    tutorial_id: int
    check_id: int
