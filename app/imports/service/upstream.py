"""Asking another hub, in the protocol that Hugging Face clients speak."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote, urlsplit

import httpx

from app.core.errors import AppError, ForbiddenError, InvalidError, NotFoundError
from app.core.i18n import _
from app.core.safe_fetch import OutboundError, safe_stream
from app.core.settings import Settings
from app.hub import service as hub
from app.hub.schemas import RepositoryKind
from app.imports.upstreams import Upstream

MAX_FILES = 100_000
_MAX_ANSWER = 32 << 20
_TIMEOUT_S = 30.0
_NEXT = re.compile(r'<([^<>]+)>\s*;\s*rel="?next"?')


@dataclass(frozen=True)
class RemoteFile:
    """A file on the other hub: git's id, and for a large one its sha256."""

    path: str
    size: int
    oid: str
    sha256: str | None


@dataclass(frozen=True)
class Source:
    """A repository on the other hub."""

    kind: RepositoryKind
    name: str

    @property
    def api(self) -> str:
        """The start of its addresses in the API."""
        return f"/api/{self.kind.plural}/{self.name}"

    @property
    def web(self) -> str:
        """The path of its page."""
        return f"/{self.kind.web_prefix}{self.name}"


class Remote:
    """One repository on another hub, read with one person's token."""

    def __init__(self, settings: Settings, upstream: Upstream, source: Source, token: str) -> None:
        self._settings = settings
        self._upstream = upstream
        self.source = source
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    @property
    def page(self) -> str:
        """The address of the repository's page there."""
        return self._upstream.url + self.source.web

    async def commit(self, revision: str) -> str:
        """Return the commit that `revision` names there now.

        Raises:
            AppError: there is none, or the token does not open it, or the hub does not answer.
        """
        path = f"{self.source.api}/revision/{quote(revision, safe='')}"
        told, _next = await self._json(self._upstream.url + path)
        sha = told.get("sha") if isinstance(told, dict) else None
        if not isinstance(sha, str) or not hub.is_oid(sha):
            raise _strange()
        return sha

    async def files(self, commit: str) -> list[RemoteFile]:
        """Return every file of a commit.

        Raises:
            InvalidError: too many files, or one that no repository here may hold.
        """
        found: list[RemoteFile] = []
        url: str | None = f"{self._upstream.url}{self.source.api}/tree/{commit}?recursive=true"
        while url is not None:
            told, url = await self._json(url)
            if not isinstance(told, list):
                raise _strange()
            found += [_file(one) for one in told if _kind(one) == "file"]
            if len(found) > MAX_FILES:
                raise InvalidError(
                    _("This repository has more than %(n)d files.") % {"n": MAX_FILES}
                )
        return found

    async def read(self, commit: str, file: RemoteFile, start: int = 0) -> "Reading":
        """Return the bytes of a file from `start` on, to be read as they come."""
        path = f"{self.source.web}/resolve/{commit}/{quote(file.path)}"
        headers = {**self._headers, **({"Range": f"bytes={start}-"} if start else {})}
        return Reading(self._settings, self._upstream.url + path, headers, start)

    async def _json(self, url: str) -> tuple[object, str | None]:
        body = bytearray()
        async with safe_stream(
            self._settings, "GET", url, headers=self._headers, timeout_s=_TIMEOUT_S
        ) as answer:
            check_status(answer)
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > _MAX_ANSWER:
                    raise _strange()
        try:
            told = json.loads(body)
        except ValueError as error:
            raise _strange() from error
        return told, self._next(answer.headers)

    def _next(self, headers: Mapping[str, str]) -> str | None:
        match = _NEXT.search(headers.get("link", ""))
        if match is None:
            return None
        # The token goes along, so the next page must be on the same hub.
        if _origin(match[1]) != _origin(self._upstream.url):
            raise _strange()
        return match[1]


class Reading:
    """The bytes of one file, from `start` on; `restarts` if the hub sent them from the start."""

    def __init__(
        self, settings: Settings, url: str, headers: Mapping[str, str], start: int
    ) -> None:
        self._settings, self._url, self._headers = settings, url, headers
        self._start = start
        self.restarts = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncIterator[bytes]]:
        """Give the bytes as they come."""
        async with safe_stream(
            self._settings, "GET", self._url, headers=self._headers, timeout_s=_TIMEOUT_S
        ) as answer:
            check_status(answer)
            self.restarts = bool(self._start) and answer.status_code != HTTPStatus.PARTIAL_CONTENT
            yield answer.aiter_bytes()


def check_status(answer: httpx.Response) -> None:
    """Pass only if the other hub sent what was asked for.

    Raises:
        ForbiddenError: it does not let this token in.
        NotFoundError: it has no such thing for this token.
        OutboundError: it has trouble of its own; trying again helps.
    """
    status = answer.status_code
    if status in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
        return
    if answer.headers.get("x-error-code") == "GatedRepo":
        raise ForbiddenError(
            _("The other hub asks you to request access to this repository first."),
            fix=_("Request access on its page there, then try again with your token."),
            code="upstream_gated",
        )
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise ForbiddenError(
            _("The other hub does not let this token in, or there is no such repository."),
            fix=_("Check the name, and the token that you made there."),
            code="upstream_forbidden",
        )
    if status == HTTPStatus.NOT_FOUND:
        raise NotFoundError(
            _("The other hub has no such repository or revision, as far as it tells you."),
            fix=_("Check the name; a private repository needs a token that you made there."),
            code="upstream_not_found",
        )
    raise OutboundError(
        _("The other hub answered with status %(status)d.") % {"status": status},
        fix=_("Try again later; what has arrived is kept."),
        code="upstream_failed",
    )


def is_lasting(error: AppError) -> bool:
    """Whether asking the other hub again would give the same answer."""
    return not isinstance(error, OutboundError)


def _kind(one: object) -> str:
    if not isinstance(one, dict):
        raise _strange()
    return str(one.get("type"))


def _file(one: dict[str, object]) -> RemoteFile:
    path, size, oid = one.get("path"), one.get("size"), one.get("oid")
    lfs = one.get("lfs")
    sha256 = lfs.get("oid") if isinstance(lfs, dict) else None
    if isinstance(lfs, dict):
        size = lfs.get("size", size)
    if not isinstance(path, str) or not isinstance(oid, str) or not isinstance(size, int):
        raise _strange()
    if (
        size < 0
        or not hub.is_oid(oid)
        or (lfs and not (isinstance(sha256, str) and hub.is_sha256(sha256)))
    ):
        raise _strange()
    return RemoteFile(hub.check_path(path), size, oid, sha256 if isinstance(sha256, str) else None)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _strange() -> InvalidError:
    return InvalidError(
        _("The other hub answered in a way that this site does not understand."),
        fix=_("Ask the administrator whether its address is right."),
        code="upstream_strange",
    )
