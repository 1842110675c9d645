"""The JSON side of jobs: for people's programs and for workers."""

from fastapi import APIRouter

from app.jobs.api import worker

router = APIRouter()
router.include_router(worker.router)
