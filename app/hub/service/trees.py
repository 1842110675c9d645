"""Folders: reading them, walking them, and changing only those that a commit touches."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from app.core.db import AsyncSession
from app.core.errors import ConflictError
from app.core.i18n import _
from app.hub import errors
from app.hub.objects import MODE_FOLDER, TreeEntry, decode_tree, encode_tree, object_id
from app.hub.paths import path_key
from app.hub.queries import objects as queries


def parent_of(path: str) -> str:
    """Return the folder of a path; the root is the empty string."""
    return path.rpartition("/")[0]


def join(folder: str, name: str) -> str:
    """Return the path of `name` in `folder`."""
    return f"{folder}/{name}" if folder else name


def ancestors(path: str) -> list[str]:
    """Return every folder above a path, the root first."""
    parts = path.split("/")[:-1]
    return ["", *("/".join(parts[: n + 1]) for n in range(len(parts)))]


async def find_entry(db: AsyncSession, root: str, path: str) -> TreeEntry | None:
    """Return what is at `path` below the tree `root`; the root itself for the empty path."""
    entry = TreeEntry("", MODE_FOLDER, root)
    for part in path.split("/") if path else []:
        if not entry.is_folder:
            return None
        raw = (await queries.trees(db, [entry.oid])).get(entry.oid, b"")
        found = next((e for e in decode_tree(raw) if e.name == part), None)
        if found is None:
            return None
        entry = found
    return entry


async def find_entries(db: AsyncSession, root: str, paths: Collection[str]) -> dict[str, TreeEntry]:
    """Return what is at each of `paths`; those that are not there are left out.

    The folders above them are read once each, in one query a level.
    """
    editor = TreeEditor(db, root)
    await editor.load(paths)
    found = {path: editor.entry(path) for path in paths}
    return {path: entry for path, entry in found.items() if entry is not None}


async def walk(
    db: AsyncSession, root: str, folder: str = "", *, recursive: bool = True
) -> dict[str, TreeEntry]:
    """Return every path below the tree `root`, prefixed with `folder`: one query a level."""
    found: dict[str, TreeEntry] = {}
    level = [(folder, root)]
    while level:
        raws = await queries.trees(db, {oid for _path, oid in level})
        below = []
        for path, oid in level:
            for entry in decode_tree(raws[oid]):
                full = join(path, entry.name)
                found[full] = entry
                if entry.is_folder and recursive:
                    below.append((full, entry.oid))
        level = below
    return found


@dataclass
class TreeChanges:
    """What a commit changes: the new root, and every path with what was and is there."""

    root: str
    old: dict[str, TreeEntry] = field(default_factory=dict)
    new: dict[str, TreeEntry] = field(default_factory=dict)


class TreeEditor:
    """Applies deletions and additions to a tree, loading only the folders they touch."""

    def __init__(self, db: AsyncSession, root: str) -> None:
        self._db = db
        self._root = root
        self._folders: dict[str, dict[str, TreeEntry]] = {}
        self._before: dict[str, dict[str, TreeEntry]] = {}
        self._keys: dict[str, dict[str, str]] = {}
        self._gone: dict[str, TreeEntry] = {}

    async def load(self, paths: Iterable[str]) -> None:
        """Read every folder above these paths."""
        touched = {folder for path in paths for folder in ancestors(path)}
        level = {"": self._root}
        while level:
            raws = await queries.trees(self._db, set(level.values()))
            below = {}
            for folder, oid in level.items():
                entries = {entry.name: entry for entry in decode_tree(raws[oid])}
                self._folders[folder] = entries
                self._before[folder] = dict(entries)
                for name, entry in entries.items():
                    path = join(folder, name)
                    if entry.is_folder and path in touched:
                        below[path] = entry.oid
            level = below

    def entry(self, path: str) -> TreeEntry | None:
        """Return what is at a path whose folders were loaded."""
        return self._folders.get(parent_of(path), {}).get(path.rpartition("/")[2])

    async def delete(self, path: str, commit: str) -> None:
        """Remove a file, or a folder with all that is in it.

        Raises:
            NotFoundError: there is nothing at `path`.
        """
        folder, name = parent_of(path), path.rpartition("/")[2]
        entry = self._folders.get(folder, {}).pop(name, None)
        if entry is None:
            raise errors.entry_not_found(path, commit)
        self._keys.pop(folder, None)
        if entry.is_folder:
            self._gone.update(await walk(self._db, entry.oid, path))
            for below in [f for f in self._folders if f == path or f.startswith(path + "/")]:
                self._folders[below] = {}
                self._keys.pop(below, None)

    def put(self, path: str, mode: str, oid: str) -> None:
        """Place a file.

        Raises:
            ConflictError: a folder is where the file should be, or a file where a folder should
                be, or another name differs only in case or in how its letters are composed.
        """
        for folder in ancestors(path)[1:]:
            above, name = parent_of(folder), folder.rpartition("/")[2]
            entries = self._folders.setdefault(above, {})
            if name in entries and not entries[name].is_folder:
                raise _in_the_way(folder)
            self._claim(above, name)
            entries.setdefault(name, TreeEntry(name, MODE_FOLDER, ""))
            self._folders.setdefault(folder, {})
        folder, name = parent_of(path), path.rpartition("/")[2]
        entries = self._folders.setdefault(folder, {})
        if name in entries and entries[name].is_folder and not self._is_emptied(path):
            raise _in_the_way(path)
        self._claim(folder, name)
        entries[name] = TreeEntry(name, mode, oid)

    def _is_emptied(self, folder: str) -> bool:
        """Whether all that was in a folder has been deleted; one that was not read is full."""
        entries = self._folders.get(folder)
        return entries is not None and all(
            entry.is_folder and self._is_emptied(join(folder, name))
            for name, entry in entries.items()
        )

    def _claim(self, folder: str, name: str) -> None:
        keys = self._keys.get(folder)
        if keys is None:
            keys = {path_key(other): other for other in self._folders[folder]}
            self._keys[folder] = keys
        twin = keys.setdefault(path_key(name), name)
        if twin != name:
            raise ConflictError(
                _("%(new)s and %(old)s are the same name on many computers.")
                % {"new": join(folder, name), "old": join(folder, twin)},
                fix=_("Delete or rename one of them."),
                code="twin_path",
            )

    async def write(self) -> TreeChanges:
        """Store the changed folders and return what changed."""
        raws: dict[str, bytes] = {}
        for folder in sorted(self._folders, key=lambda path: -path.count("/") if path else 1):
            if folder:
                self._close(folder, raws)
        root_raw = encode_tree(self._folders[""].values())
        root = object_id("tree", root_raw)
        raws[root] = root_raw
        await queries.add_trees(self._db, raws)
        return self._changes(root)

    def _close(self, folder: str, raws: dict[str, bytes]) -> None:
        entries = self._folders[folder]
        above, name = parent_of(folder), folder.rpartition("/")[2]
        siblings = self._folders[above]
        if not entries:
            # Git knows no empty folders; a name that is a file by now stays.
            if name in siblings and siblings[name].is_folder:
                del siblings[name]
            return
        raw = encode_tree(entries.values())
        oid = object_id("tree", raw)
        raws[oid] = raw
        siblings[name] = TreeEntry(name, MODE_FOLDER, oid)

    def _changes(self, root: str) -> TreeChanges:
        changes = TreeChanges(root, old=dict(self._gone))
        for folder, entries in self._folders.items():
            before: Mapping[str, TreeEntry] = self._before.get(folder, {})
            for name in before.keys() | entries.keys():
                path = join(folder, name)
                if before.get(name) == entries.get(name):
                    continue
                if name in before:
                    changes.old[path] = before[name]
                if name in entries:
                    changes.new[path] = entries[name]
        unchanged = [path for path, entry in changes.new.items() if changes.old.get(path) == entry]
        for path in unchanged:
            del changes.old[path], changes.new[path]
        return changes


def _in_the_way(path: str) -> ConflictError:
    return ConflictError(
        _("%(path)s would have to be a file and a folder at once.") % {"path": path},
        fix=_("Delete or rename what is there first."),
        code="path_conflict",
    )


async def compare(db: AsyncSession, old_root: str, new_root: str) -> TreeChanges:
    """Return every file that differs between two trees, opening only folders that differ."""
    changes = TreeChanges(new_root)
    level: list[tuple[str, str, str]] = [("", old_root, new_root)] if old_root != new_root else []
    while level:
        oids = {oid for _path, old, new in level for oid in (old, new) if oid}
        raws = await queries.trees(db, oids)
        below = []
        for folder, old_oid, new_oid in level:
            old = {e.name: e for e in decode_tree(raws.get(old_oid, b""))}
            new = {e.name: e for e in decode_tree(raws.get(new_oid, b""))}
            for name in old.keys() | new.keys():
                if old.get(name) != new.get(name):
                    pair = _compare_entry(changes, join(folder, name), old.get(name), new.get(name))
                    below += [pair] if pair else []
        level = below
    return changes


def _compare_entry(
    changes: TreeChanges, path: str, old: TreeEntry | None, new: TreeEntry | None
) -> tuple[str, str, str] | None:
    if old is not None and not old.is_folder:
        changes.old[path] = old
    if new is not None and not new.is_folder:
        changes.new[path] = new
    old_tree = old.oid if old is not None and old.is_folder else ""
    new_tree = new.oid if new is not None and new.is_folder else ""
    return (path, old_tree, new_tree) if old_tree or new_tree else None
