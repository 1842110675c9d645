"""Answering `git push`: what it sends is kept in a file until everything about it was checked.

Source: gitprotocol-pack and gitprotocol-http of git's own documentation.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from app.core.db import Database
from app.core.errors import AppError, BadRequestError, TooLargeError
from app.core.i18n import _
from app.core.security import Viewer
from app.core.storage import BlobStore
from app.githost import pktline
from app.githost.upload_pack import AGENT, advertisement
from app.hub.policy import access_by_id
from app.hub.schemas.packs import AdvertisedRef, RefResult, RefUpdate
from app.hub.service import is_oid, packs

_FEATURES = (
    f"report-status delete-refs side-band-64k quiet atomic ofs-delta object-format=sha1 {AGENT}"
)
# Files of more than 10 MB go through Git LFS, so a push of this size is thousands of files.
_MAX_PACK_BYTES = 4 << 30
_MAX_COMMAND_BYTES = 1 << 20
_KEEPALIVE_S = 5


def advertise(refs: Sequence[AdvertisedRef]) -> bytes:
    """Return the beginning of a push."""
    return advertisement("git-receive-pack", refs, _FEATURES)


@dataclass
class PushRequest:
    """What a push asks for; the pack, if there is one, lies in `file` from `pack_at` on."""

    file: BinaryIO
    updates: list[RefUpdate] = field(default_factory=list)
    features: set[str] = field(default_factory=set)
    pack_at: int = 0
    size: int = 0

    @property
    def has_pack(self) -> bool:
        """Whether objects were sent."""
        return self.size > self.pack_at

    def close(self) -> None:
        """Let go of the file, which has no name and so is gone with it."""
        self.file.close()


async def spool(chunks: AsyncIterator[bytes], folder: Path) -> PushRequest:
    """Write a push into a file without a name, and read its commands.

    Raises:
        BadRequestError: these are no commands of a push.
        TooLargeError: it is larger than any push may be.
    """
    request = PushRequest(await asyncio.to_thread(_temporary, folder))
    try:
        await _fill(request, chunks)
    except BaseException:
        request.close()
        raise
    return request


async def _fill(request: PushRequest, chunks: AsyncIterator[bytes]) -> None:
    head: bytes | None = b""
    async for chunk in chunks:
        await asyncio.to_thread(request.file.write, chunk)
        request.size += len(chunk)
        if head is not None:
            head = _read_commands(request, head + chunk)
        if request.size > _MAX_PACK_BYTES:
            raise TooLargeError(_("This push is too large; push its history in parts."))
    if head:
        raise BadRequestError("This push ends in the middle of its commands.")
    await asyncio.to_thread(request.file.flush)


def _temporary(folder: Path) -> BinaryIO:
    folder.mkdir(parents=True, exist_ok=True)
    return cast("BinaryIO", tempfile.TemporaryFile(dir=folder))


def _read_commands(request: PushRequest, head: bytes) -> bytes | None:
    """Return None once all commands were read, else what has come so far."""
    found = pktline.read_commands(head)
    if found is None:
        if len(head) > _MAX_COMMAND_BYTES:
            raise BadRequestError("This push has too many commands.")
        return head
    lines, request.pack_at = found
    for line in lines:
        command, _nul, features = line.partition(b"\0")
        request.features |= set(features.decode("utf-8", "replace").split())
        words = command.decode("utf-8", "replace").rstrip("\n").split(" ", 2)
        if words[0] == "shallow":
            continue  # where a shallow clone ends; what it leaves out is in the repository
        if len(words) != 3 or not all(map(is_oid, words[:2])):  # noqa: PLR2004  # old, new, name
            raise BadRequestError("This is not a command of a push.")
        request.updates.append(RefUpdate(words[2], words[0], words[1]))
    return None


class Receiver:
    """Takes pushes to one repository by one person."""

    def __init__(
        self, database: Database, storage: BlobStore, viewer: Viewer, repository_id: int
    ) -> None:
        self._database = database
        self._storage = storage
        self._viewer = viewer
        self._repository_id = repository_id

    async def answer(self, request: PushRequest) -> AsyncIterator[bytes]:
        """Yield signs of life while the push is checked and stored, then what became of it."""
        work = asyncio.create_task(self._take(request))
        banded = "side-band-64k" in request.features
        try:
            while not work.done():
                await asyncio.wait([work], timeout=_KEEPALIVE_S)
                if not work.done() and banded:
                    yield pktline.KEEPALIVE
            fault, results = work.result()
        finally:
            # Whoever goes away in the middle leaves nothing: the transaction is rolled back.
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            request.close()
        report = _report(fault, results) if "report-status" in request.features else b""
        if not banded:
            yield report
            return
        yield _explanation(results, fault)
        yield pktline.band(1, report) + pktline.FLUSH

    async def _take(self, request: PushRequest) -> tuple[str, Sequence[RefResult]]:
        pack = None
        try:
            if request.has_pack:
                pack = await asyncio.to_thread(
                    packs.PackFile, request.file, request.pack_at, request.size
                )
            async with self._database.transaction() as db:
                repository = await access_by_id(db, self._viewer, self._repository_id)
                push = packs.Push(db, self._storage, self._viewer, repository, pack)
                atomic = "atomic" in request.features
                return "", await push.take(request.updates, is_atomic=atomic)
        except packs.PushRefusedError as refused:
            return "", refused.results
        except AppError as error:
            names = [update.name for update in request.updates]
            return error.message, [RefResult(name, error.message, error.fix) for name in names]
        finally:
            if pack is not None:
                pack.close()


def _report(fault: str, results: Sequence[RefResult]) -> bytes:
    lines = [f"unpack {_one_line(fault) or 'ok'}\n"]
    for result in results:
        reason = _one_line(result.reason)
        lines.append(f"ng {result.name} {reason}\n" if reason else f"ok {result.name}\n")
    return pktline.joined(lines) + pktline.FLUSH


def _explanation(results: Sequence[RefResult], fault: str) -> bytes:
    """Return what the user is shown: each reason once, and what to do about it."""
    said = dict.fromkeys((r.reason, r.fix) for r in results if r.reason)
    texts = [f"{reason}\n{fix}".strip() for reason, fix in said] or ([fault] if fault else [])
    return b"".join(pktline.shown(text) for text in texts)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]
