"""Looking into pictures and recordings once each, whichever revisions they are in."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence

import structlog

from app.core.batches import batched
from app.core.db import Database
from app.datasets import queries
from app.datasets.tables import Probe
from app.hub.schemas import FileHandle, TreeFile
from worker.contract.images import MAX_IMAGE_BYTES, ImageProbe, probe_image
from worker.contract.inventory import FileFact, MediaFacts, fact_of
from worker.contract.items import Layout, Media
from worker.contract.sounds import SoundProbe, probe_sound

log = structlog.get_logger(__name__)

_BATCH = 100
_READERS = 4
_COLUMNS = ("oid", "sha256", "size", "width", "height", "mode", "frames", "error", "seconds")

Open = Callable[[int, str, Sequence[TreeFile]], Awaitable[list[FileHandle]]]


class Prober:
    """Knows what is in media files, and opens only those that nobody opened before."""

    def __init__(self, database: Database, open_files: Open) -> None:
        self._database = database
        self._open = open_files

    async def facts(
        self, repository_id: int, commit: str, layout: Layout, files: Sequence[TreeFile]
    ) -> list[FileFact]:
        """Return the fact of each item of a layout; `files` are its files, in the same order."""
        wanted = {file.oid: file for file in files}
        probes = await self._probes(repository_id, commit, list(wanted.values()), layout.media)
        pairs = list(zip(layout.items, files, strict=True))
        return await asyncio.to_thread(
            lambda: [
                fact_of(item, layout.media, _looks(probes[file.oid], layout.media))
                for item, file in pairs
            ]
        )

    async def _probes(
        self, repository_id: int, commit: str, files: Sequence[TreeFile], media: Media
    ) -> dict[str, Probe]:
        async with self._database.transaction() as db:
            known = await queries.probes(db, [file.oid for file in files])
        missing = [file for file in files if file.oid not in known]
        for batch in batched(missing, _BATCH):
            handles = await self._open(repository_id, commit, batch)
            fresh = await _probe_all(handles, media)
            async with self._database.transaction() as db:
                await queries.save_probes(db, [_row(probe) for probe in fresh])
            known.update({probe.oid: probe for probe in fresh})
        if missing:
            log.info("files_probed", repository_id=repository_id, num_files=len(missing))
        return known


async def _probe_all(handles: Sequence[FileHandle], media: Media) -> list[Probe]:
    turn = asyncio.Semaphore(_READERS)

    async def one(handle: FileHandle) -> Probe:
        async with turn:
            return await _probe(handle, media)

    return await asyncio.gather(*(one(handle) for handle in handles))


async def _probe(handle: FileHandle, media: Media) -> Probe:
    if handle.size > MAX_IMAGE_BYTES:
        # Too large to be a file that is read; its hash is known, as of every large file.
        error = "the file is larger than 64 MB"
        looks = MediaFacts(
            handle.lfs_sha256 or "", handle.size, ImageProbe(error=error), SoundProbe(error=error)
        )
    else:
        content = await handle.read_all()
        looks = await asyncio.to_thread(_look, content, media)
    return _probe_row(handle.oid, looks, media)


def _look(content: bytes, media: Media) -> MediaFacts:
    sha256 = hashlib.sha256(content).hexdigest()
    if media == "audio":
        return MediaFacts(sha256, len(content), sound=probe_sound(content))
    return MediaFacts(sha256, len(content), image=probe_image(content))


def _probe_row(oid: str, looks: MediaFacts, media: Media) -> Probe:
    is_sound = media == "audio"
    error = looks.sound.error if is_sound else looks.image.error
    return Probe(
        oid=oid,
        sha256=looks.sha256,
        size=looks.size,
        width=looks.image.width,
        height=looks.image.height,
        mode=str(looks.sound.rate) if is_sound else looks.image.mode,
        frames=looks.image.frames,
        # What a damaged file says of itself may hold anything.
        error=error.replace("\x00", "") if error else None,
        seconds=looks.sound.seconds,
    )


def _row(probe: Probe) -> dict[str, object]:
    return {name: getattr(probe, name) for name in _COLUMNS}


def _looks(probe: Probe, media: Media) -> MediaFacts:
    if media == "audio":
        rate = int(probe.mode) if probe.mode.isdigit() else 0
        sound = SoundProbe(probe.seconds, rate, error=probe.error)
        return MediaFacts(probe.sha256, probe.size, sound=sound)
    image = ImageProbe(
        width=probe.width,
        height=probe.height,
        mode=probe.mode,
        frames=probe.frames,
        error=probe.error,
    )
    return MediaFacts(probe.sha256, probe.size, image=image)
