"""Pages of tutorials: reading them, running their recipes, writing them."""

from fastapi import APIRouter

from app.tutorials.pages import reading

# Fixed addresses before `/tutorials/{slug}`, which would match them too.
router = APIRouter(include_in_schema=False)
for _part in (reading,):
    router.include_router(_part.router)
