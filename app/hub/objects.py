"""Git's four kinds of bytes: blobs, trees, commits, and the pointers that stand for large files.

Pure functions; every id is the true sha1 that git itself would compute.
Source: git's object format as documented in gitformat-pack and the Git LFS pointer specification.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.core.errors import InvalidError

MODE_FILE = "100644"
MODE_EXECUTABLE = "100755"
MODE_LINK = "120000"
MODE_FOLDER = "40000"
MODE_SUBMODULE = "160000"
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
POINTER_MAX_BYTES = 1024

_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-[^\n]*\n)*"
    rb"oid sha256:([0-9a-f]{64})\nsize (0|[1-9][0-9]{0,18})\n"
)
_SIGNATURE = re.compile(r"(?P<name>.*?) ?<(?P<email>[^>]*)> (?P<time>-?\d+)(?: [+-]\d{4})?")


@dataclass(frozen=True)
class TreeEntry:
    """One name in a folder."""

    name: str
    mode: str
    oid: str

    @property
    def is_folder(self) -> bool:
        """Whether the entry is another tree."""
        return self.mode == MODE_FOLDER


@dataclass(frozen=True)
class Signature:
    """Who did it and when; whole seconds, UTC."""

    name: str
    email: str
    time: datetime


@dataclass(frozen=True)
class CommitObject:
    """What the bytes of a commit say."""

    tree: str
    parents: tuple[str, ...]
    author: Signature
    message: str


@dataclass(frozen=True)
class Pointer:
    """What a pointer blob says: the large file's sha256 and size in bytes."""

    sha256: str
    size: int


def object_id(kind: str, data: bytes) -> str:
    """Return the id of an object of `kind` (`blob`, `tree`, `commit`) with these bytes."""
    header = f"{kind} {len(data)}\0".encode()
    return hashlib.sha1(header + data, usedforsecurity=False).hexdigest()


def blob_id(data: bytes) -> str:
    """Return the id of a file with this content."""
    return object_id("blob", data)


def _sort_key(entry: TreeEntry) -> bytes:
    # Git sorts a folder as if its name ended in a slash.
    return entry.name.encode() + (b"/" if entry.is_folder else b"")


def encode_tree(entries: Iterable[TreeEntry]) -> bytes:
    """Return the bytes of a folder."""
    return b"".join(
        f"{entry.mode} {entry.name}\0".encode() + bytes.fromhex(entry.oid)
        for entry in sorted(entries, key=_sort_key)
    )


def decode_tree(raw: bytes) -> list[TreeEntry]:
    """Return the entries of a folder, in git's order.

    Raises:
        InvalidError: these bytes are not a tree, or a name in it is not UTF-8.
    """
    entries, at = [], 0
    try:
        while at < len(raw):
            end = raw.index(b"\0", at)
            mode, name = raw[at:end].decode().split(" ", 1)
            entries.append(TreeEntry(name, mode, raw[end + 1 : end + 21].hex()))
            at = end + 21
    except ValueError as error:
        raise InvalidError("This tree object cannot be read.", code="bad_object") from error
    if at != len(raw):
        raise InvalidError("This tree object is cut short.", code="bad_object")
    return entries


def _signature_line(signature: Signature) -> str:
    name = re.sub(r"[<>\n\0]", "", signature.name).strip() or "unknown"
    email = re.sub(r"[<>\n\0 ]", "", signature.email)
    return f"{name} <{email}> {int(signature.time.timestamp())} +0000"


def encode_commit(tree: str, parents: Sequence[str], author: Signature, message: str) -> bytes:
    """Return the bytes of a commit whose author is also its committer."""
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    who = _signature_line(author)
    lines += [f"author {who}", f"committer {who}", "", message.replace("\0", "")]
    text = "\n".join(lines)
    return (text if text.endswith("\n") else text + "\n").encode("utf-8", "replace")


def decode_commit(raw: bytes) -> CommitObject:
    """Return what a commit says, its headers of other kinds left out.

    Raises:
        InvalidError: these bytes are not a commit.
    """
    head, _separator, message = raw.decode("utf-8", "replace").partition("\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.split("\n"):
        name, _space, value = line.partition(" ")
        fields.setdefault(name, []).append(value)
    author = _SIGNATURE.fullmatch(fields.get("author", [""])[0])
    if author is None or "tree" not in fields:
        raise InvalidError("This commit object cannot be read.", code="bad_object")
    moment = datetime.fromtimestamp(int(author["time"]), UTC)
    signature = Signature(author["name"], author["email"], moment)
    return CommitObject(fields["tree"][0], tuple(fields.get("parent", ())), signature, message)


def encode_pointer(pointer: Pointer) -> bytes:
    """Return the blob that stands in git for a large file."""
    return (
        "version https://git-lfs.github.com/spec/v1\n"
        f"oid sha256:{pointer.sha256}\nsize {pointer.size}\n"
    ).encode()


def parse_pointer(data: bytes) -> Pointer | None:
    """Return what a pointer blob says; None for any other content."""
    if len(data) > POINTER_MAX_BYTES:
        return None
    found = _POINTER.fullmatch(data)
    return Pointer(found[1].decode(), int(found[2])) if found else None
