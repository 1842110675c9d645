"""Repositories and files, made through the service like the site's own."""

from collections.abc import Mapping
from itertools import count

from app.accounts.schemas import AccountRef
from app.core.db import Database
from app.core.security import ALL_SCOPES, Viewer
from app.core.storage import BlobStore
from app.hub import policy, service
from app.hub.schemas import AddFile, Author, CommitInfo, NewCommit, RepositoryKind
from app.hub.tables import Repository

_numbers = count(1)


def viewer_of(account: AccountRef) -> Viewer:
    """Return the viewer that `account` is when signed in."""
    return Viewer(user_id=account.id, name=account.name, scopes=ALL_SCOPES)


async def make_repository(  # what a repository is made of
    database: Database,
    storage: BlobStore,
    owner: AccountRef,
    name: str = "",
    *,
    kind: RepositoryKind = RepositoryKind.MODEL,
    private: bool = False,
    files: Mapping[str, bytes] | None = None,
) -> Repository:
    """Return a new repository of `owner` with these small files in a second commit."""
    name = name or f"repo{next(_numbers)}"
    viewer = viewer_of(owner)
    async with database.transaction() as db:
        made = await service.create_repository(
            db, storage, viewer, kind, owner.name, name, private=private
        )
        if files:
            operations = [AddFile(path, content) for path, content in files.items()]
            new = NewCommit("Add files", Author(owner.name, owner.id), operations)
            await service.commit(db, storage, made, new)
    return made


async def make_commit(
    database: Database,
    storage: BlobStore,
    owner: AccountRef,
    repository: Repository,
    files: Mapping[str, bytes],
) -> CommitInfo:
    """Commit these small files to `main`."""
    async with database.transaction() as db:
        found = await policy.access_by_id(db, viewer_of(owner), repository.id)
        operations = [AddFile(path, content) for path, content in files.items()]
        new = NewCommit("Change files", Author(owner.name, owner.id), operations)
        return await service.commit(db, storage, found, new)
