"""Questions as JSON: everything the pages do, for programs."""

from fastapi import APIRouter

from app.questions.api import posts, questions, sandbox, tags

router = APIRouter(prefix="/api/v1", tags=["questions"])
for _part in (questions, posts, sandbox, tags):
    router.include_router(_part.router)
