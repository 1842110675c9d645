"""Two addresses for whoever watches the process."""

import re
from functools import lru_cache

from fastapi import APIRouter, Request
from sqlalchemy import text

from app.core.db import Database
from app.core.errors import UnavailableError
from app.core.files import resource_dir
from app.core.http import database

router = APIRouter(tags=["health"])

_REVISION = re.compile(r"^(revision|down_revision)\b[^=]*=\s*['\"](\w+)['\"]", re.MULTILINE)


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(request: Request) -> dict[str, str]:
    """Say that the database answers too, with a schema as new as this code; 503 otherwise."""
    await _require_schema(database(request))
    return {"status": "ready"}


async def _require_schema(database: Database) -> None:
    """Pass unless the schema is older than this code: a newer one is made to fit it too."""
    asked = "SELECT to_regclass('alembic_version') IS NOT NULL"
    async with database.transaction() as db:
        if not await db.scalar(text(asked)):
            return  # made without migrations, as tests do
        current = await db.scalar(text("SELECT version_num FROM alembic_version"))
    head, known = _revisions()
    if current != head and (current is None or current in known):
        raise UnavailableError(
            "The database is being brought up to date.",
            fix="Try again in a minute; `tuningfork migrate` does it when nothing else does.",
            headers={"Retry-After": "5"},
        )


@lru_cache
def _revisions() -> tuple[str, frozenset[str]]:
    """Return the newest revision that this code knows, and all of them."""
    found = {"revision": set[str](), "down_revision": set[str]()}
    for file in (resource_dir("migrations") / "versions").glob("*.py"):
        for word, revision in _REVISION.findall(file.read_text(encoding="utf-8")):
            found[word].add(revision)
    newest = found["revision"] - found["down_revision"]
    return max(newest, default=""), frozenset(found["revision"])
