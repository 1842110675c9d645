"""Writing down what a checked push brought, and what its refs then lead to."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any

from app.accounts import service as accounts
from app.core.batches import batched
from app.core.db import AsyncSession
from app.core.storage import BlobStore
from app.hub.queries import objects as queries
from app.hub.queries import packs, walks
from app.hub.schemas import CommitNode
from app.hub.service.commits import MAX_TITLE, after_move, stage_blobs
from app.hub.service.last_commits import walk_back
from app.hub.service.packs import graph as graphs
from app.hub.service.packs.checking import NewCommits, TreeReader, changes_between
from app.hub.service.packs.reading import PackFile
from app.hub.service.trees import TreeChanges
from app.hub.tables import Commit, Repository

_BATCH_BYTES = 4 << 20
_NOREPLY = re.compile(r"([0-9]{1,18})\+([^@]+)@users\.noreply(?:\..*)?")


async def store_objects(  # where to, what, and who sent it
    db: AsyncSession,
    storage: BlobStore,
    repository: Repository,
    pack: PackFile,
    new: NewCommits,
    pusher_id: int | None,
) -> None:
    """Write down files, folders and commits; only what the new commits reach."""
    for group in _groups(pack, sorted(new.content.blobs)):
        await stage_blobs(db, storage, await asyncio.to_thread(_read, pack, group))
    for group in _groups(pack, sorted(new.content.trees)):
        raws = await asyncio.to_thread(_read, pack, group)
        await queries.add_trees(db, dict(zip(group, raws, strict=True)))
    people = await _people(db, new)
    for batch in batched(new.commits, 500):
        rows = [_commit_row(commit, pack, new, people) for commit in batch]
        sent = {"repository_id": repository.id, "pusher_id": pusher_id}
        await packs.add_commits(db, [row | sent for row in rows])


def _read(pack: PackFile, oids: Sequence[str]) -> list[bytes]:
    return [pack.read(oid) for oid in oids]


def _groups(pack: PackFile, oids: Sequence[str]) -> Iterator[list[str]]:
    """Divide objects into runs that fit in memory, in the order of their ids.

    Two pushes of the same objects then wait for one another instead of locking each other out.
    """
    group: list[str] = []
    total = 0
    for oid in oids:
        group.append(oid)
        total += pack.objects[oid].size
        if total > _BATCH_BYTES:
            yield group
            group, total = [], 0
    if group:
        yield group


async def _people(db: AsyncSession, new: NewCommits) -> dict[str, int]:
    """Return who is behind each author's address: only addresses of this site name anybody."""
    emails = {commit.author.email for commit in new.objects.values()}
    found = {email: match for email in emails if (match := _NOREPLY.fullmatch(email))}
    known = await accounts.account_refs(db, {int(match[1]) for match in found.values()})
    return {
        email: int(match[1])
        for email, match in found.items()
        if int(match[1]) in known and known[int(match[1])].name.casefold() == match[2].casefold()
    }


def _commit_row(
    commit: CommitNode,
    pack: PackFile,
    new: NewCommits,
    people: Mapping[str, int],
) -> dict[str, Any]:
    said = new.objects[commit.oid]
    message = said.message.replace("\0", "").strip("\n")
    return {
        "oid": commit.oid,
        "tree": commit.tree,
        "parents": list(commit.parents),
        "generation": commit.generation,
        "author_name": said.author.name.replace("\0", ""),
        "author_email": said.author.email.replace("\0", ""),
        "author_id": people.get(said.author.email),
        "committed_at": said.author.time.astimezone(UTC),
        "title": message.split("\n")[0][:MAX_TITLE],
        "message": message,
        "raw": pack.read(commit.oid),
    }


class Indexer:
    """Brings a branch's index, and for `main` the repository's row, up to a pushed tip."""

    def __init__(
        self, db: AsyncSession, storage: BlobStore, repository: Repository, new: NewCommits
    ) -> None:
        self._db = db
        self._storage = storage
        self._repository = repository
        self._new = new
        self._reader = TreeReader(db, None)
        self._commits = {commit.oid: commit for commit in new.commits}

    async def move(self, ref_name: str, old: Commit | None, tip: Commit) -> None:
        """Let the index of `ref_name` follow it from `old` to `tip`."""
        if old is None:
            source = await packs.branches_at(self._db, self._repository.id, [tip.oid], ref_name)
            if source:
                await queries.copy_paths(self._db, self._repository.id, source[tip.oid], ref_name)
                return
        changes = await changes_between(self._reader, old.tree if old else "", tip.tree)
        await after_move(self._db, self._storage, self._repository, ref_name, tip, changes)
        graph = graphs.Graph(self._db, self._repository.id)
        if old is not None and await graphs.reaches(graph, tip.oid, old.oid):
            paths = await self._touched(ref_name, changes)
        else:
            everything = await changes_between(self._reader, "", tip.tree)
            paths = set(everything.new)
        await self._settle(ref_name, tip, old, paths)

    async def _touched(self, ref_name: str, changes: TreeChanges) -> set[str]:
        """Return paths at the tip that some new commit changed, even if a later one undid it."""
        touched = set(changes.new)
        for commit in self._new.commits:
            touched |= self._new.changes[commit.oid].new.keys()
        known = await packs.path_commits(self._db, self._repository.id, ref_name, touched)
        return set(known)

    async def _settle(
        self, ref_name: str, tip: Commit, old: Commit | None, paths: Collection[str]
    ) -> None:
        """Write down which commit really changed each path last, where it is not the tip."""
        found, beyond = await self._credit(tip.oid, set(paths), old.oid if old else "")
        for oid, rest in beyond.items():
            start = await queries.commit_by_oid(self._db, self._repository.id, oid)
            if start is not None:
                found |= await walk_back(self._db, start, rest)
        by_commit: dict[str, list[str]] = defaultdict(list)
        for path, oid in found.items():
            by_commit[oid].append(path)
        for oid, changed in sorted(by_commit.items()):
            await walks.set_last_commit(self._db, self._repository.id, ref_name, oid, changed)

    async def _credit(
        self, tip: str, paths: set[str], old: str
    ) -> tuple[dict[str, str], dict[str, set[str]]]:
        """Return the pushed commit that last changed each path, and what older ones must answer.

        Where a merge left a path as one of its parents had it, the answer lies behind that parent.
        """
        found: dict[str, str] = {}
        pending: dict[str, set[str]] = {tip: paths}
        for commit in sorted(self._new.commits, key=lambda c: (-c.generation, c.oid)):
            rest = pending.pop(commit.oid, set())
            for number, parent in enumerate(commit.parents):
                if not rest:
                    break
                changed = rest & await self._changed(commit, parent, first=number == 0)
                rest -= changed
                if rest:
                    pending[parent] = pending[parent] | rest if parent in pending else rest
                rest = changed
            found |= dict.fromkeys(rest, commit.oid)
        return found, {oid: rest for oid, rest in pending.items() if oid != old or not old}

    async def _changed(self, commit: CommitNode, parent: str, *, first: bool) -> set[str]:
        if first:
            return set(self._new.changes[commit.oid].new)
        tree = self._commits[parent].tree if parent in self._commits else ""
        if not tree:
            known = await walks.nodes(self._db, self._repository.id, [parent])
            tree = known[0].tree if known else ""
        return set((await changes_between(self._reader, tree, commit.tree)).new)
