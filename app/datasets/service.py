"""Taking the inventory of a data-set revision, without reading any image twice."""

import asyncio
import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from urllib.parse import quote

import structlog

from app.core.batches import batched
from app.core.db import Database
from app.core.errors import InvalidError
from app.core.i18n import _
from app.core.security import Viewer
from app.core.storage import BlobStore
from app.datasets import queries
from app.datasets.schemas import (
    NUM_SAMPLES,
    ClassOut,
    DataRevision,
    FindingOut,
    InventoryOut,
    SampleOut,
)
from app.datasets.sources import TABLE_SUFFIXES, HubSource, fetched, only_archive, zip_source
from app.datasets.tables import Probe
from app.hub import policy as hub_policy
from app.hub import service as hub
from app.hub.schemas import FileHandle, RepositoryKind, TreeFile
from worker.contract.base import digest
from worker.contract.doctor import check_inventory
from worker.contract.findings import found
from worker.contract.images import MAX_IMAGE_BYTES, ImageProbe, probe_image
from worker.contract.inventory import (
    DataInventory,
    FileFact,
    MediaFacts,
    fact_of,
    inventory_from,
    take_inventory,
)
from worker.contract.layout import Layout, detect_layout
from worker.contract.recipe import Columns
from worker.contract.sources import ArchiveError

log = structlog.get_logger(__name__)

# Change it when probes or layouts are judged differently, and old inventories are taken anew.
_VERSION = 2
_BATCH = 100
_READERS = 4


class InventoryTaker:
    """Takes inventories for one viewer; no transaction is open while images are read."""

    def __init__(self, database: Database, storage: BlobStore, viewer: Viewer) -> None:
        self._database = database
        self._storage = storage
        self._viewer = viewer

    async def take(self, repo: str, revision: str | None, columns: Columns) -> DataRevision:
        """Return a data-set revision with its inventory.

        Args:
            repo: `owner/name`.
            revision: branch, tag or commit; None for `main`.
            columns: names of the columns when the data set is a table.

        Raises:
            NotFoundError: no such data set or revision, or the viewer may not see it.
        """
        key = digest([_VERSION, columns.model_dump(mode="json")])
        async with self._database.transaction() as db:
            repository = await hub_policy.access_repository(
                db, self._viewer, RepositoryKind.DATASET, *split_name(repo)
            )
            await hub_policy.require_files(db, self._viewer, repository)
            commit = await hub.resolve_revision(db, repository, revision or "main")
            known = await queries.inventory(db, repository.id, commit, key)
            files = await hub.list_files(db, repository, commit)
        is_archive = only_archive(files) is not None
        if known is not None:
            inventory = DataInventory.model_validate(known)
        else:
            inventory = await self._read(repository.id, commit, files, columns)
            async with self._database.transaction() as db:
                content = inventory.model_dump(mode="json")
                await queries.save_inventory(db, repository.id, commit, key, content)
        return DataRevision(
            repository_id=repository.id,
            name=f"{repository.owner_name}/{repository.name}",
            commit=commit,
            private=repository.private,
            license=repository.license,
            inventory=inventory,
            is_archive=is_archive,
        )

    async def _read(
        self, repository_id: int, commit: str, files: Sequence[TreeFile], columns: Columns
    ) -> DataInventory:
        archive = only_archive(files)
        if archive is not None:
            return await self._read_archive(repository_id, commit, archive, columns)
        layout = await self._layout(repository_id, commit, files, columns)
        by_path = {file.path: file for file in files}
        wanted = {by_path[item.path].oid: by_path[item.path] for item in layout.items}
        probes = await self._probes(repository_id, commit, list(wanted.values()))
        facts = [
            fact_of(item, layout.media, _looks(probes[by_path[item.path].oid]))
            for item in layout.items
        ]
        return inventory_from(layout, facts)

    async def _open(
        self, repository_id: int, commit: str, files: Sequence[TreeFile]
    ) -> list[FileHandle]:
        async with self._database.transaction() as db:
            repository = await hub_policy.access_by_id(db, self._viewer, repository_id)
            return await hub.open_files(db, self._storage, repository, commit, files)

    async def _read_archive(
        self, repository_id: int, commit: str, archive: TreeFile, columns: Columns
    ) -> DataInventory:
        (handle,) = await self._open(repository_id, commit, [archive])
        with await fetched(handle) as file:
            try:
                source = await asyncio.to_thread(zip_source, file)
            except ArchiveError as error:
                return DataInventory(findings=(found("ARCHIVE_INVALID", reason=str(error)),))
            return await asyncio.to_thread(take_inventory, source, columns)

    async def _layout(
        self, repository_id: int, commit: str, files: Sequence[TreeFile], columns: Columns
    ) -> Layout:
        tables = [file for file in files if file.path.lower().endswith(TABLE_SUFFIXES)]
        handles = await self._open(repository_id, commit, tables)
        opened = {handle.path: handle for handle in handles}
        source = HubSource(asyncio.get_running_loop(), files, opened)
        return await asyncio.to_thread(detect_layout, source, columns)

    async def _probes(
        self, repository_id: int, commit: str, files: Sequence[TreeFile]
    ) -> dict[str, Probe]:
        async with self._database.transaction() as db:
            known = await queries.probes(db, [file.oid for file in files])
        missing = [file for file in files if file.oid not in known]
        for batch in batched(missing, _BATCH):
            handles = await self._open(repository_id, commit, batch)
            fresh = await _probe_all(handles)
            async with self._database.transaction() as db:
                await queries.save_probes(db, [_row(probe) for probe in fresh])
            known.update({probe.oid: probe for probe in fresh})
        if missing:
            log.info("images_probed", repository_id=repository_id, num_images=len(missing))
        return known


