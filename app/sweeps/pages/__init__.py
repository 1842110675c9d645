"""The pages of sweeps: the list, one sweep, and the settings of a new one."""

from fastapi import APIRouter

from app.sweeps.pages import begin, listing, sweep

router = APIRouter(include_in_schema=False)
# `begin` first: /sweeps/new is no number.
for part in (begin, listing, sweep):
    router.include_router(part.router)
