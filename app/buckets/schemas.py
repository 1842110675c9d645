"""Shapes of buckets: what is listed, and what a batch does."""

from dataclasses import dataclass
from datetime import datetime, timedelta

# How long a file that was sent waits for its path.
ARRIVAL_LIFETIME = timedelta(days=2)
MAX_OPERATIONS = 5000
# The Xet hash of an empty file.
EMPTY = "0" * 64


@dataclass(frozen=True)
class BucketView:
    """A bucket with what it holds."""

    id: int
    owner: str
    name: str
    private: bool
    created_at: datetime
    updated_at: datetime
    size: int
    num_files: int

    @property
    def full_name(self) -> str:
        """The `owner/name` that clients use."""
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True)
class FileView:
    """A file in a bucket; `modified_at` is what its sender says."""

    path: str
    size: int
    xet_hash: str
    sha256: str | None
    content_type: str
    modified_at: datetime | None
    uploaded_at: datetime


@dataclass(frozen=True)
class FolderView:
    """What several paths have in common up to a slash."""

    path: str


@dataclass(frozen=True)
class PutFile:
    """Give a path to a file that was sent, or that the viewer may read elsewhere.

    `source_kind` is `model`, `dataset` or `bucket` for a copy, empty for a file that was sent.
    """

    path: str
    xet_hash: str
    modified_at: datetime | None = None
    content_type: str = ""
    source_kind: str = ""
    source: str = ""


@dataclass(frozen=True)
class DropFile:
    """Remove what is at a path."""

    path: str


Operation = PutFile | DropFile


@dataclass(frozen=True)
class Failure:
    """An operation of a batch that could not be done, and why."""

    path: str
    message: str
