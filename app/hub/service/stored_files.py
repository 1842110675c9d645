"""The large files of a repository as a list, and taking them out of its whole history."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from app.core.db import AsyncSession
from app.core.errors import ConflictError
from app.core.events import emit
from app.core.i18n import _
from app.hub.events import CommitPushed, HistoryRewritten, RefChanged
from app.hub.objects import EMPTY_TREE, TreeEntry, decode_tree, encode_tree, object_id
from app.hub.queries import objects as queries
from app.hub.queries import stored
from app.hub.schemas import MAIN
from app.hub.service.revisions import BRANCHES, TAGS
from app.hub.service.trees import join
from app.hub.tables import Commit, Repository

log = structlog.get_logger(__name__)

_MAX_COMMITS = 20_000
_TREES_AT_ONCE = 500
_SEARCHED_TREES = 2000


@dataclass(frozen=True)
class StoredFile:
    """Large bytes of a repository with one place where they are used.

    `ref` is None where only old commits use them; `path` is then one they had there, and empty for
    bytes that were sent and never committed.
    """

    sha256: str
    size: int
    pushed_at: datetime
    ref: str | None
    path: str


async def list_stored(db: AsyncSession, repository: Repository) -> list[StoredFile]:
    """Return one row for each large file over all refs: those on `main` first, by path."""
    rows = await stored.stored_objects(db, repository.id)
    places: dict[str, tuple[str | None, str]] = {}
    places |= await stored.places(db, repository.id)
    absent = {row.sha256 for row in rows} - places.keys()
    if absent:
        places |= {sha: (None, path) for sha, path in (await _old(db, repository, absent)).items()}
    found = [
        StoredFile(row.sha256, row.size, row.pushed_at, *places.get(row.sha256, (None, "")))
        for row in rows
    ]
    return sorted(found, key=lambda one: (one.ref != BRANCHES + MAIN, one.ref or "~", one.path))


async def _old(
    db: AsyncSession, repository: Repository, digests: Collection[str]
) -> dict[str, str]:
    """Return a path for each of these large files, from commits that no branch ends in."""
    pointers = await stored.pointers_to(db, digests)
    level = [("", tree) for tree in await stored.all_trees(db, repository.id, _SEARCHED_TREES)]
    seen: set[str] = set()
    found: dict[str, str] = {}
    while level and len(found) < len(digests):
        level = list({oid: (folder, oid) for folder, oid in level if oid not in seen}.values())
        seen |= {oid for _folder, oid in level}
        raws = await queries.trees(db, [oid for _folder, oid in level])
        below = []
        for folder, oid in level:
            for entry in decode_tree(raws.get(oid, b"")):
                path = join(folder, entry.name)
                if entry.is_folder:
                    below.append((path, entry.oid))
                elif entry.oid in pointers:
                    found.setdefault(pointers[entry.oid], path)
        level = below
    return found


async def delete_stored(
    db: AsyncSession,
    repository: Repository,
    digests: Collection[str],
    *,
    rewrite_history: bool,
    actor_id: int | None,
) -> int:
    """Take large files out of a repository for good; return how many it had of them.

    With `rewrite_history` they vanish from every commit, and commits that held them get other
    ids. Their bytes are freed by the store's collector once no other repository has them.

    Raises:
        ConflictError: without `rewrite_history`, a branch still shows one of them; or the history
            is too long to be rewritten.
    """
    known = {one.sha256 for one in await stored.stored_objects(db, repository.id)} & {*digests}
    if not known:
        return 0
    refs = await stored.lock_refs(db, repository.id)
    if rewrite_history:
        rewrite = _Rewrite(db, repository, await stored.pointers_to(db, known))
        await rewrite.run({ref.name: ref.target for ref in refs}, actor_id)
    else:
        shown = (await stored.places(db, repository.id)).keys() & known
        if shown:
            raise ConflictError(
                _("Files of a branch use these bytes still."),
                fix=_("Delete the files first, or rewrite the history."),
                code="still_used",
            )
    await stored.drop_large_files(db, repository.id, known)
    repository.size_bytes = await queries.branch_size(db, repository.id, BRANCHES + MAIN)
    await db.flush()
    log.info("large_files_deleted", repository_id=repository.id, num_files=len(known))
    return len(known)


class _Rewrite:
    """Every commit again without some blobs; what did not hold them keeps its id."""

    def __init__(self, db: AsyncSession, repository: Repository, blobs: Mapping[str, str]) -> None:
        self._db = db
        self._repository = repository
        self._blobs = blobs.keys()
        self._trees: dict[str, str] = {}
        self._commits: dict[str, str] = {}

    async def run(self, targets: Mapping[str, str], actor_id: int | None) -> None:
        """Rewrite all commits and let refs and indexes follow."""
        repository_id = self._repository.id
        old = await stored.all_commits(self._db, repository_id, _MAX_COMMITS + 1)
        if len(old) > _MAX_COMMITS:
            raise ConflictError(
                _("This history is too long to be rewritten."),
                fix=_("Squash it first, then delete the files."),
            )
        await self._rewrite_trees([commit.tree for commit in old])
        rows = [self._row(commit) for commit in old]
        known = {commit.oid for commit in old}
        new = {row["oid"]: row for row in rows if row["oid"] not in known}
        renamed = {old: new for old, new in self._commits.items() if old != new}
        await stored.replace_commits(self._db, repository_id, [*new.values()], renamed.keys())
        for name, target in targets.items():
            await self._move(name, target, actor_id)
        await stored.rename_last_commits(self._db, repository_id, renamed.items())
        for ref, path, oid in await stored.folders(self._db, repository_id):
            if self._trees.get(oid, oid) != oid:
                await stored.set_folder(self._db, repository_id, ref, path, self._trees[oid])
        self._repository.head = renamed.get(self._repository.head, self._repository.head)
        emit(self._db, HistoryRewritten(repository_id, renamed))

    async def _move(self, name: str, target: str, actor_id: int | None) -> None:
        moved = self._commits.get(target, target)
        if moved == target:
            return
        await queries.move_ref(self._db, self._repository.id, name, target, moved)
        if name.startswith(TAGS):
            emit(self._db, RefChanged(self._repository.id, name, target, moved))
        else:
            branch = name.removeprefix(BRANCHES)
            emit(self._db, CommitPushed(self._repository.id, branch, moved, actor_id, target))

    async def _rewrite_trees(self, roots: Sequence[str]) -> None:
        """Fill the map from every tree to what is left of it; empty if nothing is."""
        for start in range(0, len(roots), _TREES_AT_ONCE):
            loaded: dict[str, list[TreeEntry]] = {}
            level = set(roots[start : start + _TREES_AT_ONCE]) - self._trees.keys()
            while level:
                raws = await queries.trees(self._db, level)
                loaded |= {oid: decode_tree(raw) for oid, raw in raws.items()}
                below = {e.oid for oid in raws for e in loaded[oid] if e.is_folder}
                level = below - self._trees.keys() - loaded.keys()
            made: dict[str, bytes] = {}
            for root in roots[start : start + _TREES_AT_ONCE]:
                self._left_of(root, loaded, made)
            await queries.add_trees(self._db, made)
        self._trees = {oid: new for oid, new in self._trees.items() if oid != new}

    def _left_of(
        self, oid: str, loaded: Mapping[str, list[TreeEntry]], made: dict[str, bytes]
    ) -> str:
        if oid in self._trees:
            return self._trees[oid]
        kept = []
        for entry in loaded.get(oid, []):
            left = entry.oid
            if entry.is_folder:
                left = self._left_of(entry.oid, loaded, made)
            elif entry.oid in self._blobs:
                continue
            if left:
                kept.append(TreeEntry(entry.name, entry.mode, left))
        new = oid
        if kept != loaded.get(oid, []):
            raw = encode_tree(kept)
            new = object_id("tree", raw) if kept else ""
            if kept:
                made[new] = raw
        self._trees[oid] = new
        return new

    def _row(self, commit: Commit) -> dict[str, Any]:
        tree = self._trees.get(commit.tree, commit.tree) or EMPTY_TREE
        parents = [self._commits.get(parent, parent) for parent in commit.parents]
        row = {column.name: getattr(commit, column.name) for column in Commit.__table__.columns}
        if tree != commit.tree or parents != commit.parents:
            raw = rewritten(commit.raw, tree, parents)
            row |= {"oid": object_id("commit", raw), "raw": raw, "tree": tree, "parents": parents}
        self._commits[commit.oid] = row["oid"]
        return row


def rewritten(raw: bytes, tree: str, parents: Sequence[str]) -> bytes:
    """Return a commit with another tree and other parents; a signature, void now, is left out."""
    head, separator, message = raw.partition(b"\n\n")
    lines = [b"tree " + tree.encode(), *(b"parent " + parent.encode() for parent in parents)]
    is_kept = True
    for line in head.split(b"\n"):
        if not line.startswith(b" "):
            is_kept = line.split(b" ")[0] not in {b"tree", b"parent", b"gpgsig", b"gpgsig-sha256"}
        if is_kept:
            lines.append(line)
    return b"\n".join(lines) + separator + message
