"""Pages of moderation: reporting, the queue, the public log, one's own standing."""

from fastapi import APIRouter

from app.moderation.pages import accounts, items, own, public, reporting

router = APIRouter(include_in_schema=False)
for part in (items, accounts, public, reporting, own):
    router.include_router(part.router)
