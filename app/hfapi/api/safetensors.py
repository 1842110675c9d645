"""The headers of weights, so that a client knows every tensor without a file."""

from typing import Any

from fastapi import APIRouter, Request

from app.core.http import Db, RepoReader, storage_of
from app.core.paths import plain
from app.hfapi.context import Readable
from app.hub import policy, service
from app.hub.schemas import MAIN

router = APIRouter(include_in_schema=False)


@router.get("/{owner}/{name}/safetensors-metadata/{path:path}")
async def safetensors_metadata(
    request: Request, db: Db, viewer: RepoReader, repository: Readable, path: str
) -> dict[str, Any]:
    """Return what an index says, and the header of every file that it names, on `main`."""
    await policy.require_files(db, viewer, repository)
    found = await service.read_weights(db, storage_of(request), repository, MAIN, plain(path))
    headers = {name: header.raw for name, header in found.headers.items()}
    return {"index": found.index, "headers": headers}
