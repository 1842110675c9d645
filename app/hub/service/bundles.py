"""A repository as one file, to be carried to a machine that no network reaches.

A bundle is a tar: `bundle.json` says what is inside, `pack/…` are the pieces of one git pack, and
`large/<sha256>` the large files. Commits keep their ids and files their hashes. Reading one trusts
nothing: names, order, sizes, hashes and every git object are checked before a ref moves.
"""

import asyncio
import re
import tarfile
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Annotated, BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.core.batches import batched
from app.core.db import AsyncSession, Database
from app.core.errors import AppError, ConflictError, InvalidError, NotFoundError, TooLargeError
from app.core.i18n import _
from app.core.security import Viewer
from app.core.storage import BlobStore, Digest
from app.hub import policy
from app.hub.paths import Sha256
from app.hub.queries import objects as queries
from app.hub.schemas import MAIN, CommitInfo, RepositoryKind
from app.hub.schemas.packs import AdvertisedRef, FetchWish, RefUpdate
from app.hub.service import packs
from app.hub.service.large_files import large_files, link_received, receive_bytes
from app.hub.service.packs import PackPlan
from app.hub.service.repositories import create_repository
from app.hub.service.revisions import BRANCHES, TAGS, commit_of, find_revision
from app.hub.tables import Repository

MANIFEST = "bundle.json"
_PIECE_BYTES = 8 << 20
_MAX_MANIFEST = 32 << 20
_MAX_PACK = 4 << 30
_BLOCK = tarfile.BLOCKSIZE
_END = b"\0" * (2 * _BLOCK)
_PACK = re.compile(r"pack/[0-9]{6}")
_LARGE = re.compile(r"large/([0-9a-f]{64})")
_REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BundleRef(_Part):
    """A branch or a tag; `oid` is the commit's, or that of an annotated tag."""

    name: str = Field(max_length=300)
    oid: str = Field(pattern="^[0-9a-f]{40}$")


class BundleFile(_Part):
    """A large file."""

    sha256: Sha256
    size: int = Field(ge=0)


class BundleManifest(_Part):
    """What a bundle holds."""

    format: Literal["tuningfork-bundle"] = "tuningfork-bundle"
    version: Literal[1] = 1
    kind: RepositoryKind
    name: str = Field(max_length=300)
    refs: Annotated[list[BundleRef], Field(min_length=1, max_length=1000)]
    large: Annotated[list[BundleFile], Field(max_length=200_000)]


@dataclass(frozen=True)
class BundlePlan:
    """What is to be written: the manifest, and which git objects."""

    manifest: BundleManifest
    pack: PackPlan
    repository: Repository


async def plan_bundle(db: AsyncSession, repository: Repository, revision: str = "") -> BundlePlan:
    """Decide what goes into a bundle: every branch and tag, or one revision as `main`.

    Raises:
        NotFoundError: no such revision.
    """
    if revision:
        oid = (await find_revision(db, repository, revision)).oid
        refs = [BundleRef(name=BRANCHES + MAIN, oid=oid)]
    else:
        refs = [
            BundleRef(name=ref.name, oid=ref.oid)
            for ref in await packs.advertised_refs(db, repository)
            if ref.name.startswith((BRANCHES, TAGS))
        ]
    plan = await packs.plan_pack(db, repository, FetchWish(tuple(ref.oid for ref in refs)))
    blobs = await queries.blobs(db, plan.blobs)
    large = {b.lfs_sha256: b.lfs_size or 0 for b in blobs.values() if b.lfs_sha256}
    manifest = BundleManifest(
        kind=repository.kind,
        name=f"{repository.owner_name}/{repository.name}",
        refs=refs,
        large=[BundleFile(sha256=sha256, size=large[sha256]) for sha256 in sorted(large)],
    )
    return BundlePlan(manifest, plan, repository)


