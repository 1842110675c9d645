"""Making the pack that answers a fetch, streamed from database and store in bounded memory."""

import asyncio
import hashlib
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from app.core.batches import batched
from app.core.db import AsyncSession, Database
from app.core.errors import NotFoundError
from app.core.i18n import _
from app.core.storage import BlobStore
from app.hub.objects import EMPTY_TREE
from app.hub.queries import objects, packs, walks
from app.hub.schemas.packs import AdvertisedRef, FetchWish, Negotiation
from app.hub.service.packs import graph as graphs
from app.hub.service.packs.objects import Content, Holdings, content_of
from app.hub.tables import AnnotatedTag, Repository

COMMIT, TREE, BLOB, TAG = 1, 2, 3, 4
_AT_ONCE = 500
_BATCH_BYTES = 4 << 20
_STORE_READS = 8
# Weights and pictures do not shrink, and text does at any level: speed counts here.
_LEVEL = 1


@dataclass(frozen=True)
class PackPlan:
    """What a pack will hold, and how a shallow client's history ends after it."""

    commits: Sequence[str]
    trees: Sequence[str]
    blobs: Sequence[str]
    tags: Sequence[bytes] = ()
    shallow: Sequence[str] = ()
    unshallow: Sequence[str] = ()

    @property
    def num_objects(self) -> int:
        """How many objects it holds."""
        return len(self.commits) + len(self.trees) + len(self.blobs) + len(self.tags)


async def advertised_refs(db: AsyncSession, repository: Repository) -> list[AdvertisedRef]:
    """Return every ref of the repository by name, with its tag object where it has one."""
    tags = {tag.ref: tag for tag in await packs.annotated_tags(db, repository.id)}
    found = []
    for ref in await objects.refs(db, repository.id):
        tag = tags.get(ref.name)
        found.append(
            AdvertisedRef(ref.name, tag.oid, ref.target)
            if tag
            else AdvertisedRef(ref.name, ref.target)
        )
    return found


async def has_own_ref(db: AsyncSession, repository: Repository, user_id: int) -> bool:
    """Whether somebody opened a pull request here, and may therefore push to its ref."""
    return any(ref.owner_id == user_id for ref in await objects.refs(db, repository.id))


async def negotiate(db: AsyncSession, repository: Repository, wish: FetchWish) -> Negotiation:
    """Say which of the client's commits are known here, and whether they suffice for a pack."""
    wants = await _sort_wants(db, repository, wish)
    graph = graphs.Graph(db, repository.id)
    return await graphs.negotiate(graph, FetchWish(wants=tuple(wants.commits), haves=wish.haves))


@dataclass
class _Wants:
    commits: list[str] = field(default_factory=list)
    tags: list[AnnotatedTag] = field(default_factory=list)
    content: list[str] = field(default_factory=list)


async def _sort_wants(db: AsyncSession, repository: Repository, wish: FetchWish) -> _Wants:
    tags = {tag.oid: tag for tag in await packs.annotated_tags(db, repository.id)}
    commits = {node.oid for node in await walks.nodes(db, repository.id, wish.wants)}
    wants = _Wants()
    for oid in dict.fromkeys(wish.wants):
        if oid in commits:
            wants.commits.append(oid)
        elif oid in tags:
            wants.tags.append(tags[oid])
            wants.commits.append(tags[oid].commit)
        else:
            wants.content.append(oid)
    return wants


async def plan_pack(db: AsyncSession, repository: Repository, wish: FetchWish) -> PackPlan:
    """Decide which objects answer `wish`: what the wants reach and the haves do not.

    Raises:
        NotFoundError: something wanted is not this repository's, whoever else may hold it.
    """
    wants = await _sort_wants(db, repository, wish)
    held = Holdings(db, repository.id)
    for oid in wants.content:
        if not await held.search(partial(_holds, oid)):
            raise NotFoundError(_("not our ref %(oid)s") % {"oid": oid}, code="not_our_ref")
    graph = graphs.Graph(db, repository.id)
    shallow, unshallow, ends = await _boundary(graph, wants.commits, wish)
    roots = [*wants.commits]
    await graph.load(unshallow)
    for oid in unshallow:
        commit = graph.get(oid)
        roots += commit.parents if commit and oid not in ends else ()
    walk = graphs.Walk(graph, ends, wish.shallow)
    commits, edges = await walk.run(roots, wish.haves)
    content = await _content(db, [c.tree for c in commits], [c.tree for c in edges], wish)
    for oid in wants.content:
        (content.trees if oid in held.seen.trees else content.blobs)[oid] = None
    sent = [commit.oid for commit in commits]
    tags = await _tags_to_send(db, repository, wants, wish, set(sent))
    return PackPlan(
        sent, [*content.trees], [*content.blobs], tags, sorted(shallow), sorted(unshallow)
    )


