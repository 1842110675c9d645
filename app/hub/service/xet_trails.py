"""Hashing ahead: the sha256 of a file grows while its bundles still come in.

The name of a bundle binds its content, so the sha256 of whole bundles in a row follows from their
names, whoever sent them. A client mostly sends the bundles of a file in the order of the file, and
that is the guess; what a file holds beyond it is read when its shard has come.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import structlog

from app.core.errors import UnavailableError
from app.core.storage import BlobStore
from app.hub.service.xet_reading import hash_pieces
from app.hub.xet import Chunk, Term
from app.hub.xet_layout import lay_out, pieces

log = structlog.get_logger(__name__)

_MAX_TRAILS = 32
_MAX_BUNDLES = 4096  # of 64 MiB each


@dataclass
class _Step:
    """A bundle on the trail: where it lies once it is stored, the sha256 up to its end after."""

    xorb: str
    num_chunks: int = 0
    size: int = 0
    key: str = ""
    layout: bytes = field(default=b"", repr=False)
    digest: "hashlib._Hash | None" = None


class Trail:
    """The bundles of one sender in the order in which they began to come."""

    def __init__(self) -> None:
        self._steps: dict[str, _Step] = {}
        self._lock = asyncio.Lock()

    def expect(self, xorb: str) -> None:
        """Take down that a bundle has begun to come; one that never arrives ends the trail."""
        if len(self._steps) < _MAX_BUNDLES:
            self._steps.setdefault(xorb, _Step(xorb))

    def arrived(self, xorb: str, key: str, table: Sequence[Chunk]) -> None:
        """Take down where a bundle lies that was verified and stored."""
        step = self._steps.get(xorb)
        if step is not None and not step.key:
            step.num_chunks, step.size = len(table), sum(chunk.size for chunk in table)
            step.layout = lay_out([Term(xorb, step.size, 0, len(table))], {xorb: table})
            step.key = key

    async def follow(self, storage: BlobStore) -> None:
        """Hash what has arrived, as far as no bundle before it is missing."""
        async with self._lock:
            digest = hashlib.sha256()
            for step in [*self._steps.values()]:
                if step.digest is None:
                    if not step.key or not await _hashed(storage, step, digest := digest.copy()):
                        return
                    step.digest = digest
                digest = step.digest

    async def known_part(
        self, storage: BlobStore, terms: Sequence[Term]
    ) -> "tuple[hashlib._Hash, int]":
        """Return the sha256 of how a file begins, and how many bytes that is; it may be none."""
        await self.follow(storage)
        digest, size = hashlib.sha256(), 0
        for term, step in zip(terms, self._steps.values(), strict=False):
            whole = (step.xorb, 0, step.num_chunks)
            if step.digest is None or (term.xorb, term.first, term.last) != whole:
                break
            digest, size = step.digest, size + step.size
        return digest.copy(), size


async def _hashed(storage: BlobStore, step: _Step, digest: "hashlib._Hash") -> bool:
    whole = pieces(step.layout, [step.key], 0, step.size)
    try:
        await hash_pieces(storage, whole, digest.update)
    except UnavailableError as error:
        log.warning("xet_trail_lost", xorb=step.xorb, reason=error.message)
        return False
    step.layout = b""
    return True


class Trails:
    """The trails of one process, by sender; those not used for longest are forgotten."""

    def __init__(self) -> None:
        self._trails: OrderedDict[Hashable, Trail] = OrderedDict()

    def of(self, sender: Hashable) -> Trail:
        """Return the trail of a sender, a new one if there is none."""
        trail = self._trails.setdefault(sender, Trail())
        self._trails.move_to_end(sender)
        if len(self._trails) > _MAX_TRAILS:
            self._trails.popitem(last=False)
        return trail

    def end(self, sender: Hashable) -> Trail:
        """Return the trail of a sender for the last time: its shard has come."""
        return self._trails.pop(sender, None) or Trail()
