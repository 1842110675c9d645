"""Requests that no client sends, made from the table of routes, and one way to send them as bytes.

Paths go to the application as they would come from the wire: a client library would mend them.
"""

import asyncio
import contextlib
import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter

_TIMEOUT_S = 20
_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")

# What a person could type or a broken program could send, as it stands in an address.
SEGMENTS = [
    "%00", "a%00b", "%ff%fe", "%", "%zz", "..", "%2e%2e", "%2F..%2Fetc", "-1", "0", "1e9", "NaN",
    "9" * 30, "9223372036854775808", "x" * 3000, "%F0%9F%98%80", "%ED%A0%80", "%0d%0aX-Evil:%201",
    "'%20OR%201=1--", "refs%2Fheads%2Fmain", "refs%2Fpr%2F1", "@", "a%5Cb", "%20", "main^{tree}",
]  # fmt: skip
# The same for values of a query.
QUERIES = [
    *SEGMENTS, "", "true", "null", "[]", "{}", "W10=", "WyJhIl0=", "eyJhIjoxfQ==", "W251bGxd",
    "WzFd", "Wy0xXQ==", "WzllOTld", "WyJcdTAwMDAiXQ==", "min:6B,max:1B", "min:%00", "a,b,,c", "k=v",
]  # fmt: skip
# Values inside a JSON body.
VALUES: list[Any] = [
    None, True, -1, 0, 1.5, 2**31, 2**63, 2**64, 10**40, 1e308, float("nan"), "", " ", "\0", "a\0b",
    "\ud800", "x" * 5000, "../../etc", "\u202e", "9" * 30, "not base64!", "0" * 40, "f" * 64,
    "http://[", [], [None], [[]], ["\0"], ["a"] * 50, [{}], {}, {"\0": "\0"}, {"a": {"b": [1]}},
]  # fmt: skip
# Whole bodies; each is sent under some type, right or wrong.
BODIES = [
    b"", b"{", b"null", b"[]", b'"text"', b"1", b"\xff\xfe\x00", b"{}", b'{"a": 1e999}',
    b"[" * 2000,
    b'{"key": "header"}\n',
    b'{"key": "file", "value": {"path": "a", "content": "%%", "encoding": "base64"}}',
    b'{"key": "header", "value": []}\n{"key": 1}',
    b'{"key": "lfsFile", "value": {"path": "a", "oid": 5}}',
    b'{"key": "deletedFile", "value": {"path": "\\u0000"}}',
    b'{"key": "copyFile", "value": {"path": "a"}}',
    b"a=1&a=2&paths=%00&paths=&expand=maybe", b"\0" * 64, b"--x\r\n\r\n--x--",
    b"0032want " + b"0" * 40,
]  # fmt: skip
TYPES = [
    "application/json", "application/x-www-form-urlencoded", "application/x-ndjson",
    "multipart/form-data; boundary=x", "text/plain", "application/octet-stream",
    "application/json;charset=utf-9",
]  # fmt: skip


