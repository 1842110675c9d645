"""Questions in the browser: lists, one with its answers, asking, editing, tags, drafts."""

from fastapi import APIRouter

from app.questions.pages import acting, asking, editing, lists, sandbox, showing, tags

router = APIRouter(include_in_schema=False)
for _part in (lists, asking, tags, editing, acting, sandbox, showing):
    router.include_router(_part.router)
