"""The forms around the nightly check on the page of a tutorial."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from app.core import i18n
from app.core.errors import AppError
from app.core.http import AnySignedIn, CommunityWriter, Db, database, storage_of
from app.core.redirects import see
from app.core.security import ANONYMOUS
from app.jobs.service.examination import Doctor
from app.tutorials import policy
from app.tutorials.pages.showing import Trouble, tutorial_page
from app.tutorials.service import checks, reading

router = APIRouter()


@router.post("/tutorials/{slug}/check/watch")
async def watch(
    db: Db, viewer: AnySignedIn, slug: str, on: Annotated[str, Form(max_length=1)] = ""
) -> Response:
    """Have the recipes tried every night, or not any more."""
    by_id = policy.require_keeper(viewer)
    tutorial = await policy.access_tutorial(db, viewer, slug)
    await checks.choose(db, tutorial, by_id, is_on=on == "1")
    return see(f"/tutorials/{slug}#check")


@router.post("/tutorials/{slug}/check")
async def check_now(request: Request, db: Db, viewer: CommunityWriter, slug: str) -> Response:
    """Check a tutorial at once; what stands against it is said on its page."""
    tutorial = await policy.access_tutorial(db, viewer, slug)
    is_on = await checks.is_watched(db, tutorial.id)
    doctor = Doctor(database(request), storage_of(request), ANONYMOUS)
    try:
        policy.require_checking(viewer, tutorial, is_watched=is_on)
        async with db.begin_nested():
            await checks.begin(db, doctor, tutorial)
    except AppError as problem:
        page = await reading.read(db, slug, i18n.language(), viewer=viewer)
        return await tutorial_page(request, db, viewer, page, Trouble(problem, block=-1))
    await checks.tell(db)
    return see(f"/tutorials/{slug}#check")
