"""The request boundary: every failure becomes one answer, as a page or as JSON."""

from http import HTTPStatus
from urllib.parse import quote, urlencode

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.exc import DataError
from starlette.datastructures import URL
from starlette.exceptions import HTTPException

from app.core.errors import (
    AppError,
    ConfirmationNeededError,
    Detail,
    InvalidError,
    UnauthorizedError,
)
from app.core.i18n import _
from app.core.security import ANONYMOUS, Viewer
from app.core.templating import render

log = structlog.get_logger(__name__)

# Addresses that only programs ask for, whatever they accept.
_PROGRAM_PATHS = ("/api/", "/xet/", "/v1/", "/oauth/")


def install_error_handlers(app: FastAPI) -> None:
    """Answer AppError, validation errors, unknown addresses and surprises in one shape."""
    app.add_exception_handler(AppError, _app_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(DataError, _unstorable)
    app.add_exception_handler(UnicodeEncodeError, _unstorable)
    app.add_exception_handler(Exception, _surprise)


def wants_page(request: Request) -> bool:
    """Whether a person in a browser asks, rather than a program."""
    path = request.url.path
    if path.startswith(_PROGRAM_PATHS) or "/resolve/" in path or ".git/" in path:
        return False
    return "text/html" in request.headers.get("accept", "")


def answer(request: Request, status: int, body: dict[str, object]) -> Response:
    """Return a failure as a page or as JSON, whichever the caller reads."""
    headers = {
        "X-Error-Code": str(body["code"]),
        "X-Error-Message": quote(str(body["error"]), safe=" :;,.'\"()[]{}<>/?!@#$&*=+-_`~"),
    }
    body["incident"] = getattr(request.state, "request_id", "")
    if wants_page(request):
        viewer: Viewer = getattr(request.state, "viewer", ANONYMOUS)
        template = "errors/404.html" if status == HTTPStatus.NOT_FOUND else "errors/error.html"
        return render(request, template, viewer=viewer, status=status, error=body)
    return JSONResponse(body, status_code=status, headers=headers)


async def _app_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, AppError):
        raise error
    if isinstance(error, UnauthorizedError) and _may_sign_in(request):
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?{urlencode({'next': here})}", HTTPStatus.SEE_OTHER)
    if isinstance(error, ConfirmationNeededError) and wants_page(request):
        return RedirectResponse(f"/confirm?{urlencode({'next': _form_of(request)})}", 303)
    response = answer(request, error.status, error.body())
    response.headers.update(error.headers)
    return response


def _form_of(request: Request) -> str:
    """Return the page to come back to: this one, or the one with the form that was sent."""
    here = request.url
    if request.method != "GET":
        here = URL(request.headers.get("referer", "/"))
    return here.path + (f"?{here.query}" if here.query else "")


def _may_sign_in(request: Request) -> bool:
    """Whether the sign-in page helps: not if a token was refused, it would be refused there too."""
    if "authorization" in request.headers:
        return False
    return request.method == "GET" and wants_page(request)


async def _validation_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    details = [
        Detail(path=".".join(str(part) for part in item["loc"]), message=str(item["msg"]))
        for item in error.errors()
    ]
    where = ", ".join(detail.path for detail in details[:3])
    invalid = InvalidError(f"The request is not valid: {where}.", details=details)
    return answer(request, invalid.status, invalid.body())


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    message = "There is nothing at this address." if error.status_code == 404 else error.detail  # noqa: PLR2004  # the router's own answer
    response = answer(request, error.status_code, {"error": message, "code": "http"})
    response.headers.update(error.headers or {})
    return response


async def _unstorable(request: Request, error: Exception) -> Response:
    """Answer a value that no column holds: a NUL, half a character, a number beyond 64 bits."""
    log.warning("request_unstorable", path=request.url.path, exc_info=error)
    invalid = InvalidError(
        _("A value of the request cannot be stored."),
        fix=_("Send texts without NUL characters, and numbers of at most 64 bits."),
    )
    return answer(request, invalid.status, invalid.body())


async def _surprise(request: Request, error: Exception) -> Response:
    # The outer boundary of a request: the only place on the site that catches everything.
    log.error("request_failed", path=request.url.path, method=request.method, exc_info=error)
    body: dict[str, object] = {
        "error": "Something went wrong on our side.",
        "code": "internal",
        "fix": "Try again; if it stays, tell the administrator the incident number.",
    }
    return answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, body)