@dataclass(frozen=True)
class Request:
    """One request, as bytes where it matters."""

    method: str
    path: str
    query: str = ""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return what to look at when it was answered wrongly."""
        kind = self.headers.get("content-type", "")
        return f"{self.method} {self.path[:200]}?{self.query[:200]} {kind} {self.body[:300]!r}"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


def api_routes(
    parents: Iterable[APIRouter], prefix: str = ""
) -> Iterator[tuple[str, str, APIRoute]]:
    """Yield method, path and route of everything that a program may call."""
    for parent in parents:
        for route in parent.routes:
            if isinstance(route, APIRoute):
                for method in sorted(route.methods or ()):
                    yield method, prefix + route.path, route
            elif nested := getattr(route, "original_router", None):
                deeper = route.include_context.prefix  # type: ignore[attr-defined]  # of FastAPI's own wrapper
                yield from api_routes([nested], prefix + deeper)


def requests_for(
    method: str, path: str, route: APIRoute, known: Mapping[str, str], chance: random.Random
) -> Iterator[Request]:
    """Yield hostile requests to one route: each part of it wrong in turn, the others plausible."""
    plain = _filled(path, known, {})
    for name in _PARAMETER.findall(path):
        yield Request(method, _filled(path, known, {name: chance.choice(SEGMENTS)}))
    names = sorted(_query_names(route.dependant))
    for name in names:
        yield Request(method, plain, query=f"{name}={chance.choice(QUERIES)}")
    if names:
        pairs = [f"{name}={chance.choice(QUERIES)}" for name in (*names, *names)]
        yield Request(method, plain, query="&".join([*pairs, "=", "%ff=%ff"]))
    if method in {"POST", "PUT", "PATCH", "DELETE"}:
        yield from _with_bodies(method, plain, route, chance)


def _filled(path: str, known: Mapping[str, str], wrong: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        return wrong.get(name) or known.get(name, "1")

    kind = {"name": "data"} if "/datasets/" in path else {}
    known = {**known, **kind}
    return _PARAMETER.sub(value, path)


def _query_names(dependant: Dependant) -> set[str]:
    names: set[str] = set()
    for parameter in dependant.query_params:
        annotation = parameter.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            fields = annotation.model_fields.items()
            names |= {info.alias or name for name, info in fields}
        else:
            names.add(parameter.alias)
    for child in dependant.dependencies:
        names |= _query_names(child)
    return names


def _with_bodies(
    method: str, path: str, route: APIRoute, chance: random.Random
) -> Iterator[Request]:
    for body in chance.sample(BODIES, 2):
        yield Request(method, path, "", body, {"content-type": chance.choice(TYPES)})
    for message in _messages(route, chance):
        raw = json.dumps(message).encode()
        yield Request(method, path, "", raw, {"content-type": "application/json"})


def _messages(route: APIRoute, chance: random.Random) -> Iterator[dict[str, Any]]:
    schema = _body_schema(route)
    fields: dict[str, Any] = schema.get("properties", {})
    plausible = {name: _plausible(fields[name], schema) for name in fields}
    for name in sorted(fields):
        yield {**plausible, name: chance.choice(VALUES)}
    if fields:
        yield {name: chance.choice(VALUES) for name in sorted(fields)}


def _body_schema(route: APIRoute) -> dict[str, Any]:
    annotation: Any = route.body_field and route.body_field.field_info.annotation
    if annotation is None:
        return {}
    try:
        return TypeAdapter(annotation).json_schema()
    except (TypeError, ValueError):
        return {}


_SIMPLE: dict[Any, Any] = {"string": "main", "integer": 1, "number": 1, "boolean": True}
_DEEPEST = 4


def _plausible(shape: Mapping[str, Any], schema: Mapping[str, Any], depth: int = 0) -> Any:
    """Return a value of this shape, so that what is wrong elsewhere gets far."""
    if "$ref" in shape:
        shape = schema.get("$defs", {}).get(str(shape["$ref"]).rsplit("/", 1)[-1], {})
    choices = [one for one in shape.get("anyOf", []) if one.get("type") != "null"]
    if choices:
        return _plausible(choices[0], schema, depth)
    if options := shape.get("enum"):
        return options[0]
    kind = shape.get("type")
    if depth < _DEEPEST and kind == "array":
        return [_plausible(shape.get("items", {}), schema, depth + 1)]
    if depth < _DEEPEST and kind == "object":
        fields = shape.get("properties", {})
        return {name: _plausible(fields[name], schema, depth + 1) for name in fields}
    return _SIMPLE.get(kind, {})


async def send(app: FastAPI, request: Request, headers: Mapping[str, str]) -> Answer:
    """Call the application as a server does, with the path exactly as given.

    Raises:
        TimeoutError: no answer was completed.
    """
    out: list[dict[str, Any]] = []
    bodies = iter([{"type": "http.request", "body": request.body, "more_body": False}])

    async def receive() -> Any:
        for message in bodies:
            return message
        await asyncio.Event().wait()
        return None

    async def answer(message: Any) -> None:
        out.append(message)

    sent = {"host": "testserver", "content-length": str(len(request.body))}
    sent |= {**headers, **request.headers}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http",
        "method": request.method, "path": request.path, "raw_path": request.path.encode(),
        "query_string": request.query.encode(), "root_path": "", "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
        "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
    }  # fmt: skip
    async with asyncio.timeout(_TIMEOUT_S):
        # What is raised behind an answer is for a server's log: here the answer is looked at.
        with contextlib.suppress(Exception):
            await app(scope, receive, answer)
    start: dict[str, Any] = out[0] if out else {"status": 0, "headers": []}
    named = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], named, b"".join(message.get("body", b"") for message in out))
