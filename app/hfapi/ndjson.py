"""The body of a commit: one JSON object a line, read as it comes in."""

import asyncio
import base64
import binascii
import json
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from app.core.errors import BadRequestError, InvalidError, TooLargeError
from app.hub.schemas import (
    MAX_REGULAR_BYTES,
    AddFile,
    AddStored,
    CopyFile,
    DeleteFile,
    DeleteFolder,
    Operation,
)
from app.hub.service import check_path, is_sha256

# A file of the largest size that git keeps, in base64, with its path and quotes.
MAX_LINE_BYTES = MAX_REGULAR_BYTES * 4 // 3 + 16_384
MAX_LINES = 50_000
_OFF_LOOP_BYTES = 256 * 1024


@dataclass(frozen=True)
class Header:
    """What the first line says of the commit."""

    summary: str
    description: str = ""
    parent: str = ""


@dataclass
class CommitBody:
    """A commit message as it is read: the header once, and an operation a line."""

    header: Header = field(default_factory=lambda: Header(""))

    async def operations(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[Operation]:
        """Yield operations in order; the header is set once its line has been read.

        Raises:
            BadRequestError: a line is not what the protocol says.
            InvalidError: a path is not allowed.
            TooLargeError: a line is longer than any file that git keeps.
        """
        number = 0
        async for line in _lines(chunks):
            number += 1
            if number > MAX_LINES:
                raise TooLargeError("A commit may hold at most 50,000 operations.")
            operation = await self._read(line, number)
            if operation is not None:
                yield operation

    async def _read(self, line: bytes, number: int) -> Operation | None:
        if len(line) > _OFF_LOOP_BYTES:
            return await asyncio.to_thread(self._parse, line, number)
        return self._parse(line, number)

    def _parse(self, line: bytes, number: int) -> Operation | None:
        try:
            message = json.loads(line)
            key, value = message["key"], message["value"]
            if key == "header":
                self.header = _header(value)
                return None
            return _operation(key, value)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadRequestError(f"Line {number} of the commit cannot be read.") from error


async def _lines(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    held = bytearray()
    async for chunk in chunks:
        held += chunk
        if b"\n" in chunk:
            *whole, rest = bytes(held).split(b"\n")
            held = bytearray(rest)
            for line in whole:
                if line.strip():
                    yield line
        if len(held) > MAX_LINE_BYTES:
            raise TooLargeError(
                "A file of more than 10 MB must be sent as a large file.",
                fix="Upload it through Git LFS or Xet, as the client does by default.",
            )
    if held.strip():
        yield bytes(held)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError("text expected")
    return value


def _header(value: dict[str, Any]) -> Header:
    return Header(
        summary=_text(value.get("summary"))[:2000],
        description=_text(value.get("description"))[:65_536],
        parent=_text(value.get("parentCommit"))[:40],
    )


def _operation(key: str, value: dict[str, Any]) -> Operation:
    path = _text(value["path"])
    match key:
        case "file":
            return AddFile(check_path(path), _content(value))
        case "lfsFile":
            return _stored(check_path(path), value)
        case "deletedFile":
            return DeleteFile(check_path(path))
        case "deletedFolder":
            return DeleteFolder(check_path(path.rstrip("/")))
        case "copyFile":
            return CopyFile(
                check_path(path),
                check_path(_text(value["srcPath"])),
                _text(value.get("srcRevision")),
            )
        case _:
            raise BadRequestError(f"The operation {key[:40]!r} is not known.")


def _content(value: dict[str, Any]) -> bytes:
    content = _text(value["content"])
    if value.get("encoding", "utf-8") != "base64":
        return content.encode()
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error as error:
        raise BadRequestError("The content of a file is not valid base64.") from error


def _stored(path: str, value: dict[str, Any]) -> AddStored:
    digest = _text(value["oid"])
    if value.get("algo", "sha256") != "sha256" or not is_sha256(digest):
        raise InvalidError("The oid of a large file must be its sha256 in lower-case hex.")
    size = value.get("size")
    if size is not None and (not isinstance(size, int) or size < 0):
        raise InvalidError("The size of a large file must be a whole number.")
    return AddStored(path, digest, -1 if size is None else size)
