"""The addresses that git asks: `info/refs`, `git-upload-pack` and `git-receive-pack`."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from app.core.errors import ForbiddenError
from app.core.http import database, site_settings, storage_of
from app.core.i18n import _
from app.githost import receive_pack, upload_pack
from app.githost.access import Caller, in_plain_text, open_for_push, open_repository
from app.githost.bodies import body_stream, whole_body
from app.hub.service import packs

_routes = APIRouter(include_in_schema=False)
_NO_CACHE = {"Cache-Control": "no-cache, max-age=0, must-revalidate"}
_MAX_WISH_BYTES = 16 << 20


def _version(request: Request) -> int:
    """Return the newest version of the protocol that both sides speak."""
    return 2 if "version=2" in request.headers.get("git-protocol", "").split(":") else 0


@_routes.get("/{owner}/{name}/info/refs")
@in_plain_text
async def info_refs(
    request: Request, viewer: Caller, owner: str, name: str, service: str = ""
) -> Response:
    """Begin a fetch or a push: say which refs there are and what this site can do."""
    async with database(request).transaction() as db:
        if service == "git-upload-pack":
            repository = await open_repository(request, db, viewer, owner, name)
            refs = await packs.advertised_refs(db, repository)
            body = upload_pack.capabilities() if _version(request) else upload_pack.advertise(refs)
        elif service == "git-receive-pack":
            repository = await open_for_push(request, db, viewer, owner, name)
            body = receive_pack.advertise(await packs.advertised_refs(db, repository))
        else:
            raise ForbiddenError(
                _("This site speaks git's smart protocol only."),
                fix=_("Use git 1.6.6 or newer."),
            )
    media_type = f"application/x-{service}-advertisement"
    return Response(body, media_type=media_type, headers=_NO_CACHE)


@_routes.post("/{owner}/{name}/git-upload-pack")
@in_plain_text
async def fetch(request: Request, viewer: Caller, owner: str, name: str) -> Response:
    """Answer one message of a fetch; the last one is answered with a pack."""
    async with database(request).transaction() as db:
        repository = await open_repository(request, db, viewer, owner, name)
    body = await whole_body(request, _MAX_WISH_BYTES)
    answer = upload_pack.Fetch(database(request), storage_of(request), repository)
    return StreamingResponse(
        answer.answer(body, version=_version(request)),
        media_type="application/x-git-upload-pack-result",
        headers=_NO_CACHE,
    )


@_routes.post("/{owner}/{name}/git-receive-pack")
@in_plain_text
async def push(request: Request, viewer: Caller, owner: str, name: str) -> Response:
    """Take a push."""
    async with database(request).transaction() as db:
        repository = await open_for_push(request, db, viewer, owner, name)
    folder = site_settings(request).data_dir / "spool"
    sent = await receive_pack.spool(body_stream(request), folder)
    receiver = receive_pack.Receiver(database(request), storage_of(request), viewer, repository.id)
    return StreamingResponse(
        receiver.answer(sent),
        media_type="application/x-git-receive-pack-result",
        headers=_NO_CACHE,
    )


router = APIRouter(include_in_schema=False)
router.include_router(_routes, prefix="/datasets")
router.include_router(_routes)
