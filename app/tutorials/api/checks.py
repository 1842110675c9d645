"""Checks of tutorials over HTTP: which are watched, and checking one at once."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request

from app.core.http import AnySignedIn, CommunityWriter, Db, RepoReader, database, storage_of
from app.core.security import ANONYMOUS
from app.jobs.service.examination import Doctor
from app.tutorials import policy
from app.tutorials.api.views import CheckOut, WatchIn, check_out
from app.tutorials.service import checks

router = APIRouter()
Slug = Annotated[str, Path(max_length=100, description="The tutorial's address.")]


@router.get("/tutorials/{slug}/check")
async def get_check(slug: Slug, db: Db, viewer: RepoReader) -> CheckOut:
    """Return whether a tutorial is watched, and what its newest check came to."""
    tutorial = await policy.access_tutorial(db, viewer, slug)
    is_on = await checks.is_watched(db, tutorial.id)
    return check_out(is_on, await checks.standing(db, tutorial.id))


@router.put(
    "/tutorials/{slug}/check", responses={403: {"description": "Only moderators may do this."}}
)
async def watch(slug: Slug, body: WatchIn, db: Db, viewer: AnySignedIn) -> CheckOut:
    """Have the recipes of a tutorial tried every night, or not any more; for moderators."""
    by_id = policy.require_keeper(viewer)
    tutorial = await policy.access_tutorial(db, viewer, slug)
    await checks.choose(db, tutorial, by_id, is_on=body.on)
    return check_out(body.on, await checks.standing(db, tutorial.id))


@router.post(
    "/tutorials/{slug}/check",
    status_code=HTTPStatus.ACCEPTED,
    responses={
        403: {"description": "Neither a moderator nor its author, or it is not watched."},
        409: {"description": "It is being checked."},
    },
)
async def check_now(slug: Slug, request: Request, db: Db, viewer: CommunityWriter) -> CheckOut:
    """Check a watched tutorial at once; for moderators and its author."""
    tutorial = await policy.access_tutorial(db, viewer, slug)
    is_on = await checks.is_watched(db, tutorial.id)
    policy.require_checking(viewer, tutorial, is_watched=is_on)
    doctor = Doctor(database(request), storage_of(request), ANONYMOUS)
    row = await checks.begin(db, doctor, tutorial)
    await checks.tell(db)
    return check_out(is_on, checks.view(row))
