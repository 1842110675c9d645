"""Which stored chunks somebody may build on without having sent them: those they can read."""

import secrets
import time
from collections.abc import Collection, Sequence

from blake3 import blake3

from app.core.db import AsyncSession
from app.core.security import Viewer
from app.hub import policy
from app.hub.queries import uploads
from app.hub.queries import xet as queries
from app.hub.service.xet_reading import terms_of
from app.hub.tables import XetFile
from app.hub.xet import Chunk, from_hex, unpack_chunks
from app.hub.xet_shards import SharedXorb, write_shard

_MAX_FILES = 200
_MAX_REPOSITORIES = 20
_MAX_ANSWERED = 8
_MAX_XORBS = 256
_LIFETIME_S = 7 * 24 * 3600


async def readable_chunks(
    db: AsyncSession, viewer: Viewer, xorbs: Collection[str]
) -> dict[str, set[int]]:
    """Return by bundle the numbers of those chunks that are in files the viewer can read."""
    if not xorbs:
        return {}
    files = await queries.files_using(db, xorbs, _MAX_FILES)
    return _chunks_of([file for file in files if await _may_read(db, viewer, file)])


def _chunks_of(files: Sequence[XetFile]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for file in files:
        if file.layout is not None:
            for term in terms_of(file):
                found.setdefault(term.xorb, set()).update(range(term.first, term.last))
    return found


async def _may_read(db: AsyncSession, viewer: Viewer, file: XetFile) -> bool:
    for other in await uploads.repositories_with_lfs(db, file.sha256, _MAX_REPOSITORIES):
        known = await policy.may_read(db, viewer, other)
        if known and await policy.may_open_files(db, viewer, other):
            return True
    return False


async def answer_chunk(db: AsyncSession, viewer: Viewer, chunk: str) -> bytes | None:
    """Return a shard of the bundles in which files with this chunk lie; None if there are none.

    Only chunks of files that the viewer can read are told, each only to who has it already: the
    hashes are keyed with a key made for this answer.
    """
    files = await queries.files_with_chunk(db, from_hex(chunk), _MAX_ANSWERED)
    allowed = _chunks_of([file for file in files if await _may_read(db, viewer, file)])
    if not allowed:
        return None
    xorbs = await queries.xorbs(db, sorted(allowed)[:_MAX_XORBS])
    await queries.touch_xorbs(db, list(xorbs))
    key = secrets.token_bytes(32)
    shared = [
        SharedXorb(name, row.size, _keyed(unpack_chunks(row.chunks), allowed[name], key))
        for name, row in xorbs.items()
    ]
    return write_shard(shared, key, int(time.time()), _LIFETIME_S)


def _keyed(table: Sequence[Chunk], allowed: set[int], key: bytes) -> list[tuple[bytes, int]]:
    """Return keyed hashes and sizes; chunks of other files are noise that matches nothing."""
    return [
        (blake3(one.hash, key=key).digest() if n in allowed else secrets.token_bytes(32), one.size)
        for n, one in enumerate(table)
    ]
