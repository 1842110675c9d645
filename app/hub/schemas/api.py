"""What the hub's own API takes and gives."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.hub.paths import Sha256
from app.hub.schemas.limits import MAIN
from app.hub.schemas.repositories import RepositoryKind


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
