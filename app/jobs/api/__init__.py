"""The JSON side of jobs: for people's programs and for workers."""

from fastapi import APIRouter

from app.jobs.api import history, jobs, worker

router = APIRouter()
router.include_router(jobs.router)
router.include_router(history.router)
router.include_router(worker.router)
