"""Every address of the site as the application serves it, made into one that can be called."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from app.main import routers

VALUES = {
    "rev": "main", "path": "a.txt", "commit": "main", "branch": "side", "tag": "v9", "num": "1",
    "number": "1", "plural": "models", "status": "pending", "oid": "0" * 64, "spec": "main",
    "rest": "x", "lock": "1", "slug": "things-1", "namespace": "ada", "job_id": "1",
    "comment_id": "1", "attempt": "1", "webhook_id": "1", "import_id": "1", "upload_id": "1",
    "item_id": "1", "token_id": "1", "session_id": "1", "user": "ada", "generation": "g",
    "scope": "u1", "prefix": "default", "xorb_hash": "0" * 64, "chunk_hash": "0" * 64,
    "file_hash": "0" * 64,
}  # fmt: skip


@dataclass(frozen=True)
class Address:
    """One method of one route."""

    method: str
    path: str
    scopes: frozenset[str]

    def of(self, owner: str, name: str) -> str:
        """Return the address for a repository (or whatever `owner` and `name` mean there)."""
        given = {**VALUES, "owner": owner, "name": name}
        return re.sub(r"{(\w+)(?::\w+)?}", lambda found: given.get(found[1], "1"), self.path)

    @property
    def is_of_repository(self) -> bool:
        """Whether it names a repository, not another thing that has an owner and a name."""
        others = ("/api/buckets", "/buckets", "/collections", "/api/collections")
        return "{owner}/{name}" in self.path and not self.path.startswith(others)


def _scopes(dependant: Dependant) -> Iterator[str]:
    yield from dependant.own_oauth_scopes or ()
    for child in dependant.dependencies:
        yield from _scopes(child)


def _walk(parents: Iterable[APIRouter], prefix: str) -> Iterator[Address]:
    for parent in parents:
        for route in parent.routes:
            if isinstance(route, APIRoute):
                for method in sorted(route.methods - {"HEAD", "OPTIONS"}):
                    scopes = frozenset(_scopes(route.dependant))
                    yield Address(method, prefix + route.path, scopes)
            elif nested := getattr(route, "original_router", None):
                yield from _walk([nested], prefix + route.include_context.prefix)


def addresses() -> list[Address]:
    """Return every method of every route once."""
    return list(dict.fromkeys(_walk(routers(), "")))
