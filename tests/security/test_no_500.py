"""Whatever is sent: an answer with an id, and an error that programs can read; never a surprise."""

import json
from collections.abc import Iterator
from random import Random

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.accounts.schemas import AccountRef
from app.core.db import Database
from app.core.storage import BlobStore
from app.hub.schemas import RepositoryKind
from app.main import routers
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.hub import make_repository
from tests.security.hostile import Answer, Request, api_routes, requests_for, send

# The first letters of an address; together they cover every route of programs.
GROUPS = {
    "repositories": ("/api/models/{owner}/{name}",),
    "lists": ("/api/models", "/api/datasets", "/{", "/datasets/{"),
    "ours": ("/api/v1/",),
    "rest": ("/api/", "/oauth/", "/xet/", "/v1/", "/lfs/"),
}
_KNOWN = {
    "owner": "ada", "name": "net", "rev": "main", "path": "README.md", "branch": "main",
    "tag": "main", "namespace": "ada", "user": "ada", "organization": "ada",
}  # fmt: skip
_PROGRAMS = ("/api/", "/oauth/", "/xet/", "/v1/", "/lfs/")
_HEADERS = {"x-error-message", "x-error-code"}
_FAILED, _BROKEN = 400, 500
# Left out on purpose, and a server behind the site that does not answer.
_EXPECTED = {501, 503}


def _routes(group: str) -> Iterator[tuple[str, str, APIRoute]]:
    """Yield the routes of a group: those that no group before it has."""
    earlier = [name for name in GROUPS if list(GROUPS).index(name) < list(GROUPS).index(group)]
    taken = tuple(prefix for name in earlier for prefix in GROUPS[name])
    seen: set[tuple[str, str]] = set()
    for method, path, route in api_routes(routers()):
        is_program = path.startswith(_PROGRAMS) or "/resolve/" in path or "info/lfs" in path
        # Data sets have the same routes as models.
        is_double = "/datasets/{owner}" in path or path.startswith("/datasets/")
        ours = path.startswith(GROUPS[group]) and not path.startswith(taken)
        if ours and is_program and not is_double and (method, path) not in seen:
            seen.add((method, path))
            yield method, path, route


def _complaint(request: Request, answer: Answer) -> str:
    """Return what is wrong with an answer; empty if nothing is."""
    if answer.status == 0 or (answer.status >= _BROKEN and answer.status not in _EXPECTED):
        return f"answered {answer.status}"
    if "x-request-id" not in answer.headers:
        return "has no X-Request-Id"
    if answer.status < _FAILED:
        return ""
    if request.path.startswith("/api/") and not answer.headers.keys() >= _HEADERS:
        return f"answered {answer.status} without X-Error-Code and X-Error-Message"
    return "" if request.method == "HEAD" or _names_error(answer.body) else "names no error"


def _names_error(body: bytes) -> bool:
    """Whether a program can read what was wrong; Git LFS calls it `message`."""
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    return isinstance(answer, dict) and bool(answer.get("error") or answer.get("message"))


@pytest.fixture
async def ada(app: FastAPI, database: Database) -> AccountRef:
    """An administrator with a model and a data set of her own."""
    storage: BlobStore = app.state.storage
    ada = await make_user(database, "ada", is_admin=True)
    for kind, name in ((RepositoryKind.MODEL, "net"), (RepositoryKind.DATASET, "data")):
        await make_repository(database, storage, ada, name, kind=kind, files={"README.md": b"#\n"})
    return ada


@pytest.mark.parametrize("group", GROUPS)
async def test_no_request_is_answered_with_a_surprise(
    app: FastAPI, database: Database, ada: AccountRef, group: str
) -> None:
    wrong: list[str] = []
    for number, (method, path, route) in enumerate(_routes(group)):
        # Some routes end sessions and take tokens back: each gets a token of its own.
        headers = bearer(await make_token(database, ada, "all", name=f"hostile{number}"))
        for request in requests_for(method, path, route, _KNOWN, Random(f"{method} {path}")):
            answer = await send(app, request, headers)
            if complaint := _complaint(request, answer):
                wrong.append(f"{request} {complaint}")
    assert wrong == []
