"""Taking the inventory of a data-set revision, without reading any file twice."""

import asyncio
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from app.core.db import Database
from app.core.errors import InvalidError
from app.core.i18n import _
from app.core.security import Viewer
from app.core.storage import BlobStore
from app.datasets import queries
from app.datasets.schemas import DataRevision, Glance, InventoryOut, Preview, PreviewOut
from app.datasets.service.glances import glance_of, overview_of, preview_of, preview_out
from app.datasets.service.pictures import pictures_of
from app.datasets.service.probes import Prober
from app.datasets.sources import HubSource, fetched, zip_source
from app.hub import policy as hub_policy
from app.hub import service as hub
from app.hub.schemas import FileHandle, RepositoryKind, TreeFile
from worker.contract.base import digest
from worker.contract.findings import found
from worker.contract.inventory import (
    DataInventory,
    OpenData,
    inventory_from,
    inventory_of,
    open_data,
)
from worker.contract.layout import detect_layout
from worker.contract.recipe import Columns
from worker.contract.sources import ArchiveError, FileSource, only_archive

# Change it when files or layouts are judged differently, and old inventories are taken anew.
_VERSION = 4
_READERS = 8
Result = TypeVar("Result")


@dataclass(frozen=True)
class _Pinned:
    """A revision of a repository that the viewer may read."""

    repository_id: int
    name: str
    commit: str
    private: bool
    license: str
    files: Sequence[TreeFile]

    @property
    def archive(self) -> TreeFile | None:
        path = only_archive([file.path for file in self.files])
        return next((file for file in self.files if file.path == path), None)


