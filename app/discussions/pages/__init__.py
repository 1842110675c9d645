"""The Community tab of models and data sets: lists, discussions, pull requests."""

from fastapi import APIRouter

from app.discussions.pages import acting, lists, proposing, pulls, showing

# Served before the repository's own pages, whose addresses would match these too.
router = APIRouter(include_in_schema=False)
for _prefix in ("/datasets/{owner}/{name}", "/{owner}/{name}"):
    for _part in (lists, showing, acting, pulls, proposing):
        router.include_router(_part.router, prefix=_prefix)
