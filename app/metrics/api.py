"""`/metrics`, for programs that collect numbers."""

import hmac
import ipaddress

from fastapi import APIRouter, Request, Response

from app.core.errors import NotFoundError
from app.core.http import database
from app.core.i18n import _
from app.core.settings import Settings
from app.metrics import service
from app.metrics.schemas import CONTENT_TYPE, written

router = APIRouter(tags=["metrics"])

# A proxy on the same machine speaks from loopback for everybody; it says so.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Return the numbers to whoever has the token, or, without one, to this machine alone."""
    state = request.app.state
    if not _may_read(request, state.settings):
        raise NotFoundError(_("There is no such page."))
    own = list(service.process_families(database(request), state.times, state.settings))
    site = await state.site_numbers.get(database(request), state.settings)
    return Response(written([*own, *site]), media_type=CONTENT_TYPE)


def _may_read(request: Request, settings: Settings) -> bool:
    token = settings.metrics_token.get_secret_value()
    if token:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), token.encode())
    if any(name in request.headers for name in _FORWARDED) or request.client is None:
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
