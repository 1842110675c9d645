"""Words and shapes of discussions and pull requests."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.comments.schemas import CommentView
from app.hub.schemas import CommitInfo

MAX_TITLE = 200


class Status(StrEnum):
    """Where a discussion stands; a draft and a merged one are pull requests."""

    OPEN = "open"
    DRAFT = "draft"
    CLOSED = "closed"
    MERGED = "merged"

    @property
    def is_live(self) -> bool:
        """Whether it can still change: open or a draft."""
        return self in {Status.OPEN, Status.DRAFT}


class EventKind(StrEnum):
    """What happened to a discussion, beside comments and commits."""

    STATUS = "status-change"
    TITLE = "title-change"
    PINNED = "pinning-change"
    LOCKED = "locking-change"


@dataclass(frozen=True)
class NewDiscussion:
    """A discussion to be opened."""

    title: str
    description: str
    is_pull_request: bool = False


@dataclass(frozen=True)
class ListFilters:
    """What a list is narrowed to; None and empty do not narrow."""

    is_pull_request: bool | None = None
    is_live: bool | None = None
    author: str = ""
    search: str = ""


@dataclass(frozen=True)
class DiscussionView:
    """A discussion or pull request; `author` is empty if the account is gone.

    The title of one that is held for the moderators is kept back like its first words.
    """

    id: int
    repository_id: int
    num: int
    title: str
    status: Status
    is_pull_request: bool
    author_id: int | None
    author: str
    thread_id: int
    created_at: datetime
    updated_at: datetime
    pinned: bool
    locked: bool
    num_comments: int
    base_oid: str = ""
    head_oid: str = ""
    merge_oid: str = ""
    is_held: bool = False

    @property
    def git_reference(self) -> str:
        """The ref that holds the commits of a pull request."""
        return f"refs/pr/{self.num}"


@dataclass(frozen=True)
class EventView:
    """Something that happened to a discussion; `data` depends on the kind."""

    id: int
    kind: EventKind
    author: str
    created_at: datetime
    data: dict[str, str] = field(default_factory=dict)


Entry = CommentView | EventView | CommitInfo


@dataclass(frozen=True)
class Conflict:
    """A file that cannot be merged, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Changes:
    """What a pull request would bring: from where to where, and what stands in the way."""

    base: str
    head: str
    commits: Sequence[CommitInfo] = ()
    conflicts: Sequence[Conflict] = ()
    is_behind: bool = False


@dataclass(frozen=True)
class MergeWish:
    """What goes with a merge: a word about it, and the commit that the merger has looked at."""

    comment: str = ""
    expected_head: str = ""


@dataclass(frozen=True)
class Counts:
    """How many discussions of a repository are live, and how many are not."""

    live: int = 0
    done: int = 0


@dataclass(frozen=True)
class Place:
    """Where a thread stands: `path` lies below the repository, a comment's number ends it."""

    repository_id: int
    title: str
    path: str
