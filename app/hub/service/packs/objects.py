"""Which folders and files belong to commits, found for many commits at once."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from app.core.db import AsyncSession
from app.hub.objects import EMPTY_TREE
from app.hub.queries import objects as queries
from app.hub.queries import packs

_FOLDER = b"40000"
_GENERATIONS = 500


def entries_of(raw: bytes) -> Iterator[tuple[bool, str]]:
    """Yield for each entry of a folder whether it is a folder, and its id; names are skipped."""
    at, size = 0, len(raw)
    while at < size:
        end = raw.index(b"\0", at)
        yield raw.startswith(_FOLDER, at), raw[end + 1 : end + 21].hex()
        at = end + 21


@dataclass
class Content:
    """Ids of folders and files, each once, in the order they were found."""

    trees: dict[str, None] = field(default_factory=dict)
    blobs: dict[str, None] = field(default_factory=dict)


async def content_of(
    db: AsyncSession, roots: Iterable[str], without: Content | None = None
) -> Content:
    """Return everything below these folders, themselves included, that `without` has not."""
    known = without or Content()
    found = Content()
    level = [root for root in dict.fromkeys(roots) if root not in known.trees]
    while level:
        found.trees.update(dict.fromkeys(level))
        raws = await queries.trees(db, [oid for oid in level if oid != EMPTY_TREE])
        below: dict[str, None] = {}
        for oid in level:
            for is_folder, entry in entries_of(raws.get(oid, b"")):
                if is_folder:
                    if entry not in known.trees and entry not in found.trees:
                        below[entry] = None
                elif entry not in known.blobs:
                    found.blobs[entry] = None
        level = list(below)
    return found


async def held_by(
    db: AsyncSession, repository_id: int, oids: Collection[str], first: Iterable[str] = ()
) -> set[str]:
    """Return which of these folders and files some commit of this repository holds.

    Args:
        db: the transaction.
        repository_id: whose history is searched, the newest commits first.
        oids: what is looked for.
        first: folders to search before any other, where it is likely found.
    """
    wanted = set(oids)
    seen = await content_of(db, first)
    found = {oid for oid in wanted if oid in seen.trees or oid in seen.blobs}
    high = await packs.newest_generation(db, repository_id)
    while found != wanted and high > 0:
        low = max(1, high - _GENERATIONS + 1)
        commits = await packs.nodes_between(db, repository_id, low, high)
        more = await content_of(db, [commit.tree for commit in commits], seen)
        found |= {oid for oid in wanted if oid in more.trees or oid in more.blobs}
        seen.trees |= more.trees
        seen.blobs |= more.blobs
        high = low - 1
    return found
