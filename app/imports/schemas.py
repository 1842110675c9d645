"""What an import is, as requests and answers say it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.hub.schemas import RepositoryKind


class ImportState(StrEnum):
    """Where an import is; a run that was lost goes on when its lease has ended."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens unless somebody starts it again."""
        return self in {ImportState.SUCCEEDED, ImportState.FAILED, ImportState.CANCELLED}


Token = Annotated[str, Field(default="", max_length=500, repr=False)]


class ImportIn(BaseModel):
    """What to bring in, and where it shall stand here."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"kind": "model", "source": "google/bert_tiny"}]},
    )
    kind: RepositoryKind = RepositoryKind.MODEL
    source: str = Field(max_length=200, description="`owner/name` on the other hub.")
    upstream: str = Field(
        default="", max_length=60, description="Its short name; empty for the first one."
    )
    revision: str = Field(default="main", min_length=1, max_length=200)
    owner: str = Field(default="", max_length=100, description="Empty for yourself.")
    name: str = Field(default="", max_length=100, description="Empty for the name it has there.")
    private: bool | None = None
    token: Token


class RetryIn(BaseModel):
    """A new token for an import that goes on; empty if it needs none."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    token: Token


class ImportOut(BaseModel):
    """An import and how far it is; sizes in bytes. `commit` is the one it made here."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: int
    kind: RepositoryKind
    upstream: str
    source: str
    revision: str
    source_commit: str | None
    target: str
    url: str
    state: ImportState
    files_done: int
    files_total: int | None
    bytes_done: int
    bytes_total: int | None
    current_path: str
    commit: str | None
    error: str | None
    fix: str | None
    created_at: datetime
    finished_at: datetime | None


class ImportPage(BaseModel):
    """One page of imports, newest first."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    items: list[ImportOut]
    next_cursor: str | None


class UpstreamOut(BaseModel):
    """A hub that the operator allows to import from."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    url: str
