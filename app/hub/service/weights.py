"""What the weights of a repository hold, read from the headers of its safetensors files."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import structlog

from app.core.db import AsyncSession
from app.core.errors import InvalidError, NotFoundError
from app.core.i18n import _
from app.core.storage import BlobStore
from app.hub.paths import check_path
from app.hub.safetensors import (
    PREFIX_BYTES,
    Header,
    broken,
    header_length,
    read_header,
    summary,
)
from app.hub.schemas import MAIN, FileHandle
from app.hub.service.files import open_file
from app.hub.service.trees import join, parent_of
from app.hub.tables import Repository

log = structlog.get_logger(__name__)

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
_FIRST_READ = 100_000
_MAX_INDEX_BYTES = 50_000_000
_MAX_SHARDS = 1000
_MAX_ALL_HEADERS = 100_000_000


@dataclass(frozen=True)
class Weights:
    """The headers of one file, or of every shard that an index names."""

    index: dict[str, Any]
    headers: dict[str, Header]

    @property
    def summary(self) -> dict[str, Any]:
        """How many numbers there are, of each type and in all."""
        return summary(tensor for header in self.headers.values() for tensor in header.tensors)


async def file_header(file: FileHandle) -> Header:
    """Return the header of an open file; reads no more of it than that.

    Raises:
        InvalidError: it is not a valid safetensors file.
    """
    start = await file.read_all(0, min(file.size, _FIRST_READ))
    length = header_length(start[:PREFIX_BYTES], file.size)
    end = PREFIX_BYTES + length
    text = start[PREFIX_BYTES:end]
    if len(start) < end:
        text += await file.read_all(len(start), end)
    # A large header takes a second to read, which other requests must not wait for.
    return await asyncio.to_thread(read_header, text, file.size, file.path.rpartition("/")[2])


async def read_weights(
    db: AsyncSession, storage: BlobStore, repository: Repository, rev: str, path: str
) -> Weights:
    """Return the headers of a safetensors file, or of all shards of an index, at a revision.

    Raises:
        NotFoundError: no such revision or file, or a shard is missing.
        InvalidError: a file is not what its name says, or there is too much to read.
    """
    file = await open_file(db, storage, repository, rev, path)
    if not path.endswith(".json"):
        return Weights({}, {file.path.rpartition("/")[2]: await file_header(file)})
    index, shards = await _index(file)
    headers: dict[str, Header] = {}
    total = 0
    for shard in shards:
        handle = await open_file(db, storage, repository, rev, join(parent_of(path), shard))
        headers[shard] = await file_header(handle)
        total += len(headers[shard].tensors) * 100
        if total > _MAX_ALL_HEADERS:
            raise InvalidError(_("The headers of these files are too long together."))
    return Weights(index, headers)


async def _index(file: FileHandle) -> tuple[dict[str, Any], list[str]]:
    if file.size > _MAX_INDEX_BYTES:
        raise InvalidError(_("This index is too long to be read."), code="bad_index")
    try:
        index = json.loads(await file.read_all())
        shards = sorted(set(index["weight_map"].values()))
        metadata = index.get("metadata") or {}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise broken(_("its index does not say which file holds which tensor.")) from error
    if not 0 < len(shards) <= _MAX_SHARDS:
        raise InvalidError(_("This index names no file, or more than 1,000."), code="bad_index")
    return {"metadata": metadata}, [check_path(str(name)) for name in shards]


async def find_weights(
    db: AsyncSession, storage: BlobStore, repository: Repository, rev: str = MAIN
) -> Weights | None:
    """Return the main weights of a repository; None if it has none that can be read."""
    for path in (SINGLE, INDEX):
        try:
            return await read_weights(db, storage, repository, rev, path)
        except NotFoundError:
            continue
        except InvalidError as error:
            log.info("weights_unreadable", repository_id=repository.id, reason=error.message)
    return None
