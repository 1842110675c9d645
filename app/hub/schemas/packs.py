"""What git's transfer protocol asks for and is told."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class AdvertisedRef:
    """A ref as git is told of it; `peeled` is the commit behind an annotated tag."""

    name: str
    oid: str
    peeled: str = ""


@dataclass(frozen=True)
class Depth:
    """Where a shallow clone's history is to end; an empty one asks for all of it."""

    commits: int = 0
    since: datetime | None = None
    without: tuple[str, ...] = ()

    @property
    def is_limited(self) -> bool:
        """Whether anything is to be cut off."""
        return bool(self.commits or self.since or self.without)


@dataclass(frozen=True)
class FetchWish:
    """What a client wants and has: ids of commits, tags or (of a partial clone) any objects.

    `shallow` are the commits where the client's own history ends now. `blob_limit` leaves out
    files of that many bytes and more.
    """

    wants: tuple[str, ...]
    haves: tuple[str, ...] = ()
    shallow: frozenset[str] = frozenset()
    depth: Depth = field(default_factory=Depth)
    blob_limit: int | None = None
    include_tags: bool = False


@dataclass(frozen=True)
class Negotiation:
    """Which of the client's commits are known here, and whether they suffice to make a pack."""

    common: tuple[str, ...]
    is_ready: bool


@dataclass(frozen=True)
class RefUpdate:
    """One ref that a push wants to move; the zero id stands for no ref."""

    name: str
    old: str
    new: str


@dataclass(frozen=True)
class RefResult:
    """What became of a ref; an empty reason means that it moved. `fix` says what to do."""

    name: str
    reason: str = ""
    fix: str = ""


@dataclass(frozen=True)
class PushReport:
    """What became of a push; a `fault` means that the pack itself could not be read."""

    results: Sequence[RefResult]
    fault: str = ""
