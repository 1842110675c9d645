"""Which commit last changed a path, as `git log -1 -- path` answers it, at any commit.

The tips of branches have an index; for every other commit, and for paths that the index lacks, the
history is walked backwards in windows: a few queries each, and only folders that differ are read.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from app.core.db import AsyncSession
from app.hub.objects import TreeEntry, decode_tree
from app.hub.queries import objects as queries
from app.hub.queries import walks
from app.hub.schemas import CommitNode, LastCommit
from app.hub.service.trees import ancestors, join, parent_of
from app.hub.tables import Commit

_FIRST_WINDOW = 32
_LARGEST_WINDOW = 1024
# Beyond this a path is shown without its commit rather than holding up the page.
_MAX_COMMITS = 100_000

_Pair = tuple[str, str]
_Entries = dict[str, TreeEntry]


async def last_commits(
    db: AsyncSession, commit: Commit, ref: str | None, paths: Collection[str]
) -> dict[str, LastCommit]:
    """Return the commit that last changed each of `paths`, all of which are there at `commit`.

    Args:
        db: the transaction.
        commit: where to look.
        ref: the branch whose tip `commit` is, if it is one.
        paths: files and folders.
    """
    found: dict[str, LastCommit] = {}
    if ref is not None:
        found = await queries.last_commits(db, commit.repository_id, ref, paths)
    rest = set(paths) - found.keys()
    if rest:
        walked = await walk_back(db, commit, rest)
        shown = await walks.last_commit_rows(db, commit.repository_id, set(walked.values()))
        found |= {path: shown[oid] for path, oid in walked.items()}
    return found


async def walk_back(db: AsyncSession, commit: Commit, paths: Collection[str]) -> dict[str, str]:
    """Return the id of the commit that last changed each path, found by walking the history.

    Where a merge left a path as one of its parents had it, the answer lies behind that parent.
    """
    start = CommitNode(
        commit.oid, commit.tree, tuple(commit.parents), commit.generation, commit.committed_at
    )
    walk = _Walk({start.oid: start}, {start.oid: set(paths)})
    window, walked = _FIRST_WINDOW, 0
    while walk.pending and walked < _MAX_COMMITS:
        floor = max(walk.known[oid].generation for oid in walk.pending) - window
        nodes = await _load(db, commit.repository_id, walk, floor)
        changed = await _changes(db, nodes, walk)
        walk.advance(nodes, changed)
        walked += len(nodes)
        window = min(2 * window, _LARGEST_WINDOW)
    return walk.found


async def settle_merged(db: AsyncSession, ref: str, made: Commit, paths: Collection[str]) -> None:
    """Let the index of a branch name, for what a merge brought in, who really changed it."""
    found = await walk_back(db, made, paths)
    by_commit: dict[str, list[str]] = defaultdict(list)
    for path, oid in found.items():
        if oid != made.oid:
            by_commit[oid].append(path)
    for oid, changed in by_commit.items():
        await walks.set_last_commit(db, made.repository_id, ref, oid, changed)


@dataclass
class _Walk:
    """Commits met so far, and the paths whose last change lies at or behind each."""

    known: dict[str, CommitNode]
    pending: dict[str, set[str]]
    found: dict[str, str] = field(default_factory=dict)

    def advance(
        self, nodes: Sequence[CommitNode], changed: Mapping[_Pair, Collection[str]]
    ) -> None:
        """Carry every path back through `nodes`, newest first, to where it was changed."""
        for node in nodes:
            for path in self.pending.pop(node.oid, ()):
                parents = (parent for parent in node.parents if parent in self.known)
                same = next((p for p in parents if path not in changed[node.oid, p]), None)
                if same is None:
                    self.found[path] = node.oid
                else:
                    self.pending.setdefault(same, set()).add(path)


async def _load(
    db: AsyncSession, repository_id: int, walk: _Walk, floor: int
) -> Sequence[CommitNode]:
    """Return the commits above `floor`, newest first, and learn of all their parents."""
    nodes = await walks.ancestry(db, repository_id, walk.pending, floor)
    walk.known |= {node.oid: node for node in nodes}
    parents = {parent for node in nodes for parent in node.parents} - walk.known.keys()
    if parents:
        beyond = await walks.nodes(db, repository_id, parents)
        walk.known |= {node.oid: node for node in beyond}
    return sorted(nodes, key=lambda node: -node.generation)


async def _changes(
    db: AsyncSession, nodes: Iterable[CommitNode], walk: _Walk
) -> dict[_Pair, set[str]]:
    """Return which of the pending paths each commit changed with respect to each parent."""
    wanted = {path for paths in walk.pending.values() for path in paths}
    names: dict[str, set[str]] = defaultdict(set)
    for path in wanted:
        for step in (*ancestors(path)[1:], path):
            names[parent_of(step)].add(step.rpartition("/")[2])
    changed: dict[_Pair, set[str]] = defaultdict(set)
    # Trees repeat along a history: each pair of trees is compared once, whoever holds it.
    level: dict[tuple[str, str, str], set[_Pair]] = defaultdict(set)
    for node in nodes:
        for parent in node.parents:
            if parent in walk.known and walk.known[parent].tree != node.tree:
                level["", walk.known[parent].tree, node.tree].add((node.oid, parent))
    while level:
        raws = await queries.trees(db, {oid for _f, old, new in level for oid in (old, new) if oid})
        differing = await asyncio.to_thread(_differing, level.keys(), raws, names)
        level = _record(level, differing, names, changed)
    return changed


def _differing(
    keys: Iterable[tuple[str, str, str]], raws: Mapping[str, bytes], names: Mapping[str, set[str]]
) -> dict[tuple[str, str, str], list[tuple[str, str, str]]]:
    """Return for each pair of folders the wanted names that differ, with what is below them."""
    decoded: dict[str, _Entries] = {"": {}}
    for oid, raw in raws.items():
        decoded[oid] = {entry.name: entry for entry in decode_tree(raw)}
    found = {}
    for key in keys:
        folder, old_oid, new_oid = key
        old, new = decoded.get(old_oid, {}), decoded.get(new_oid, {})
        found[key] = [
            (name, _folder_oid(old.get(name)), _folder_oid(new.get(name)))
            for name in names[folder]
            if old.get(name) != new.get(name)
        ]
    return found


def _folder_oid(entry: TreeEntry | None) -> str:
    return entry.oid if entry is not None and entry.is_folder else ""


def _record(
    level: Mapping[tuple[str, str, str], set[_Pair]],
    differing: Mapping[tuple[str, str, str], Sequence[tuple[str, str, str]]],
    names: Mapping[str, set[str]],
    changed: dict[_Pair, set[str]],
) -> dict[tuple[str, str, str], set[_Pair]]:
    below: dict[tuple[str, str, str], set[_Pair]] = defaultdict(set)
    for key, pairs in level.items():
        for name, old, new in differing[key]:
            path = join(key[0], name)
            for pair in pairs:
                changed[pair].add(path)
            if path in names and (old or new):
                below[path, old, new] |= pairs
    return below