async def _boundary(
    graph: graphs.Graph, tips: Sequence[str], wish: FetchWish
) -> tuple[set[str], set[str], set[str]]:
    """Return what becomes shallow for the client, what ceases to be, and where the walk ends."""
    if not wish.depth.is_limited:
        return set(), set(), set(wish.shallow)
    ends, inside = await graphs.shallow_ends(graph, tips, wish.depth)
    unshallow = {oid for oid in wish.shallow if oid in inside and oid not in ends}
    return ends - wish.shallow, unshallow, ends | (set(wish.shallow) - unshallow)


async def _content(
    db: AsyncSession, roots: Sequence[str], edges: Sequence[str], wish: FetchWish
) -> Content:
    without = await content_of(db, edges) if edges and roots else None
    content = await content_of(db, roots, without)
    if wish.blob_limit is not None:
        places = await packs.blob_places(db, [*content.blobs]) if wish.blob_limit else []
        content.blobs = {oid: None for oid, size, _key in places if size < wish.blob_limit}
    return content


def _holds(oid: str, content: Content) -> bool:
    return oid in content.trees or oid in content.blobs


async def _tags_to_send(
    db: AsyncSession, repository: Repository, wants: _Wants, wish: FetchWish, sent: set[str]
) -> list[bytes]:
    tags = {tag.oid: tag.raw for tag in wants.tags if tag.oid not in wish.haves}
    if wish.include_tags:
        for tag in await packs.annotated_tags(db, repository.id):
            if tag.commit in sent:
                tags[tag.oid] = tag.raw
    return list(tags.values())


class PackWriter:
    """Encodes objects of a pack and keeps its running checksum."""

    def __init__(self) -> None:
        self._hash = hashlib.sha1(usedforsecurity=False)

    def header(self, num_objects: int) -> bytes:
        """Return how a pack of that many objects begins."""
        return self._hashed(b"PACK" + (2).to_bytes(4, "big") + num_objects.to_bytes(4, "big"))

    def entries(self, kind: int, contents: Sequence[bytes]) -> bytes:
        """Return these objects as they stand in the pack."""
        pieces = []
        for content in contents:
            pieces += [_entry_header(kind, len(content)), zlib.compress(content, _LEVEL)]
        return self._hashed(b"".join(pieces))

    def trailer(self) -> bytes:
        """Return the checksum that ends the pack."""
        return self._hash.digest()

    def _hashed(self, data: bytes) -> bytes:
        self._hash.update(data)
        return data


def _entry_header(kind: int, size: int) -> bytes:
    first = kind << 4 | size & 0x0F
    size >>= 4
    header = bytearray()
    while size:
        header.append(first | 0x80)
        first = size & 0x7F
        size >>= 7
    header.append(first)
    return bytes(header)


async def pack_stream(
    database: Database, storage: BlobStore, repository_id: int, plan: PackPlan
) -> AsyncIterator[bytes]:
    """Yield the pack, a few megabytes at a time; no connection is held while the client reads.

    Raises:
        UnavailableError: bytes that the database promises are not in the store.
    """
    writer = PackWriter()
    yield writer.header(plan.num_objects)
    async for kind, contents in _contents(database, storage, repository_id, plan):
        yield await asyncio.to_thread(writer.entries, kind, contents)
    yield writer.trailer()


async def _contents(
    database: Database, storage: BlobStore, repository_id: int, plan: PackPlan
) -> AsyncIterator[tuple[int, Sequence[bytes]]]:
    for batch in batched(plan.commits, _AT_ONCE):
        async with database.transaction() as db:
            raws = await packs.commit_raws(db, repository_id, batch)
        yield COMMIT, [raw for _oid, raw in raws]
    if plan.tags:
        yield TAG, plan.tags
    for batch in batched(plan.trees, _AT_ONCE):
        async with database.transaction() as db:
            found = await objects.trees(db, [oid for oid in batch if oid != EMPTY_TREE])
        for trees in _by_size([(oid, len(found.get(oid, b""))) for oid in batch]):
            yield TREE, [found.get(oid, b"") for oid in trees]
    async for files in _files(database, storage, plan.blobs):
        yield BLOB, files


async def _files(
    database: Database, storage: BlobStore, oids: Sequence[str]
) -> AsyncIterator[Sequence[bytes]]:
    for batch in batched(oids, 10 * _AT_ONCE):
        async with database.transaction() as db:
            places = await packs.blob_places(db, batch)
        keys = {oid: key for oid, _size, key in places if key is not None}
        for group in _by_size([(oid, size) for oid, size, _key in places]):
            inline = [oid for oid in group if oid not in keys]
            async with database.transaction() as db:
                found = await objects.inline_contents(db, inline)
            for some in batched([oid for oid in group if oid in keys], _STORE_READS):
                contents = await asyncio.gather(*(storage.read_all(keys[oid]) for oid in some))
                found.update(zip(some, contents, strict=True))
            yield [found[oid] for oid in group]


def _by_size(sizes: Sequence[tuple[str, int]]) -> Iterator[list[str]]:
    """Divide objects into groups that fit in memory together."""
    group: list[str] = []
    total = 0
    for oid, size in sizes:
        if group and total + size > _BATCH_BYTES:
            yield group
            group, total = [], 0
        group.append(oid)
        total += size
    if group:
        yield group
