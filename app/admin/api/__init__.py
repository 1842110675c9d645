"""Administering, for programs: the same acts as the pages, with the scope `admin`."""

from fastapi import APIRouter

from app.admin.api import people, records, running, work

router = APIRouter(prefix="/api/v1/admin", tags=["admin"])
for _part in (running, people, work, records):
    router.include_router(_part.router)
