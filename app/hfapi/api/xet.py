"""Xet: tokens, bundles, shards that turn them into files, and the way back for readers."""

from typing import Annotated, Any, cast

from fastapi import APIRouter, BackgroundTasks, Depends, Request, Response
from fastapi.responses import JSONResponse

from app.accounts import service as accounts
from app.buckets import policy as buckets
from app.buckets import service as bucket_files
from app.core.errors import InvalidError, NotFoundError, UnauthorizedError
from app.core.http import Db, RepoReader, RepoWriter, database, storage_of
from app.core.runtime import Flag
from app.core.security import Viewer
from app.hfapi.context import base_url, find_repository, rev_of, signing_key
from app.hfapi.signing import READ_LIFETIME_S, WRITE_LIFETIME_S, Grant, expiry, issue, read
from app.hub import policy
from app.hub.service import Repository, is_sha256, quotas, xet_files, xet_sharing
from app.hub.service.xet_files import ShardFile
from app.hub.service.xet_trails import Trail, Trails

router = APIRouter(include_in_schema=False)
cas_router = APIRouter(prefix="/xet/{generation}/{scope}", include_in_schema=False)

WRITE = "xet-write"
READ = "xet-read"


@router.get("/{owner}/{name}/xet-write-token/{rev}")
async def write_token(  # what the address and the query name
    request: Request, db: Db, viewer: RepoWriter, owner: str, name: str, rev: str
) -> Response:
    """Return where and with which token chunks for a branch or a pull request are sent."""
    await accounts.require_switch(db, Flag.UPLOADS, viewer.user_id)
    repository = await find_repository(request, db, viewer, owner, name)
    if request.query_params.get("create_pr", "") in {"1", "true", "True"}:
        allowed = await policy.may_propose(db, viewer, repository)
    else:
        allowed = await policy.may_commit_to(db, viewer, repository, rev_of(rev))
    if not allowed:
        raise policy.forbidden()
    generation = await xet_files.store_generation(db)
    return _token(request, viewer, repository, generation, WRITE)


@router.get("/{owner}/{name}/xet-read-token/{rev}")
async def read_token(
    request: Request, db: Db, viewer: RepoReader, owner: str, name: str, rev: str
) -> Response:
    """Return where and with which token the files of this repository are fetched."""
    del rev
    repository = await find_repository(request, db, viewer, owner, name)
    await policy.require_files(db, viewer, repository)
    generation = await xet_files.store_generation(db)
    return _token(request, viewer, repository, generation, READ)


def _token(
    request: Request, viewer: Viewer, repository: Repository, generation: str, action: str
) -> Response:
    narrow = viewer.only_repos is not None
    ends = token_expiry(action)
    grant = Grant(action, viewer.user_id or 0, repository.id, ends, narrow=narrow)
    return token_answer(request, viewer, generation, grant)


def token_expiry(action: str) -> int:
    """Return when a token made now ends; clients know the address that gives them the next one."""
    return expiry(READ_LIFETIME_S if action == READ else WRITE_LIFETIME_S)


def token_answer(request: Request, viewer: Viewer, generation: str, grant: Grant) -> Response:
    """Return a token and where it is good, in the body and in headers: clients read either."""
    ends, token = grant.expires, issue(signing_key(request), grant)
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


def granted(request: Request, action: str) -> Grant:
    """Return what the Xet token of this request allows; no other credential counts here.

    Raises:
        UnauthorizedError: there is none, it has expired, or it is for something else.
    """
    kind, _space, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        raise UnauthorizedError("Send the Xet token as a Bearer credential.")
    return read(signing_key(request), token, action)


async def writer(request: Request) -> Grant:
    """Return what a token for sending allows.

    Raises:
        UnauthorizedError: there is none, or it has expired.
    """
    return granted(request, WRITE)


Writer = Annotated[Grant, Depends(writer)]


@cas_router.post("/v1/xorbs/{prefix}/{xorb_hash}")
async def put_xorb(
    request: Request, grant: Writer, after: BackgroundTasks, prefix: str, xorb_hash: str
) -> dict[str, bool]:
    """Take a bundle; every chunk in it is checked."""
    del prefix
    await _require_room(request, grant)
    storage, trail = storage_of(request), _trails(request).of(_sender(request, grant))
    trail.expect(check_hash(xorb_hash))
    received = await xet_files.receive_xorb(storage, request.stream(), xorb_hash)
    async with database(request).transaction() as db:
        is_new = await xet_files.record_xorb(db, grant.user_id, received)
    if is_new:
        trail.arrived(received.hash, received.key, received.chunks)
        after.add_task(trail.follow, storage)
    else:
        await storage.delete(received.key)
    return {"was_inserted": is_new}


