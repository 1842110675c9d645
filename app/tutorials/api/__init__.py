"""Tutorials over HTTP."""

from fastapi import APIRouter

from app.tutorials.api import checks, reading, writing

router = APIRouter(tags=["tutorials"])
for _part in (checks, reading, writing):
    router.include_router(_part.router, prefix="/api/v1")
