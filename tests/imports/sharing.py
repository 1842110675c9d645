"""Somebody who shares repositories on a hub, and what stands in them."""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from app.accounts.schemas import AccountRef
from app.core.db import AsyncSession, Database
from app.core.security import Viewer
from app.core.storage import BlobStore, Digest, content_key
from app.hub import policy, service
from app.hub.schemas import (
    AddFile,
    AddStored,
    Author,
    DeleteFile,
    NewCommit,
    Operation,
    RepositoryKind,
)
from app.hub.tables import Repository
from tests.factories.hub import make_repository, viewer_of

LARGE = "model.bin"


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


@dataclass
class Shared:
    """What one person keeps on one hub."""

    database: Database
    storage: BlobStore
    owner: AccountRef

    async def repository(  # what stands in it
        self,
        name: str,
        files: Mapping[str, bytes],
        large: bytes = b"",
        *,
        kind: RepositoryKind = RepositoryKind.MODEL,
        private: bool = False,
    ) -> Repository:
        """A repository of small files, and of one large one if there are bytes for it."""
        made = await make_repository(
            self.database, self.storage, self.owner, name, kind=kind, private=private
        )
        operations: list[Operation] = [AddFile(path, text) for path, text in files.items()]
        async with self.database.transaction() as db:
            if large:
                digest = Digest(hashlib.sha256(large).hexdigest(), len(large))
                received = await service.receive_bytes(
                    self.storage, _once(large), digest, len(large)
                )
                await service.link_received(db, made, self.owner.id, [received])
                operations.append(AddStored(LARGE, digest.sha256, digest.size))
            await self._commit(db, made, operations)
        return made

    async def change(
        self, repository: Repository, files: Mapping[str, bytes], delete: Sequence[str] = ()
    ) -> None:
        """Change and delete files."""
        operations: list[Operation] = [AddFile(path, text) for path, text in files.items()]
        operations += [DeleteFile(path) for path in delete]
        async with self.database.transaction() as db:
            await self._commit(db, repository, operations)

    async def _commit(
        self, db: AsyncSession, repository: Repository, operations: list[Operation]
    ) -> None:
        # Another hub's rules for cards are its own.
        author = Author(self.owner.name, self.owner.id)
        new = NewCommit("Share", author, operations, as_is=True)
        found = await policy.access_by_id(db, viewer_of(self.owner), repository.id)
        await service.commit(db, self.storage, found, new)

    async def find(self, db: AsyncSession, viewer: Viewer, owner: str, name: str) -> Repository:
        return await policy.access_repository(db, viewer, RepositoryKind.MODEL, owner, name)

    async def head(self, repository: Repository) -> str:
        async with self.database.transaction() as db:
            return await service.resolve_revision(db, repository, "main")

    async def oids(self, repository: Repository) -> dict[str, str]:
        """Git's ids of the files, by path."""
        async with self.database.transaction() as db:
            return {f.path: f.oid for f in await service.list_files(db, repository, "main")}

    async def damage(self, repository: Repository, digest: str) -> None:
        """Change stored bytes behind the hub's back, keeping their number."""
        del repository
        key = content_key("lfs", digest)
        size = await self.storage.size(key) or 0
        await self.storage.delete(key)
        await self.storage.put(key, b"\0" * size)