async def bundle_stream(
    database: Database, storage: BlobStore, plan: BundlePlan
) -> AsyncIterator[bytes]:
    """Yield the bundle; memory does not grow with it.

    Raises:
        UnavailableError: bytes that the database promises are not in the store.
        NotFoundError: the repository lacks the bytes of a large file.
    """
    manifest = plan.manifest.model_dump_json(indent=1).encode()
    yield _member(MANIFEST, manifest)
    number = 0
    pending = bytearray()
    async for part in packs.pack_stream(database, storage, plan.repository.id, plan.pack):
        pending += part
        while len(pending) >= _PIECE_BYTES:
            yield _member(f"pack/{number:06d}", bytes(pending[:_PIECE_BYTES]))
            del pending[:_PIECE_BYTES]
            number += 1
    if pending:
        yield _member(f"pack/{number:06d}", bytes(pending))
    async for part in _large_members(database, storage, plan):
        yield part
    yield _END


async def _large_members(
    database: Database, storage: BlobStore, plan: BundlePlan
) -> AsyncIterator[bytes]:
    for batch in batched(plan.manifest.large, 500):
        async with database.transaction() as db:
            found = await large_files(db, plan.repository, [file.sha256 for file in batch])
        for file in batch:
            if file.sha256 not in found:
                raise NotFoundError(_("This repository lacks the bytes of a large file."))
            yield _header(f"large/{file.sha256}", file.size)
            async for part in found[file.sha256].read(storage):
                yield part
            yield b"\0" * (-file.size % _BLOCK)


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    # This format writes sizes above 8 GB without a member of its own.
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def _member(name: str, content: bytes) -> bytes:
    return _header(name, len(content)) + content + b"\0" * (-len(content) % _BLOCK)


class _Reader:
    """Takes a stream apart into the pieces that the caller asks for."""

    def __init__(self, chunks: AsyncIterable[bytes]) -> None:
        self._chunks = aiter(chunks)
        self._pending = b""

    async def exactly(self, size: int) -> bytes:
        """Return `size` bytes, all at once; only for small pieces."""
        return b"".join([part async for part in self.up_to(size)])

    async def up_to(self, size: int) -> AsyncIterator[bytes]:
        """Yield the next `size` bytes as they come.

        Raises:
            InvalidError: the stream ends before.
        """
        while size > 0:
            if not self._pending:
                try:
                    self._pending = await anext(self._chunks)
                except StopAsyncIteration:
                    raise _bad(_("it ends too early.")) from None
                continue
            part, self._pending = self._pending[:size], self._pending[size:]
            size -= len(part)
            yield part

    async def member(self) -> tuple[str, int] | None:
        """Return name and size of the next member; None at the end.

        Raises:
            InvalidError: this is no tar, or the member is a link, a folder, a device.
        """
        block = await self.exactly(_BLOCK)
        if block == b"\0" * _BLOCK:
            return None
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeError) as error:
            raise _bad(_("it is not a bundle of this kind.")) from error
        if info.type not in _REGULAR or info.size < 0:
            raise _bad(_("it holds something else than files."))
        return info.name, info.size

    async def padding(self, size: int) -> None:
        """Pass over what fills a member's last block."""
        await self.exactly(-size % _BLOCK)


@dataclass(frozen=True)
class BundleTarget:
    """Where a bundle shall stand; `private` None means the owner's default for a new one."""

    kind: RepositoryKind
    owner: str
    name: str
    private: bool | None = None


