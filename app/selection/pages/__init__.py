"""The pages of rankings: the form, and what a comparison came to."""

from fastapi import APIRouter

from app.selection.pages import form, result

router = APIRouter(include_in_schema=False)
for part in (form, result):
    router.include_router(part.router)
