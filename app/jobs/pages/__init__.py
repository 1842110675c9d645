"""The pages of jobs: the fine-tune form, the page of a run, the list of one's own."""

from fastapi import APIRouter

from app.jobs.pages import listing, run

router = APIRouter(include_in_schema=False)
router.include_router(listing.router)
router.include_router(run.router)
