"""What a repository is, and how a list of them is narrowed and ordered."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RepositoryKind(StrEnum):
    """What a repository holds."""

    MODEL = "model"
    DATASET = "dataset"

    @property
    def plural(self) -> str:
        """The word in addresses: `models`, `datasets`."""
        return f"{self.value}s"

    @property
    def web_prefix(self) -> str:
        """What precedes owner/name in a page's address."""
        return "" if self is RepositoryKind.MODEL else "datasets/"


class Sort(StrEnum):
    """Orders of a list; the largest or newest first."""

    CREATED = "createdAt"
    UPDATED = "lastModified"
    DOWNLOADS = "downloads"
    LIKES = "likes"
    TRENDING = "trendingScore"
    PARAMETERS = "numParameters"


class AccessStatus(StrEnum):
    """How far a wish to open a gated repository has come."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed to; empty values do not narrow. Every one of `tags` must be there."""

    kind: RepositoryKind
    search: str = ""
    owner: str = ""
    task: str = ""
    library: str = ""
    license: str = ""
    language: str = ""
    base_model: str = ""
    tags: tuple[str, ...] = ()
    sort: Sort = Sort.TRENDING
    limit: int = 30
    owner_id: int | None = None
    gated: bool | None = None
    min_parameters: int | None = None
    max_parameters: int | None = None


@dataclass(frozen=True)
class RepositoryRow:
    """A repository in a list."""

    id: int
    kind: RepositoryKind
    owner: str
    name: str
    private: bool
    created_at: datetime
    updated_at: datetime
    head: str
    downloads: int
    likes: int
    trending: float
    task: str
    library: str
    license: str
    summary: str
    tags: tuple[str, ...]
    size_bytes: int
    gated: str = ""
    num_parameters: int | None = None

    @property
    def full_name(self) -> str:
        """The `owner/name` that clients use."""
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True)
class Facet:
    """A value that occurs in a list, and how often; `is_floor` means at least so often."""

    value: str
    count: int
    is_floor: bool = False
