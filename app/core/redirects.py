"""Going on to another page."""

from http import HTTPStatus
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import RedirectResponse


def see(path: str) -> RedirectResponse:
    """Go on to another page after a form was accepted."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)


def to_sign_in(request: Request) -> RedirectResponse:
    """Ask a visitor to sign in, and come back here afterwards."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return see(f"/login?next={quote(here, safe='')}")
