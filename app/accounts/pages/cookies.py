"""The cookies of the site: the session, a sign-in under way, the language, the theme."""

from fastapi import Request, Response

from app.accounts import service
from app.accounts.schemas import SignInMethod
from app.core import rate_limit
from app.core.db import AsyncSession

_YEAR_S = 365 * 24 * 3600
_CEREMONY_S = int(service.CEREMONY_LIFETIME.total_seconds())
_SESSION_S = int(service.LIFETIME.total_seconds())


def _set(request: Request, response: Response, name: str, value: str, max_age_s: int) -> None:
    response.set_cookie(
        name,
        value,
        max_age=max_age_s,
        path="/",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )


async def sign_in(
    db: AsyncSession,
    request: Request,
    response: Response,
    user_id: int,
    method: SignInMethod = SignInMethod.PASSWORD,
) -> None:
    """Start a session for the person and hand its secret to this browser alone."""
    name = service.session_cookie(request)
    agent = request.headers.get("user-agent", "")
    browser = service.Browser(agent, rate_limit.address_of(request), method)
    session = await service.start_session(db, user_id, browser, replaces=request.cookies.get(name))
    _set(request, response, name, session.secret, _SESSION_S)


def keep_ceremony(request: Request, response: Response, secret: str) -> None:
    """Let this browser, and no other, go on with a sign-in that is under way."""
    _set(request, response, _ceremony(request), secret, _CEREMONY_S if secret else 0)


def ceremony_of(request: Request) -> str:
    """Return the key of this browser's sign-in that is under way; empty when there is none."""
    return request.cookies.get(_ceremony(request), "")


def _ceremony(request: Request) -> str:
    return "__Host-ceremony" if request.url.scheme == "https" else "ceremony"


def forget_session(request: Request, response: Response) -> None:
    """Make the browser drop its session cookie."""
    _set(request, response, service.session_cookie(request), "", 0)


def keep_language(request: Request, response: Response, language: str) -> None:
    """Remember the language in this browser; the empty one lets the browser decide again."""
    _set(request, response, "lang", language, _YEAR_S if language else 0)


def keep_theme(request: Request, response: Response, theme: str) -> None:
    """Remember the theme in this browser."""
    _set(request, response, "theme", theme, _YEAR_S)


def change_places(request: Request, response: Response, secret: str) -> None:
    """Let another session stand in for the own one, which waits in a cookie of its own."""
    own = request.cookies.get(service.session_cookie(request), "")
    _set(request, response, _own_session(request), own, _SESSION_S)
    _set(request, response, service.session_cookie(request), secret, _SESSION_S)


def change_back(request: Request, response: Response) -> None:
    """Take the own session again."""
    own = request.cookies.get(_own_session(request), "")
    _set(request, response, service.session_cookie(request), own, _SESSION_S if own else 0)
    _set(request, response, _own_session(request), "", 0)


def _own_session(request: Request) -> str:
    return "__Host-own" if request.url.scheme == "https" else "own"
