"""The pages of notifications: the list, what one watches, settings, and the live stream."""

from fastapi import APIRouter

from app.notifications.pages import choosing, feeds, inbox, leaving, settings, stream

router = APIRouter(include_in_schema=False)
for _part in (stream, feeds, choosing, settings, leaving, inbox):
    router.include_router(_part.router)
