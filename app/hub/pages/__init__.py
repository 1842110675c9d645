"""Pages of the hub: lists, repositories with their files and history, profiles."""

from fastapi import APIRouter

from app.hub.pages import access, card, editing, files, lists, managing, patches, profile

# Fixed addresses first: `/{owner}/{name}` and `/{owner}` would match them too.
router = APIRouter(include_in_schema=False)
for part in (lists, managing, access, files, patches, editing, card, profile):
    router.include_router(part.router)
