"""Tutorials over HTTP."""

from fastapi import APIRouter

from app.tutorials.api import reading

router = APIRouter(tags=["tutorials"])
for _part in (reading,):
    router.include_router(_part.router, prefix="/api/v1")
