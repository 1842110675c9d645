"""Walking one repository's history: what is wanted and not had, and where a shallow one ends.

Only commits of the repository are ever looked at: objects are shared between repositories, so a
walk that starts from anything else would hand out what belongs to others.
"""

import heapq
from collections.abc import Collection, Iterable

from app.core.db import AsyncSession
from app.hub.queries import walks
from app.hub.schemas import CommitNode
from app.hub.schemas.packs import Depth, FetchWish, Negotiation

_WINDOW = 1000
_WANT, _HAVE = 1, 2


class Graph:
    """Commits of one repository, loaded some generations at a time as a walk goes down."""

    def __init__(self, db: AsyncSession, repository_id: int) -> None:
        self._db = db
        self.repository_id = repository_id
        self._known: dict[str, CommitNode] = {}

    async def load(self, oids: Collection[str]) -> None:
        """Read these commits, where they are not known yet."""
        missing = [oid for oid in oids if oid not in self._known]
        if missing:
            self._keep(await walks.nodes(self._db, self.repository_id, missing))

    def _keep(self, commits: Iterable[CommitNode]) -> None:
        self._known.update((commit.oid, commit) for commit in commits)

    def get(self, oid: str) -> CommitNode | None:
        """Return a commit that was loaded; None if the repository has none of that id."""
        return self._known.get(oid)

    async def parents(self, commit: CommitNode) -> list[CommitNode]:
        """Return a commit's parents, and read those near them on the way."""
        if any(oid not in self._known for oid in commit.parents):
            high = commit.generation - 1
            window = walks.nodes_between(self._db, self.repository_id, max(0, high - _WINDOW), high)
            self._keep(await window)
            await self.load(commit.parents)
        return [self._known[oid] for oid in commit.parents if oid in self._known]


class Walk:
    """Goes from wanted commits down to those that the client has, children before parents."""

    def __init__(self, graph: Graph, ends: Collection[str], client_ends: Collection[str]) -> None:
        self._graph = graph
        self._ends = ends
        self._client_ends = client_ends
        self._colors: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []
        self._open: set[str] = set()

    def _paint(self, commit: CommitNode, color: int) -> None:
        old = self._colors.get(commit.oid, 0)
        new = old | color
        if new == old:
            return
        self._colors[commit.oid] = new
        if old == 0:
            heapq.heappush(self._heap, (-commit.generation, commit.oid))
        if new == _WANT:
            self._open.add(commit.oid)
        else:
            self._open.discard(commit.oid)

    async def run(
        self, wants: Collection[str], haves: Collection[str]
    ) -> tuple[list[CommitNode], list[CommitNode]]:
        """Return the commits to send, newest first, and those of the client they stand on."""
        await self._graph.load([*wants, *haves])
        for oids, color in ((wants, _WANT), (haves, _HAVE)):
            for oid in oids:
                if commit := self._graph.get(oid):
                    self._paint(commit, color)
        found = []
        while self._open:
            _generation, oid = heapq.heappop(self._heap)
            self._open.discard(oid)
            commit = self._graph.get(oid)
            if commit is None:
                continue
            color = self._colors[oid]
            if color == _WANT:
                found.append(commit)
            stops = self._client_ends if color & _HAVE else self._ends
            if oid not in stops:
                for parent in await self._graph.parents(commit):
                    self._paint(parent, _HAVE if color & _HAVE else _WANT)
        return found, self._edges(haves)

    def _edges(self, haves: Collection[str]) -> list[CommitNode]:
        edges = {oid for oid, color in self._colors.items() if color == _WANT | _HAVE}
        found = [self._graph.get(oid) for oid in sorted(edges | set(haves))]
        return [commit for commit in found if commit is not None]


async def shallow_ends(
    graph: Graph, tips: Collection[str], depth: Depth
) -> tuple[set[str], set[str]]:
    """Return which commits a shallow history ends at, and all that it holds."""
    excluded: set[str] = set()
    if depth.without:
        walk = Walk(graph, (), ())
        commits, _edges = await walk.run(depth.without, ())
        excluded = {commit.oid for commit in commits}
    await graph.load(tips)
    level = [commit for oid in dict.fromkeys(tips) if (commit := graph.get(oid))]
    ends: set[str] = set()
    inside = {commit.oid for commit in level}
    number = 1
    while level:
        below: dict[str, CommitNode] = {}
        for commit in level:
            kept = [
                parent
                for parent in await graph.parents(commit)
                if _is_inside(parent, depth, number, excluded)
            ]
            if len(kept) < len(commit.parents):
                ends.add(commit.oid)
                continue
            below.update((parent.oid, parent) for parent in kept if parent.oid not in inside)
        inside |= below.keys()
        level = list(below.values())
        number += 1
    return ends, inside


def _is_inside(commit: CommitNode, depth: Depth, number: int, excluded: Collection[str]) -> bool:
    if depth.commits and number >= depth.commits:
        return False
    if depth.since is not None and commit.committed_at < depth.since:
        return False
    return commit.oid not in excluded


async def negotiate(graph: Graph, wish: FetchWish) -> Negotiation:
    """Return which of the client's commits are this repository's, and whether they suffice."""
    await graph.load([*wish.haves, *wish.wants])
    common = tuple(oid for oid in wish.haves if graph.get(oid) is not None)
    if not common:
        return Negotiation((), is_ready=False)
    return Negotiation(common, is_ready=await _reaches_all(graph, wish.wants, common))


async def reaches(graph: Graph, start: str, goal: str) -> bool:
    """Whether the commit `goal` is `start` or behind it."""
    await graph.load([start, goal])
    end = graph.get(goal)
    return end is not None and await _reaches(graph, start, {goal}, end.generation)


async def _reaches_all(graph: Graph, wants: Collection[str], common: Collection[str]) -> bool:
    """Whether below each wanted commit there is one that the client has."""
    goal = set(common)
    floor = min(commit.generation for oid in common if (commit := graph.get(oid)))
    return all([await _reaches(graph, oid, goal, floor) for oid in wants])


async def _reaches(graph: Graph, want: str, goal: set[str], floor: int) -> bool:
    start = graph.get(want)
    stack = [start] if start else []
    seen: set[str] = set()
    while stack:
        commit = stack.pop()
        if commit.oid in goal:
            return True
        if commit.oid in seen or commit.generation <= floor:
            continue
        seen.add(commit.oid)
        stack += await graph.parents(commit)
    return not start