async def _require_room(request: Request, grant: Grant) -> None:
    """Check before a bundle arrives that what it is for may still grow."""
    length = request.headers.get("content-length", "")
    arriving = int(length) if length.isdecimal() else 0
    async with database(request).transaction() as db:
        if grant.bucket_id:
            bucket = await buckets.access_by_id(db, bucket_holder(grant), grant.bucket_id)
            owner_id = bucket.owner_id
        else:
            repository = await policy.access_by_id(db, holder(grant), grant.repository_id)
            owner_id = repository.owner_id
        await quotas.require_room(db, owner_id, arriving, bundle_of=grant.user_id)


def _trails(request: Request) -> Trails:
    return cast("Trails", request.app.state.xet_trails)


def _sender(request: Request, grant: Grant) -> tuple[int, str]:
    """Return by what bundles of one upload are known to belong together; a hint and no right."""
    return grant.user_id, request.headers.get("x-xet-session-id", "")[:100]


def check_hash(text: str) -> str:
    """Return a hash of the protocol from an address.

    Raises:
        InvalidError: it is none.
    """
    if not is_sha256(text):  # the same spelling: 64 lower-case hex digits
        raise InvalidError("A Xet hash has 64 lower-case hexadecimal digits.")
    return text


@cas_router.get("/v1/chunks/{prefix}/{chunk_hash}")
async def find_chunk(db: Db, grant: Writer, prefix: str, chunk_hash: str) -> Response:
    """Answer in which bundles a chunk lies, so that it need not be sent again."""
    del prefix
    chunk = check_hash(chunk_hash)
    sender = Viewer(user_id=grant.user_id)
    shard = None if grant.narrow else await xet_sharing.answer_chunk(db, sender, chunk)
    if shard is None:
        raise NotFoundError("This chunk is not known here.")
    return Response(shard, media_type="application/octet-stream")


@cas_router.post("/v1/shards")
async def put_shard(request: Request, grant: Writer) -> dict[str, int]:
    """Take a shard: check its proofs and each file's content, and let the repository use them."""
    trail = _trails(request).end(_sender(request, grant))
    for file in await xet_files.read_shard(request.stream()):
        await _take_file(request, grant, file, trail)
    return {"result": 1}


async def _take_file(request: Request, grant: Grant, file: ShardFile, trail: Trail) -> None:
    if file.size > request.app.state.settings.max_upload_bytes:
        raise InvalidError("A file of this shard is larger than the site accepts.")
    sender = Viewer(user_id=grant.user_id)
    async with database(request).transaction() as db:
        verified = await xet_files.verify_file(db, sender, file, may_share=not grant.narrow)
    sha256 = await xet_files.check_content(storage_of(request), verified, trail)
    async with database(request).transaction() as db:
        if grant.bucket_id:
            bucket = await buckets.access_by_id(db, bucket_holder(grant), grant.bucket_id)
            await bucket_files.receive_file(db, bucket, verified, sha256)
            return
        repository = await policy.access_by_id(db, holder(grant), grant.repository_id)
        await xet_files.record_file(db, repository, grant.user_id, verified)


def holder(grant: Grant) -> Viewer:
    """Return whom a token was made for; the right was checked when it was made."""
    only = frozenset({grant.repository_id})
    return Viewer(user_id=grant.user_id or None, is_admin=True, only_repos=only)


def bucket_holder(grant: Grant) -> Viewer:
    """Return whom a bucket's token was made for; without an account only a public one is there."""
    return Viewer(user_id=grant.user_id or None, is_admin=True)


async def anyone(request: Request) -> Grant:
    """Return what a Xet token allows, whichever way it is for."""
    try:
        return granted(request, READ)
    except UnauthorizedError:
        return granted(request, WRITE)


@cas_router.api_route("/{rest:path}", methods=["GET", "POST", "PUT", "HEAD"])
async def not_kept(_grant: Annotated[Grant, Depends(anyone)], rest: str) -> Any:
    """Answer every other call of the protocol as not there; clients then do without."""
    del rest
    raise NotFoundError("This site does not answer this part of the Xet protocol.")
