"""Commits, refs, and what changed between two of them."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

# How git names further authors, in the last lines of a message.
_CO_AUTHOR = re.compile(r"^Co-authored-by: ([^<>\n]{1,200}?) <[^<>\n]*>$", re.MULTILINE)


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

    @property
    def authors(self) -> tuple[str, ...]:
        """Who wrote it: the author, and those whom its last lines name beside."""
        others = _CO_AUTHOR.findall(self.message)
        return tuple(dict.fromkeys((self.author_name, *others)))


@dataclass(frozen=True)
class Writer:
    """Somebody whom commits name as their author."""

    name: str
    email: str


@dataclass(frozen=True)
class CommitNode:
    """A commit as a walk over the history needs it."""

    oid: str
    tree: str
    parents: tuple[str, ...]
    generation: int
    committed_at: datetime


@dataclass(frozen=True)
class LastCommit:
    """The commit that last changed a path."""

    oid: str
    title: str
    committed_at: datetime


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
    converts: tuple[RefInfo, ...] = ()


class ChangeKind(StrEnum):
    """What happened to a file between two commits."""

    ADDED = "added"
    CHANGED = "changed"
    DELETED = "deleted"
    RENAMED = "renamed"


@dataclass(frozen=True)
class FileChange:
    """One file of a diff. `patch` is a unified diff; empty for binary, large or equal text.

    `old_path` is where a renamed file was; the sha256s are those of large files.
    """

    path: str
    kind: ChangeKind
    old_size: int
    new_size: int
    is_binary: bool = False
    is_truncated: bool = False
    patch: str = ""
    old_path: str = ""
    old_sha256: str = ""
    new_sha256: str = ""


@dataclass(frozen=True)
class Diff:
    """What changed between two commits; `is_truncated` if there were more files than shown."""

    files: tuple[FileChange, ...]
    num_files: int
    is_truncated: bool