def split_name(repo: str) -> tuple[str, str]:
    """Return owner and name of `owner/name`.

    Raises:
        InvalidError: it is written otherwise.
    """
    owner, slash, name = repo.partition("/")
    if not slash or not owner or not name or "/" in name:
        raise InvalidError(
            _("%(repo)s is not the name of a repository.") % {"repo": repo},
            fix=_("Write it as owner/name."),
        )
    return owner, name


async def _probe_all(handles: Sequence[FileHandle]) -> list[Probe]:
    turn = asyncio.Semaphore(_READERS)

    async def one(handle: FileHandle) -> Probe:
        async with turn:
            return await _probe(handle)

    return await asyncio.gather(*(one(handle) for handle in handles))


async def _probe(handle: FileHandle) -> Probe:
    if handle.size > MAX_IMAGE_BYTES:
        # Too large to be an image that is read; its hash is known, as of every large file.
        looks = ImageProbe(error="the file is larger than 64 MB")
        return _probe_row(handle, handle.lfs_sha256 or "", looks)
    content = await handle.read_all()
    sha256, looks = await asyncio.to_thread(_look, content)
    return _probe_row(handle, sha256, looks)


def _look(content: bytes) -> tuple[str, ImageProbe]:
    return hashlib.sha256(content).hexdigest(), probe_image(content)


def _probe_row(handle: FileHandle, sha256: str, looks: ImageProbe) -> Probe:
    return Probe(
        oid=handle.oid,
        sha256=sha256,
        size=handle.size,
        width=looks.width,
        height=looks.height,
        mode=looks.mode,
        frames=looks.frames,
        # What a damaged file says of itself may hold anything.
        error=looks.error.replace("\x00", "") if looks.error else None,
    )


def _row(probe: Probe) -> dict[str, object]:
    names = ("oid", "sha256", "size", "width", "height", "mode", "frames", "error")
    return {name: getattr(probe, name) for name in names}


def _looks(probe: Probe) -> MediaFacts:
    image = ImageProbe(
        width=probe.width,
        height=probe.height,
        mode=probe.mode,
        frames=probe.frames,
        error=probe.error,
    )
    return MediaFacts(probe.sha256, probe.size, image)


def overview(data: DataRevision) -> InventoryOut:
    """Return classes, splits, some samples of different classes, and what the doctor found."""
    inventory = data.inventory
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for fact in inventory.facts:
        counts[fact.label][fact.split or ""] += 1
    return InventoryOut(
        repo=data.name,
        commit=data.commit,
        kind=inventory.kind,
        num_images=len(inventory.facts),
        classes=[
            ClassOut(label=label, counts=dict(splits), total=splits.total())
            for label, splits in sorted(counts.items())
        ],
        splits=list(inventory.splits),
        samples=[_sample(data, fact) for fact in _spread(inventory.facts)],
        findings=[FindingOut.of(finding) for finding in check_inventory(inventory)],
    )


def _spread(facts: Sequence[FileFact]) -> list[FileFact]:
    """Return a few readable images, taking turns between the classes."""
    by_label: dict[str, list[FileFact]] = defaultdict(list)
    for fact in facts:
        if fact.error is None:
            by_label[fact.label].append(fact)
    rows = list(by_label.values())
    longest = max((len(row) for row in rows), default=0)
    turns = (row[turn] for turn in range(longest) for row in rows if turn < len(row))
    return [fact for fact, _number in zip(turns, range(NUM_SAMPLES), strict=False)]


def _sample(data: DataRevision, fact: FileFact) -> SampleOut:
    # What lies inside a zip file has no address of its own.
    address = f"/datasets/{data.name}/resolve/{data.commit}/{quote(fact.path)}"
    return SampleOut(
        path=fact.path,
        label=fact.label,
        split=fact.split,
        width=fact.width,
        height=fact.height,
        url="" if data.is_archive else address,
    )
