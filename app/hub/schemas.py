"""Words and shapes of the hub: what other features see, what the API takes and gives."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.hub.paths import Sha256

MAIN = "main"
# A file above this is kept by its hash, outside git; below it, inside, if it is text.
LFS_THRESHOLD_BYTES = 1 << 20
MAX_REGULAR_BYTES = 10_000_000
INLINE_BYTES = 64 * 1024
PART_BYTES = 8 * 1024 * 1024
MAX_PART_BYTES = 16 * 1024 * 1024


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


@dataclass(frozen=True)
class Author:
    """Who a commit is written down for; `user_id` is None for the site itself."""

    name: str
    user_id: int | None = None
    email: str = ""


@dataclass(frozen=True)
class AddFile:
    """Put `content` at `path`; it goes into git itself."""

    path: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class AddBlob:
    """Put an already stored git blob at `path`."""

    path: str
    oid: str


@dataclass(frozen=True)
class AddStored:
    """Put large bytes that are already stored under their sha256 at `path`."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class DeleteFile:
    """Remove a file, or a folder with all that is in it."""

    path: str


@dataclass(frozen=True)
class DeleteFolder:
    """Remove a folder with all that is in it."""

    path: str


@dataclass(frozen=True)
class CopyFile:
    """Put what is at `source` (of `revision`, else of the branch itself) at `path` too."""

    path: str
    source: str
    revision: str = ""


Operation = AddFile | AddBlob | AddStored | DeleteFile | DeleteFolder | CopyFile


@dataclass(frozen=True)
class NewCommit:
    """A commit to be made. `parent` set means: only if the branch is still there."""

    message: str
    author: Author
    operations: Sequence[Operation] = ()
    branch: str = MAIN
    parent: str = ""
    description: str = ""


@dataclass(frozen=True)
class CommitInfo:
    """A commit, as lists and pages show it."""

    oid: str
    parents: tuple[str, ...]
    title: str
    message: str
    author_name: str
    author_id: int | None
    committed_at: datetime


@dataclass(frozen=True)
class LastCommit:
    """The commit that last changed a path."""

    oid: str
    title: str
    committed_at: datetime


@dataclass(frozen=True)
class TreeFile:
    """A file at a revision. `size` is that of the real content; `oid` is git's id of the blob."""

    path: str
    size: int
    oid: str
    lfs_sha256: str | None = None
    pointer_size: int = 0
    mode: str = "100644"
    last_commit: LastCommit | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class TreeFolder:
    """A folder at a revision."""

    path: str
    oid: str
    last_commit: LastCommit | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class FileHandle:
    """An open file: what it is, and its bytes on demand."""

    path: str
    size: int
    oid: str
    lfs_sha256: str | None
    commit: str
    storage_key: str | None
    read: Callable[[int, int | None], AsyncIterator[bytes]] = field(repr=False)

    @property
    def etag(self) -> str:
        """The hash that names the content: sha256 of a large file, git's id of a small one."""
        return self.lfs_sha256 or self.oid

    async def read_all(self, start: int = 0, end: int | None = None) -> bytes:
        """Return the bytes [start, end) in one piece; for small files and ranges."""
        return b"".join([block async for block in self.read(start, end)])


@dataclass(frozen=True)
class RefInfo:
    """A branch, tag or pull request by its short name and its full one."""

    name: str
    ref: str
    target: str


@dataclass(frozen=True)
class Refs:
    """Every ref of a repository, sorted by name, `main` first."""

    branches: tuple[RefInfo, ...]
    tags: tuple[RefInfo, ...]
    pull_requests: tuple[RefInfo, ...]


class ChangeKind(StrEnum):
    """What happened to a file between two commits."""

    ADDED = "added"
    CHANGED = "changed"
    DELETED = "deleted"


@dataclass(frozen=True)
class FileChange:
    """One file of a diff. `patch` is a unified diff; empty for binary, large or equal text."""

    path: str
    kind: ChangeKind
    old_size: int
    new_size: int
    is_binary: bool = False
    is_truncated: bool = False
    patch: str = ""


@dataclass(frozen=True)
class Diff:
    """What changed between two commits; `is_truncated` if there were more files than shown."""

    files: tuple[FileChange, ...]
    num_files: int
    is_truncated: bool


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

    @property
    def full_name(self) -> str:
        """The `owner/name` that clients use."""
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True)
class Facet:
    """A value that occurs in a list, and how often."""

    value: str
    count: int


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class UploadIn(_In):
    """The file that is about to be sent: `repository` is `models/owner/name` or `datasets/…`."""

    repository: Annotated[str, Field(pattern=r"^(models|datasets)/[^/]+/[^/]+$", max_length=300)]
    path: Annotated[str, Field(min_length=1, max_length=1024)]
    size: Annotated[int, Field(ge=0)]


class UploadOut(_Out):
    """An upload in progress. Send parts of `part_size` bytes (the last may be shorter), from 1."""

    id: str
    path: str
    size: int
    part_size: int
    num_parts: int
    parts: list[int]
    sha256: str | None


class CompleteIn(_In):
    """The sha256 of the whole file, computed by the sender."""

    sha256: Sha256


class CommitFileIn(_In):
    """One finished upload and where it belongs."""

    path: Annotated[str, Field(min_length=1, max_length=1024)]
    upload: Annotated[str, Field(min_length=1, max_length=64)]


class CommitIn(_In):
    """A commit of finished uploads, small texts and deletions."""

    message: Annotated[str, Field(min_length=1, max_length=500)]
    description: Annotated[str, Field(max_length=10_000)] = ""
    branch: Annotated[str, Field(max_length=200)] = MAIN
    parent: Annotated[str, Field(pattern=r"^([0-9a-f]{40})?$")] = ""
    files: Annotated[list[CommitFileIn], Field(max_length=10_000)] = []
    texts: dict[str, Annotated[str, Field(max_length=1 << 20)]] = {}
    delete: Annotated[list[str], Field(max_length=10_000)] = []


class CommitOut(_Out):
    """The commit that was made."""

    oid: str
    url: str


class RepositoryIn(_In):
    """A repository to create; `owner` defaults to yourself."""

    kind: Literal[RepositoryKind.MODEL, RepositoryKind.DATASET]
    name: Annotated[str, Field(min_length=1, max_length=96)]
    owner: str = ""
    private: bool | None = None


class RepositoryOut(_Out):
    """A repository."""

    id: int
    kind: RepositoryKind
    owner: str
    name: str
    private: bool
    head: str
    url: str
