"""Pages of tutorials: reading them, running their recipes, writing them."""

from fastapi import APIRouter

from app.tutorials.pages import checks, family, history, reading, talking, writing

# Fixed addresses before `/tutorials/{slug}`, which would match them too.
router = APIRouter(include_in_schema=False)
for _part in (writing, talking, checks, history, family, reading):
    router.include_router(_part.router)
