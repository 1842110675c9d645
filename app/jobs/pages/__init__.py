"""The pages of jobs: the fine-tune form, the page of a run, the list of one's own."""

from fastapi import APIRouter

from app.jobs.pages import finetune, listing, run

router = APIRouter(include_in_schema=False)
for part in (finetune, listing, run):
    router.include_router(part.router)