@dataclass
class BundleTaker:
    """Takes a bundle over into a repository of the viewer's: all of it, or nothing."""

    database: Database
    storage: BlobStore
    viewer: Viewer
    max_bytes: int

    async def take(
        self, chunks: AsyncIterable[bytes], spool: BinaryIO, target: BundleTarget
    ) -> CommitInfo:
        """Store a bundle as the repository `target`, which is made if it is not there.

        Args:
            chunks: the bundle.
            spool: an empty file for the git pack.
            target: where it shall stand.

        Raises:
            InvalidError: the bundle is damaged, hostile or of another kind.
            ConflictError: the repository has commits that the bundle does not hold.
        """
        reader = _Reader(chunks)
        manifest = await self._manifest(reader, target.kind)
        received, pack_bytes = await self._members(reader, manifest, spool)
        await asyncio.to_thread(spool.flush)
        pack = await asyncio.to_thread(packs.PackFile, spool, 0, pack_bytes)
        try:
            async with self.database.transaction() as db:
                repository, is_new = await self._repository(db, target)
                await link_received(db, repository, self.viewer.user_id, received)
                await self._move(db, repository, pack, manifest, is_new=is_new)
                return await commit_of(db, repository, MAIN)
        finally:
            pack.close()

    async def _manifest(self, reader: _Reader, kind: RepositoryKind) -> BundleManifest:
        member = await reader.member()
        if member is None or member[0] != MANIFEST or member[1] > _MAX_MANIFEST:
            raise _bad(_("it is not a bundle of this kind."))
        raw = await reader.exactly(member[1])
        await reader.padding(member[1])
        try:
            manifest = BundleManifest.model_validate_json(raw)
        except ValidationError as error:
            raise _bad(_("its list of contents cannot be read.")) from error
        if manifest.kind is not kind:
            raise _bad(_("it holds a repository of another kind."))
        if all(ref.name != BRANCHES + MAIN for ref in manifest.refs):
            raise _bad(_("it has no branch main."))
        if any(file.size > self.max_bytes for file in manifest.large):
            raise TooLargeError(_("The bundle holds a file larger than this site accepts."))
        return manifest

    async def _members(
        self, reader: _Reader, manifest: BundleManifest, spool: BinaryIO
    ) -> tuple[list[tuple[str, Digest]], int]:
        """Store the large files and spool the pack, in the order the writer has."""
        wanted = {file.sha256: file.size for file in manifest.large}
        received: list[tuple[str, Digest]] = []
        pack_bytes = pieces = 0
        while (member := await reader.member()) is not None:
            name, size = member
            large = _LARGE.fullmatch(name)
            if large is not None and wanted.pop(large[1], None) == size:
                expected = Digest(large[1], size)
                received.append(
                    await receive_bytes(self.storage, reader.up_to(size), expected, size)
                )
            elif _PACK.fullmatch(name) and name == f"pack/{pieces:06d}" and not received:
                pieces, pack_bytes = pieces + 1, pack_bytes + size
                if pack_bytes > _MAX_PACK:
                    raise TooLargeError(_("The history in the bundle is too large."))
                async for part in reader.up_to(size):
                    await asyncio.to_thread(spool.write, part)
            else:
                raise _bad(_("it holds something that its list of contents does not name."))
            await reader.padding(size)
        if wanted or not pieces:
            raise _bad(_("something that its list of contents names is not in it."))
        return received, pack_bytes

    async def _repository(self, db: AsyncSession, target: BundleTarget) -> tuple[Repository, bool]:
        at = (target.kind, target.owner, target.name)
        try:
            found = await policy.access_for_write(db, self.viewer, *at)
        except NotFoundError:
            made = await create_repository(
                db, self.storage, self.viewer, *at, private=target.private
            )
            return made, True
        return found, False

    async def _move(
        self,
        db: AsyncSession,
        repository: Repository,
        pack: packs.PackFile,
        manifest: BundleManifest,
        *,
        is_new: bool,
    ) -> None:
        current = {ref.name: ref for ref in await packs.advertised_refs(db, repository)}
        updates = []
        for ref in manifest.refs:
            known = current.get(ref.name)
            if known is None or known.oid != ref.oid:
                updates.append(RefUpdate(ref.name, known.oid if known else "0" * 40, ref.oid))
        push = packs.Push(db, self.storage, self.viewer, repository, pack)
        try:
            await push.take(updates, is_atomic=True)
        except packs.PushRefusedError as refused:
            raise _refused(refused) from refused
        lost = [
            known.name
            for name, known in current.items()
            if not is_new and _tip(known) not in pack.objects and _moves(name, updates)
        ]
        if lost:
            raise ConflictError(
                _("%(name)s has commits that the bundle does not hold.") % {"name": lost[0]},
                fix=_("Import the bundle under another name."),
            )


def _tip(ref: AdvertisedRef) -> str:
    return ref.peeled or ref.oid


def _moves(name: str, updates: Sequence[RefUpdate]) -> bool:
    return any(update.name == name for update in updates)


def _refused(refused: packs.PushRefusedError) -> AppError:
    first = next((result for result in refused.results if result.reason), None)
    return InvalidError(
        _("The history in the bundle is refused: %(reason)s")
        % {"reason": first.reason if first else refused.message},
        fix=first.fix if first else "",
        code="bundle_refused",
    )


def _bad(reason: str) -> InvalidError:
    return InvalidError(
        _("This bundle cannot be imported: %(reason)s") % {"reason": reason},
        fix=_("Make it anew with: tuningfork bundle export"),
        code="bad_bundle",
    )