class InventoryTaker:
    """Takes inventories for one viewer; no transaction is open while files are read."""

    def __init__(self, database: Database, storage: BlobStore, viewer: Viewer) -> None:
        self._database = database
        self._storage = storage
        self._viewer = viewer
        self._prober = Prober(database, self._open)

    async def take(self, repo: str, revision: str | None, columns: Columns) -> DataRevision:
        """Return a data-set revision with its inventory.

        Args:
            repo: `owner/name`.
            revision: branch, tag or commit; None for `main`.
            columns: names of the columns when the data set is a table.

        Raises:
            NotFoundError: no such data set or revision, or the viewer may not see it.
        """
        pinned = await self._pin(repo, revision)
        known = await self._known(pinned, _key(columns))
        if known is not None:
            inventory = await asyncio.to_thread(DataInventory.model_validate, known)
        else:
            inventory, _glance = await self._read(pinned, columns)
        return DataRevision(
            repository_id=pinned.repository_id,
            name=pinned.name,
            commit=pinned.commit,
            private=pinned.private,
            license=pinned.license,
            inventory=inventory,
            is_archive=pinned.archive is not None,
        )

    async def look(self, repo: str, revision: str | None, columns: Columns) -> InventoryOut:
        """Return a data-set revision at a glance, without loading what is known of each example.

        Raises:
            NotFoundError: no such data set or revision, or the viewer may not see it.
        """
        pinned = await self._pin(repo, revision)
        known = await self._known(pinned, _glance_key(columns))
        if known is not None:
            glance = Glance.model_validate(known)
        else:
            _inventory, glance = await self._read(pinned, columns)
        return overview_of(pinned.name, pinned.commit, glance)

    async def preview(self, repo: str, revision: str | None, columns: Columns) -> PreviewOut:
        """Return the first rows as a recipe with these columns would read them; nothing is kept.

        Raises:
            NotFoundError: no such data set or revision, or the viewer may not see it.
        """
        pinned = await self._pin(repo, revision)

        def first_rows(source: FileSource) -> Preview:
            return preview_of(detect_layout(source, columns))

        try:
            preview = await self._with_source(pinned, first_rows)
        except ArchiveError as error:
            preview = Preview(findings=[found("ARCHIVE_INVALID", reason=str(error))])
        return preview_out(pinned.name, pinned.commit, preview)

    async def _pin(self, repo: str, revision: str | None) -> _Pinned:
        async with self._database.transaction() as db:
            repository = await hub_policy.access_repository(
                db, self._viewer, RepositoryKind.DATASET, *split_name(repo)
            )
            await hub_policy.require_files(db, self._viewer, repository)
            commit = await hub.resolve_revision(db, repository, revision or "main")
            return _Pinned(
                repository_id=repository.id,
                name=f"{repository.owner_name}/{repository.name}",
                commit=commit,
                private=repository.private,
                license=repository.license,
                files=await hub.list_files(db, repository, commit),
            )

    async def _known(self, pinned: _Pinned, key: str) -> dict[str, object] | None:
        async with self._database.transaction() as db:
            return await queries.inventory(db, pinned.repository_id, pinned.commit, key)

    async def _read(self, pinned: _Pinned, columns: Columns) -> tuple[DataInventory, Glance]:
        try:
            inventory, glance = await self._examine(pinned, columns)
        except ArchiveError as error:
            inventory = DataInventory(findings=(found("ARCHIVE_INVALID", reason=str(error)),))
            glance = glance_of(inventory, {}, is_packed=True)
        contents = await asyncio.to_thread(_contents, inventory, glance)
        async with self._database.transaction() as db:
            for key, content in zip((_key(columns), _glance_key(columns)), contents, strict=True):
                await queries.save_inventory(db, pinned.repository_id, pinned.commit, key, content)
        return inventory, glance

    async def _examine(self, pinned: _Pinned, columns: Columns) -> tuple[DataInventory, Glance]:
        if pinned.archive is not None:
            return await self._with_source(
                pinned, lambda source: _whole(open_data(source, columns), is_packed=True)
            )
        source = self._source(pinned)
        data = await asyncio.to_thread(open_data, source, columns)
        layout = data.layout
        if layout.files is not None or layout.media not in {"image", "audio"}:
            is_packed = layout.files is not None
            return await asyncio.to_thread(_whole, data, is_packed=is_packed)
        by_path = {file.path: file for file in pinned.files}
        files = [by_path[item.path] for item in layout.items]
        facts = await self._prober.facts(pinned.repository_id, pinned.commit, layout, files)
        return await asyncio.to_thread(
            lambda: _with_glance(inventory_from(layout, facts), data, is_packed=False)
        )

    async def _with_source(self, pinned: _Pinned, use: Callable[[FileSource], Result]) -> Result:
        """Return what a function makes of the files, called in a thread.

        Raises:
            ArchiveError: the zip file that holds the data set may not be opened.
        """
        if pinned.archive is None:
            return await asyncio.to_thread(use, self._source(pinned))
        (handle,) = await self._open(pinned.repository_id, pinned.commit, [pinned.archive])
        with await fetched(handle) as file:
            source = await asyncio.to_thread(zip_source, file)
            return await asyncio.to_thread(use, source)

    def _source(self, pinned: _Pinned) -> HubSource:
        fetch = functools.partial(self._fetch, pinned.repository_id, pinned.commit)
        return HubSource(asyncio.get_running_loop(), pinned.files, fetch)

    async def _fetch(
        self, repository_id: int, commit: str, files: Sequence[TreeFile]
    ) -> Mapping[str, bytes]:
        turn = asyncio.Semaphore(_READERS)

        async def one(handle: FileHandle) -> bytes:
            async with turn:
                return await handle.read_all()

        handles = await self._open(repository_id, commit, files)
        contents = await asyncio.gather(*(one(handle) for handle in handles))
        return {handle.path: content for handle, content in zip(handles, contents, strict=True)}

    async def _open(
        self, repository_id: int, commit: str, files: Sequence[TreeFile]
    ) -> list[FileHandle]:
        async with self._database.transaction() as db:
            repository = await hub_policy.access_by_id(db, self._viewer, repository_id)
            return await hub.open_files(db, self._storage, repository, commit, files)


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


def _key(columns: Columns) -> str:
    return digest([_VERSION, columns.model_dump(mode="json", exclude_defaults=True)])


def _glance_key(columns: Columns) -> str:
    return digest(["glance", _key(columns)])


def _whole(data: OpenData, *, is_packed: bool) -> tuple[DataInventory, Glance]:
    return _with_glance(inventory_of(data), data, is_packed=is_packed)


def _with_glance(
    inventory: DataInventory, data: OpenData, *, is_packed: bool
) -> tuple[DataInventory, Glance]:
    pictures = pictures_of(data, inventory.samples, is_packed=is_packed)
    return inventory, glance_of(inventory, pictures, is_packed=is_packed)


def _contents(inventory: DataInventory, glance: Glance) -> list[dict[str, object]]:
    return [part.model_dump(mode="json", exclude_defaults=True) for part in (inventory, glance)]
