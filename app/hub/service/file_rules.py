"""The rules that a repository's own files set for the others: large files, and files left out."""

from collections.abc import Collection

from app.core.db import AsyncSession
from app.core.storage import BlobStore
from app.hub.path_rules import PathRules, ignore_rules, large_file_rules
from app.hub.queries import objects as queries
from app.hub.service.revisions import find_revision
from app.hub.service.trees import ancestors, find_entries, join, parent_of
from app.hub.tables import Repository

_MAX_BYTES = 256 * 1024
# Beyond this the folders nearest to the root count.
_MAX_FILES = 200


async def large_files_at(
    db: AsyncSession, storage: BlobStore, repository: Repository, rev: str, paths: Collection[str]
) -> PathRules:
    """Return which of `paths` the `.gitattributes` of their folders hand to Git LFS.

    Raises:
        NotFoundError: no such revision.
    """
    return large_file_rules(await _texts(db, storage, repository, rev, ".gitattributes", paths))


async def ignored_at(
    db: AsyncSession, storage: BlobStore, repository: Repository, rev: str, paths: Collection[str]
) -> PathRules:
    """Return which of `paths` the `.gitignore` of their folders leave out.

    Raises:
        NotFoundError: no such revision.
    """
    return ignore_rules(await _texts(db, storage, repository, rev, ".gitignore", paths))


async def _texts(  # where, which file, for what
    db: AsyncSession,
    storage: BlobStore,
    repository: Repository,
    rev: str,
    name: str,
    paths: Collection[str],
) -> dict[str, str]:
    """Return the texts of the files called `name` in the folders above `paths`, by folder."""
    commit = (await find_revision(db, repository, rev)).commit
    places = {join(folder, name) for path in paths for folder in ancestors(path)}
    entries = await find_entries(db, commit.tree, places)
    chosen = sorted((p for p, e in entries.items() if not e.is_folder), key=lambda p: p.count("/"))
    texts = {}
    for path in chosen[:_MAX_FILES]:
        blob = await queries.blob(db, entries[path].oid)
        if blob is None or blob.lfs_sha256 is not None:
            continue
        raw = blob.inline
        if raw is None:
            raw = await storage.read_all(blob.storage_key or "", 0, _MAX_BYTES)
        texts[parent_of(path)] = raw[:_MAX_BYTES].decode("utf-8", "replace")
    return texts
