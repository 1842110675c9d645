"""Checking a push before anything of it is stored: every commit, folder and file it brings.

An object counts as there if the pack holds it or this repository does; that the shared tables hold
it says nothing, or a push could reach into the repositories of others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from app.core.db import AsyncSession
from app.core.errors import InvalidError
from app.core.i18n import _
from app.hub.objects import (
    MODE_LINK,
    POINTER_MAX_BYTES,
    CommitObject,
    TreeEntry,
    decode_tree,
    parse_pointer,
)
from app.hub.paths import check_path
from app.hub.queries import objects as queries
from app.hub.queries import uploads, walks
from app.hub.schemas import MAX_REGULAR_BYTES, CommitNode
from app.hub.service import cards
from app.hub.service.packs import fsck
from app.hub.service.packs.objects import Content, Holdings
from app.hub.service.packs.reading import BLOB, COMMIT, TREE, PackFile
from app.hub.service.trees import TreeChanges, join

_Folder = dict[str, TreeEntry]
_KEPT_FOLDERS = 4000


class TreeReader:
    """Reads folders of a pack, strictly, and of the database."""

    def __init__(self, db: AsyncSession, pack: PackFile | None) -> None:
        self._db = db
        self._pack = pack
        self._known: dict[str, _Folder] = {}

    async def folders(self, oids: Collection[str]) -> Mapping[str, _Folder]:
        """Return the entries of these folders by name.

        Raises:
            InvalidError: one of the pack is not as git would write it.
        """
        missing = []
        for oid in oids:
            if oid in self._known:
                continue
            if self._pack is not None and oid in self._pack.objects:
                self._known[oid] = fsck.strict_tree(oid, self._pack.read(oid))
            else:
                missing.append(oid)
        if missing:
            for oid, raw in (await queries.trees(self._db, missing)).items():
                self._known[oid] = {entry.name: entry for entry in decode_tree(raw)}
        found = {oid: self._known.get(oid, {}) for oid in oids}
        if len(self._known) > _KEPT_FOLDERS:
            self._known = {}
        return found


Visit = Callable[[Mapping[str, TreeEntry]], Awaitable[None]]


async def changes_between(
    reader: TreeReader, old_root: str, new_root: str, visit: Visit | None = None
) -> TreeChanges:
    """Return every file and folder that differs between two trees.

    `visit` sees what is new on each level before the next one is opened. An empty id stands for
    no tree.
    """
    changes = TreeChanges(new_root)
    level = [("", old_root, new_root)] if old_root != new_root else []
    while level:
        oids = {oid for _folder, old, new in level for oid in (old, new) if oid}
        folders = await reader.folders(oids)
        fresh: dict[str, TreeEntry] = {}
        below: list[tuple[str, str, str]] = []
        for folder, old_oid, new_oid in level:
            old, new = folders.get(old_oid, {}), folders.get(new_oid, {})
            for name in _differing(old, new):
                path, before, after = join(folder, name), old.get(name), new.get(name)
                if before is not None:
                    changes.old[path] = before
                if after is not None:
                    changes.new[path] = fresh[path] = after
                if pair := (_tree_of(before), _tree_of(after)) if before != after else None:
                    below += [(path, *pair)] if any(pair) else []
        if visit is not None:
            await visit(fresh)
        level = below
    return changes


def _differing(old: _Folder, new: _Folder) -> list[str]:
    return [name for name in old.keys() | new.keys() if old.get(name) != new.get(name)]


def _tree_of(entry: TreeEntry | None) -> str:
    return entry.oid if entry is not None and entry.is_folder else ""


@dataclass
class NewCommits:
    """What a push brings: its commits with parents first, and the objects they need stored."""

    commits: list[CommitNode] = field(default_factory=list)
    objects: dict[str, CommitObject] = field(default_factory=dict)
    changes: dict[str, TreeChanges] = field(default_factory=dict)
    content: Content = field(default_factory=Content)


class Checker:
    """Checks the commits of one push to one repository."""

    def __init__(self, db: AsyncSession, repository_id: int, pack: PackFile) -> None:
        self._db = db
        self._repository_id = repository_id
        self._pack = pack
        self.reader = TreeReader(db, pack)
        self.found = NewCommits()
        self._known: dict[str, CommitNode] = {}
        self._holdings = Holdings(db, repository_id)
        self._pointers: dict[str, tuple[str, int]] = {}
        self._trees: dict[str, str] = {}

    async def check(self, tips: Iterable[str]) -> NewCommits:
        """Return what these commits bring that the repository has not.

        Raises:
            InvalidError: something is missing or breaks a rule; the sentence names it.
        """
        await self._order(tips)
        edges = [commit.tree for commit in self._known.values()]
        self._holdings = Holdings(self._db, self._repository_id, edges[-100:])
        for commit in self.found.commits:
            await self._check_commit(commit)
            await asyncio.sleep(0)  # let other requests in between
        await self._check_pointers()
        return self.found

    async def _order(self, tips: Iterable[str]) -> None:
        """Read the new commits and sort them, parents first."""
        stack = [tip for tip in tips if self._is_new(tip)]
        waiting: set[str] = set(stack)
        while stack:
            oid = stack.pop()
            if oid not in self.found.objects:
                self.found.objects[oid] = fsck.strict_commit(oid, self._pack.read(oid))
                for parent in self.found.objects[oid].parents:
                    if self._is_new(parent) and parent not in waiting:
                        waiting.add(parent)
                        stack.append(parent)
        parents = {p for c in self.found.objects.values() for p in c.parents}
        known = await walks.nodes(
            self._db, self._repository_id, parents | self.found.objects.keys()
        )
        self._known = {commit.oid: commit for commit in known}
        self._sort()
        self._trees = {commit.oid: commit.tree for commit in (*known, *self.found.commits)}

    def _is_new(self, oid: str) -> bool:
        found = self._pack.objects.get(oid)
        return found is not None and found.kind == COMMIT

    def _sort(self) -> None:
        done: dict[str, CommitNode] = dict(self._known)
        stack = [oid for oid in reversed(self.found.objects) if oid not in done]
        while stack:
            oid = stack[-1]
            commit = self.found.objects[oid]
            missing = [parent for parent in commit.parents if parent not in done]
            if oid in done:
                stack.pop()
            elif not missing:
                stack.pop()
                done[oid] = _graph_commit(oid, commit, [done[p] for p in commit.parents])
                self.found.commits.append(done[oid])
            else:
                for parent in missing:
                    if parent not in self.found.objects:
                        raise _missing(parent, _("the parent of %(oid)s") % {"oid": oid})
                stack += missing

    async def _check_commit(self, commit: CommitNode) -> None:
        before = self._trees[commit.parents[0]] if commit.parents else ""
        if before == commit.tree:
            self.found.changes[commit.oid] = TreeChanges(commit.tree)
            return
        await self._require({"": TreeEntry("", "40000", commit.tree)})
        self.found.changes[commit.oid] = await changes_between(
            self.reader, before, commit.tree, self._visit
        )

    async def _visit(self, fresh: Mapping[str, TreeEntry]) -> None:
        await asyncio.to_thread(_check_paths, list(fresh))
        await self._require(fresh)
        for path, entry in fresh.items():
            if entry.mode == MODE_LINK:
                fsck.check_link(path, await self._link(entry.oid))
            elif not entry.is_folder and entry.oid in self._pack.objects:
                self._check_file(path, entry.oid)

    async def _require(self, fresh: Mapping[str, TreeEntry]) -> None:
        """Pass only if each entry's object was sent, or is in this repository already."""
        trees: dict[str, str] = {}
        blobs: dict[str, str] = {}
        for path, entry in fresh.items():
            sent = self._pack.objects.get(entry.oid)
            if sent is None:
                (trees if entry.is_folder else blobs)[entry.oid] = path
            elif sent.kind != (TREE if entry.is_folder else BLOB):
                raise _missing(entry.oid, path)
            else:
                mine = self.found.content
                (mine.trees if entry.is_folder else mine.blobs)[entry.oid] = None

        def all_seen(seen: Content) -> bool:
            return trees.keys() <= seen.trees.keys() and blobs.keys() <= seen.blobs.keys()

        if (trees or blobs) and not await self._holdings.search(all_seen):
            seen = self._holdings.seen
            lost = [oid for oid in trees if oid not in seen.trees]
            lost += [oid for oid in blobs if oid not in seen.blobs]
            raise _missing(lost[0], trees.get(lost[0]) or blobs.get(lost[0]) or "/")

    async def _link(self, oid: str) -> bytes:
        if oid in self._pack.objects:
            return self._pack.read(oid)
        return (await queries.inline_contents(self._db, [oid])).get(oid, b"")

    async def check_card(self, commit: str, *, is_dataset: bool) -> None:
        """Pass only if the card of a new commit may be written so; one that is known may stay.

        Raises:
            InvalidError: its head is not acceptable.
        """
        said = self.found.objects.get(commit)
        if said is None:
            return
        entry = (await self.reader.folders([said.tree]))[said.tree].get(cards.CARD_PATH)
        sent = self._pack.objects.get(entry.oid) if entry is not None else None
        if entry is not None and sent is not None and sent.kind == BLOB:
            text = self._pack.read(entry.oid).decode("utf-8", "replace").replace("\0", "")
            await asyncio.to_thread(cards.check_card, text, is_dataset=is_dataset)

    def _check_file(self, path: str, oid: str) -> None:
        size = self._pack.objects[oid].size
        if size > MAX_REGULAR_BYTES:
            raise InvalidError(
                _("%(path)s has %(size)d bytes; git may keep files of at most %(limit)d here.")
                % {"path": path, "size": size, "limit": MAX_REGULAR_BYTES},
                fix=_('Let Git LFS keep it: git lfs track "%(path)s", then commit it anew.')
                % {"path": path},
                code="too_large_for_git",
            )
        pointer = parse_pointer(self._pack.read(oid)) if size <= POINTER_MAX_BYTES else None
        if pointer is not None:
            self._pointers[pointer.sha256] = (path, pointer.size)

    async def _check_pointers(self) -> None:
        linked = await uploads.linked_lfs(self._db, self._repository_id, self._pointers.keys())
        for sha256, (path, size) in self._pointers.items():
            known = linked.get(sha256)
            if known is None or known.size != size:
                raise InvalidError(
                    _("The bytes of %(path)s were not sent to this repository.") % {"path": path},
                    fix=_("Send them first: git lfs push --all origin"),
                    code="lfs_object_missing",
                )


def _check_paths(paths: Iterable[str]) -> None:
    for path in paths:
        check_path(path)


def _graph_commit(oid: str, commit: CommitObject, parents: list[CommitNode]) -> CommitNode:
    generation = max([0, *(parent.generation for parent in parents)]) + 1
    return CommitNode(oid, commit.tree, commit.parents, generation, commit.author.time)


def _missing(oid: str, where: str) -> InvalidError:
    return InvalidError(
        _("The object %(oid)s (%(where)s) was neither sent nor is it in this repository.")
        % {"oid": oid, "where": where},
        fix=_("Run git fsck in your clone, and push again."),
        code="missing_object",
    )
