"""The write side of Xet: a token, bundles, and shards that turn them into files."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from app.core.errors import InvalidError, NotFoundError, UnauthorizedError
from app.core.http import Db, RepoReader, RepoWriter, database, storage_of
from app.core.security import Viewer
from app.core.storage import BlobStore
from app.hfapi.context import base_url, find_repository, signing_key, writable
from app.hfapi.signing import Grant, expiry, issue, read
from app.hub.policy import access_by_id
from app.hub.service import Repository, is_sha256, xet_files
from app.hub.service.xet_files import ShardFile

router = APIRouter(include_in_schema=False)
cas_router = APIRouter(prefix="/xet/{generation}/{scope}", include_in_schema=False)

_WRITE = "xet-write"
_READ = "xet-read"


@router.get("/{owner}/{name}/xet-write-token/{rev}")
async def write_token(
    request: Request, db: Db, viewer: RepoWriter, owner: str, name: str, rev: str
) -> Response:
    """Return where and with which token a writer of this repository sends chunks."""
    del rev
    repository = await writable(request, db, viewer, owner, name)
    generation = await xet_files.store_generation(db)
    return _token(request, viewer, repository, generation, _WRITE)


@router.get("/{owner}/{name}/xet-read-token/{rev}")
async def read_token(
    request: Request, db: Db, viewer: RepoReader, owner: str, name: str, rev: str
) -> Response:
    """Return a token that names the reader; files themselves come by plain HTTP here."""
    del rev
    repository = await find_repository(request, db, viewer, owner, name)
    generation = await xet_files.store_generation(db)
    return _token(request, viewer, repository, generation, _READ)


def _token(
    request: Request, viewer: Viewer, repository: Repository, generation: str, action: str
) -> Response:
    ends = expiry()
    grant = Grant(action, viewer.user_id or 0, repository.id, ends)
    token = issue(signing_key(request), grant)
    # Clients remember what they sent by this address: a wiped store and another person get another.
    cas_url = f"{base_url(request)}/xet/{generation}/u{viewer.user_id or 0}"
    return JSONResponse(
        {"accessToken": token, "exp": ends, "casUrl": cas_url},
        headers={
            "X-Xet-Access-Token": token,
            "X-Xet-Token-Expiration": str(ends),
            "X-Xet-Cas-Url": cas_url,
            "Cache-Control": "no-store",
        },
    )


async def writer(request: Request) -> Grant:
    """Return what the Xet token of this request allows; no other credential counts here.

    Raises:
        UnauthorizedError: there is none, or it has expired.
    """
    kind, _space, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        raise UnauthorizedError("Send the Xet token as a Bearer credential.")
    return read(signing_key(request), token, _WRITE)


Writer = Annotated[Grant, Depends(writer)]


@cas_router.post("/v1/xorbs/{prefix}/{xorb_hash}")
async def put_xorb(request: Request, grant: Writer, prefix: str, xorb_hash: str) -> dict[str, bool]:
    """Take a bundle; every chunk in it is checked."""
    del prefix
    storage = storage_of(request)
    if not is_sha256(xorb_hash):  # the same spelling: 64 lower-case hex digits
        raise InvalidError("A xorb's hash has 64 lower-case hexadecimal digits.")
    received = await xet_files.receive_xorb(storage, request.stream(), xorb_hash)
    async with database(request).transaction() as db:
        is_new = await xet_files.record_xorb(db, grant.user_id, received)
    if not is_new:
        await storage.delete(received.key)
    return {"was_inserted": is_new}


@cas_router.post("/v1/shards")
async def put_shard(request: Request, grant: Writer) -> dict[str, int]:
    """Take a shard: check its proofs, rebuild each file, and let the repository use it."""
    storage = storage_of(request)
    for file in await xet_files.read_shard(request.stream()):
        await _take_file(request, storage, grant, file)
    return {"result": 1}


async def _take_file(request: Request, storage: BlobStore, grant: Grant, file: ShardFile) -> None:
    if file.size > request.app.state.settings.max_upload_bytes:
        raise InvalidError("A file of this shard is larger than the site accepts.")
    async with database(request).transaction() as db:
        verified = await xet_files.verify_file(db, grant.user_id, file)
    key, _digest = await xet_files.rebuild(storage, verified)
    async with database(request).transaction() as db:
        holder = Viewer(
            user_id=grant.user_id, is_admin=True, only_repos=frozenset({grant.repository_id})
        )
        repository = await access_by_id(db, holder, grant.repository_id)
        await xet_files.record_file(db, repository, grant.user_id, file, key)


@cas_router.api_route("/{rest:path}", methods=["GET", "POST", "PUT", "HEAD"])
async def not_kept(_grant: Writer, rest: str) -> Any:
    """Answer every other call of the protocol as not there; clients then do without."""
    del rest
    raise NotFoundError("This site does not answer this part of the Xet protocol.")
