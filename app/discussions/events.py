"""News of discussions, delivered after the transaction that made it has committed."""

from dataclasses import dataclass

from app.discussions.schemas import Status


@dataclass(frozen=True)
class DiscussionOpened:
    """There is a new discussion or pull request."""

    repository_id: int
    num: int
    is_pull_request: bool
    actor_id: int | None


@dataclass(frozen=True)
class Commented:
    """Somebody wrote a comment, the opening one of a discussion not counted."""

    repository_id: int
    num: int
    comment_id: int
    actor_id: int | None


@dataclass(frozen=True)
class CommentChanged:
    """A comment was edited or hidden."""

    repository_id: int
    num: int
    comment_id: int
    actor_id: int | None


@dataclass(frozen=True)
class DiscussionChanged:
    """Its title changed, or it was pinned or locked, or the contrary."""

    repository_id: int
    num: int
    actor_id: int | None


@dataclass(frozen=True)
class StatusChanged:
    """It was opened, closed or merged; `event_id` is the entry of its timeline."""

    repository_id: int
    num: int
    status: Status
    actor_id: int | None
    event_id: int = 0


@dataclass(frozen=True)
class PullRequestMerged:
    """The commits of a pull request are in `main` now; `oid` is the merge."""

    repository_id: int
    num: int
    oid: str
    actor_id: int | None
