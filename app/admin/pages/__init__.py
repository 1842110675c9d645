"""The administrators' pages."""

from fastapi import APIRouter

from app.admin.pages import announcing, overview, people, records, settings, switches, work

router = APIRouter(include_in_schema=False)
for _part in (overview, people, work, records, settings, switches, announcing):
    router.include_router(_part.router)
