"""News of the hub, delivered after the transaction that made it has committed."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.hub.schemas import RepositoryKind


@dataclass(frozen=True)
class RepositoryCreated:
    """There is a new repository."""

    repository_id: int
    kind: RepositoryKind
    actor_id: int | None


@dataclass(frozen=True)
class RepositoryChanged:
    """Name or visibility changed; `old_full_name` is set when it moved."""

    repository_id: int
    old_full_name: str = ""


@dataclass(frozen=True)
class RepositoryDeleted:
    """A repository and its history are gone."""

    repository_id: int
    kind: RepositoryKind
    full_name: str
    owner_id: int = 0
    private: bool = True


@dataclass(frozen=True)
class CommitPushed:
    """A branch has a new tip; `old_oid` is the one before, empty for a new branch."""

    repository_id: int
    branch: str
    oid: str
    actor_id: int | None
    old_oid: str = ""


@dataclass(frozen=True)
class RefChanged:
    """A branch was made or removed without a commit, or a tag was made, moved or removed.

    `ref` is the full name; an id is empty where the ref was not there before, or is not now.
    """

    repository_id: int
    ref: str
    old_oid: str
    new_oid: str


@dataclass(frozen=True)
class HistoryRewritten:
    """Commits have other ids now: `renamed` leads from the old ones to the new."""

    repository_id: int
    renamed: Mapping[str, str]
