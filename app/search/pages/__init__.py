"""The pages of the search, and what search engines ask of a site."""

from fastapi import APIRouter

from app.search.pages import crawlers, results

router = APIRouter(include_in_schema=False)
router.include_router(results.router)
router.include_router(crawlers.router)
