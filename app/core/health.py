"""Two addresses for whoever watches the process."""

from fastapi import APIRouter, Request

from app.core.http import database

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(request: Request) -> dict[str, str]:
    """Say that the database answers too; 503 otherwise."""
    await database(request).ping()
    return {"status": "ready"}
