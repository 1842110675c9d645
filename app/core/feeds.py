"""Lists as feeds: Atom (RFC 4287) and JSON Feed 1.1, at the list's address with an ending.

A feature gives entries; `feed` puts them at `PATH.atom` and `PATH.json`, with what readers need to
ask again cheaply.
"""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import wraps
from typing import Any
from urllib.parse import urlencode, urlsplit
from weakref import WeakSet
from xml.etree import ElementTree as ET

from fastapi import APIRouter, Request, Response

from app.core.http import site_address

ENTRIES = 30
# The word in an address that stands for its reader; never part of what a feed calls itself.
KEY = "feed_key"
_ATOM = "http://www.w3.org/2005/Atom"
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)
# What XML cannot hold at all, not even escaped.
_UNSPEAKABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TYPES = {"atom": "application/atom+xml; charset=utf-8", "json": "application/feed+json"}
_MOST_SUMMARY = 2000
_FEEDS: WeakSet[Callable[..., Any]] = WeakSet()


@dataclass(frozen=True)
class Entry:
    """One thing in a feed. `key` names it for ever (`model/12`); `address` begins with a slash."""

    key: str
    title: str
    address: str
    updated: datetime
    published: datetime
    author: str = ""
    summary: str = ""
    language: str = ""


@dataclass(frozen=True)
class Feed:
    """A list as a feed; `address` is the page that shows the same."""

    title: str
    address: str
    entries: Sequence[Entry]

    @property
    def updated(self) -> datetime:
        """When something in it changed last."""
        return max((entry.updated for entry in self.entries), default=_NEVER)


def unique(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries without those that name a thing again: an id stands once in a feed."""
    return list({entry.key: entry for entry in reversed(entries)}.values())[::-1]


Maker = Callable[..., Awaitable[Feed]]


def feed(router: APIRouter, path: str) -> Callable[[Maker], Maker]:
    """Serve what a function returns at `path.atom` and `path.json`.

    The function is a route like any other: it names its viewer, and takes a `request`.
    """

    def register(make: Maker) -> Maker:
        for form in _TYPES:
            answer = _answering(make, form)
            _FEEDS.add(answer)
            router.add_api_route(
                f"{path}.{form}",
                answer,
                methods=["GET"],
                response_class=Response,
                response_model=None,
                name=f"{make.__name__}_{form}",
                include_in_schema=False,
            )
        return make

    return register


def is_feed(request: Request) -> bool:
    """Whether what answers this request is a feed, whatever its address ends with."""
    return request.method == "GET" and request.scope.get("endpoint") in _FEEDS


def _answering(make: Maker, form: str) -> Callable[..., Awaitable[Response]]:
    @wraps(make)
    async def answer(*arguments: Any, **named: Any) -> Response:
        request: Request = named["request"]
        return _answer(request, await make(*arguments, **named), form)

    return answer


def _answer(request: Request, made: Feed, form: str) -> Response:
    entries = [replace(entry, summary=entry.summary[:_MOST_SUMMARY]) for entry in made.entries]
    made = replace(made, entries=entries)
    body = _atom(request, made) if form == "atom" else _json(request, made)
    headers = {
        "ETag": f'"{hashlib.sha256(body).hexdigest()[:32]}"',
        "Last-Modified": format_datetime(made.updated.astimezone(UTC), usegmt=True),
        # What somebody may see is theirs; whoever keeps it asks each time, which costs no body.
        "Cache-Control": "private, no-cache",
        "Vary": "Accept-Language, Authorization, Cookie",
    }
    if _is_known(request, headers["ETag"], made.updated):
        return Response(status_code=304, headers=headers)
    return Response(body, headers={**headers, "Content-Type": _TYPES[form]})


def _is_known(request: Request, etag: str, updated: datetime) -> bool:
    if known := request.headers.get("if-none-match"):
        return known.strip() == "*" or etag in {
            one.strip().removeprefix("W/") for one in known.split(",")
        }
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
    except (ValueError, OverflowError):
        return False
    since = since if since.tzinfo else since.replace(tzinfo=UTC)
    return updated.replace(microsecond=0) <= since


def list_address(request: Request) -> str:
    """Return the address of the page that a feed belongs to."""
    path, _dot, _form = _path(request).rpartition(".")
    return path + _query(request)


def _path(request: Request) -> str:
    return str(request.scope.get("raw_path", request.url.path.encode()).decode("latin-1"))


def _query(request: Request) -> str:
    pairs = [(name, value) for name, value in request.query_params.multi_items() if name != KEY]
    return f"?{urlencode(pairs)}" if pairs else ""


def _self_address(request: Request) -> str:
    return site_address(request) + _path(request) + _query(request)


def _tag(request: Request, key: str) -> str:
    """Return an id that stays whatever becomes of titles and addresses (RFC 4151)."""
    host = urlsplit(site_address(request)).hostname or "localhost"
    return f"tag:{host},2026:{key}"


def _said(text: str) -> str:
    return _UNSPEAKABLE.sub("�", text)


def _add(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
    made = ET.SubElement(parent, f"{{{_ATOM}}}{name}", attributes)
    made.text = _said(text) or None
    return made


def _atom(request: Request, made: Feed) -> bytes:
    ET.register_namespace("", _ATOM)
    site, own = site_address(request), _self_address(request)
    root = ET.Element(f"{{{_ATOM}}}feed")
    _add(root, "id", own)
    _add(root, "title", made.title)
    _add(root, "updated", made.updated.isoformat())
    _add(root, "link", rel="self", type="application/atom+xml", href=own)
    _add(root, "link", rel="alternate", type="text/html", href=site + made.address)
    _add(_add(root, "author"), "name", "Tuningfork")
    for entry in made.entries:
        _atom_entry(request, root, entry)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _atom_entry(request: Request, root: ET.Element, entry: Entry) -> None:
    made = _add(root, "entry")
    if entry.language:
        made.set("{http://www.w3.org/XML/1998/namespace}lang", entry.language)
    _add(made, "id", _tag(request, entry.key))
    _add(made, "title", entry.title)
    _add(made, "updated", entry.updated.isoformat())
    _add(made, "published", entry.published.isoformat())
    _add(
        made, "link", rel="alternate", type="text/html", href=site_address(request) + entry.address
    )
    if entry.author:
        _add(_add(made, "author"), "name", entry.author)
    if entry.summary:
        _add(made, "summary", entry.summary, type="text")


def _json(request: Request, made: Feed) -> bytes:
    told = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": made.title,
        "home_page_url": site_address(request) + made.address,
        "feed_url": _self_address(request),
        "items": [_json_item(request, entry) for entry in made.entries],
    }
    return json.dumps(told, ensure_ascii=False).encode()


def _json_item(request: Request, entry: Entry) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": _tag(request, entry.key),
        "url": site_address(request) + entry.address,
        "title": entry.title,
        "content_text": entry.summary or entry.title,
        "date_published": entry.published.isoformat(),
        "date_modified": entry.updated.isoformat(),
    }
    if entry.author:
        item["authors"] = [{"name": entry.author}]
    if entry.language:
        item["language"] = entry.language
    return item
