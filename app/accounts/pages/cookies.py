"""The three cookies of the site: the session, the language, the theme."""

from fastapi import Request, Response

from app.accounts import service
from app.core.db import AsyncSession

_YEAR_S = 365 * 24 * 3600
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


async def sign_in(db: AsyncSession, request: Request, response: Response, user_id: int) -> None:
    """Start a session for the person and hand its secret to this browser alone."""
    name = service.session_cookie(request)
    agent = request.headers.get("user-agent", "")
    session = await service.start_session(db, user_id, agent, replaces=request.cookies.get(name))
    _set(request, response, name, session.secret, _SESSION_S)


def forget_session(request: Request, response: Response) -> None:
    """Make the browser drop its session cookie."""
    _set(request, response, service.session_cookie(request), "", 0)


def keep_language(request: Request, response: Response, language: str) -> None:
    """Remember the language in this browser; the empty one lets the browser decide again."""
    _set(request, response, "lang", language, _YEAR_S if language else 0)


def keep_theme(request: Request, response: Response, theme: str) -> None:
    """Remember the theme in this browser."""
    _set(request, response, "theme", theme, _YEAR_S)
