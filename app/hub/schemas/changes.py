"""A commit to be made, and the operations it consists of."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.hub.schemas.limits import MAIN


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
    mode: str = "100644"


@dataclass(frozen=True)
class AddBlob:
    """Put an already stored git blob at `path`."""

    path: str
    oid: str
    mode: str = "100644"


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
    """A commit to be made. `parent` set means: only if the branch is still there.

    `merged` names further parents: commits of the same repository that this one brings in.
    `as_is` is for what nobody writes at this moment (another hub's files, a result of ours): its
    card is taken even if somebody who writes one today would be told to mend it.
    """

    message: str
    author: Author
    operations: Sequence[Operation] = ()
    branch: str = MAIN
    parent: str = ""
    description: str = ""
    merged: Sequence[str] = ()
    as_is: bool = False
