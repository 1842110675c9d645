"""Which folders and files belong to commits, found for many commits at once."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from app.core.db import AsyncSession
from app.hub.objects import EMPTY_TREE
from app.hub.queries import objects as queries
from app.hub.queries import walks

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


class Holdings:
    """Folders and files that the commits of one repository hold, found as far as is asked for.

    Being in the database is not enough to be in a repository: objects are shared.
    """

    def __init__(self, db: AsyncSession, repository_id: int, first: Iterable[str] = ()) -> None:
        self._db = db
        self._repository_id = repository_id
        self._first: Iterable[str] | None = first
        self._high: int | None = None
        self.seen = Content()

    async def search(self, is_found: Callable[[Content], bool]) -> bool:
        """Look through older and older commits until `is_found`; False if it never is."""
        while not is_found(self.seen):
            if not await self._grow():
                return False
        return True

    async def _grow(self) -> bool:
        if self._first is not None:
            roots, self._first = list(self._first), None
        else:
            if self._high is None:
                self._high = await walks.newest_generation(self._db, self._repository_id)
            if self._high <= 0:
                return False
            low = max(1, self._high - _GENERATIONS + 1)
            commits = await walks.nodes_between(self._db, self._repository_id, low, self._high)
            roots, self._high = [commit.tree for commit in commits], low - 1
        more = await content_of(self._db, roots, self.seen)
        self.seen.trees |= more.trees
        self.seen.blobs |= more.blobs
        return True
