"""Recognising a worker by the key that all workers of a site share."""

import hmac

from fastapi import Request

from app.core.errors import UnauthorizedError
from app.core.http import site_settings
from app.core.i18n import _


def bearer(request: Request) -> str:
    """Return the token of the Authorization header, empty if there is none."""
    scheme, _space, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def require_worker(request: Request) -> None:
    """Pass only if the caller knows the worker key.

    Raises:
        UnauthorizedError: it does not.
    """
    key = site_settings(request).worker_key.get_secret_value()
    if not key or not hmac.compare_digest(bearer(request).encode(), key.encode()):
        raise UnauthorizedError(
            _("This worker key is not valid."),
            fix=_("Give the worker the same TUNINGFORK_WORKER_KEY as the site."),
        )
