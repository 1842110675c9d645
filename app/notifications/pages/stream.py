"""`/events`: one stream of server-sent events for each page that somebody looks at."""

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from app.core.errors import UnauthorizedError, UnavailableError
from app.core.http import WaitingSignedIn, database, recheck
from app.core.security import Viewer
from app.notifications import policy
from app.notifications.service import Streams

router = APIRouter()

KEEP_ALIVE_S = 15.0
RETRY_MS = 3000


@router.get("/events")
async def events(request: Request, viewer: WaitingSignedIn) -> StreamingResponse:
    """Tell how many notifications are unread, now and at each change.

    An event's id is the number of the newest notification. A stream begins with how things
    stand, so nothing is lost between two of them; it ends when the session does.
    """
    streams: Streams = request.app.state.streams
    streams.require_room(policy.require_person(viewer))
    return StreamingResponse(
        _lines(request, streams, viewer),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _lines(request: Request, streams: Streams, viewer: Viewer) -> AsyncIterator[str]:
    """Yield what one reader is told; no transaction is open while it waits."""
    yield f"retry: {RETRY_MS}\n\n"
    with streams.open(viewer.require_user(), viewer.session_id) as stream:
        while True:
            has_changed = await stream.wait(KEEP_ALIVE_S)
            if stream.is_closed or not (has_changed or await _is_welcome(request, viewer)):
                return
            if has_changed and (count := stream.count) is not None:
                told = f'{{"unread": {count.unread}}}'
                yield f"id: {count.newest}\nevent: notifications\ndata: {told}\n\n"
            else:
                yield ": still here\n\n"


async def _is_welcome(request: Request, viewer: Viewer) -> bool:
    """Whether the credential is still worth what it was; ends of sessions are heard of besides."""
    if viewer.session_id is not None:
        return True
    try:
        async with database(request).transaction() as db:
            await recheck(request, db, viewer)
    except (UnauthorizedError, UnavailableError):
        return False
    return True
