"""Writing tutorials by program: begin, keep a draft, publish it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from app.core.db import AsyncSession
from app.core.http import Db, RepoWriter, database, storage_of
from app.core.security import Viewer
from app.jobs.service.examination import Doctor
from app.tutorials.api.views import (
    BeginIn,
    DraftIn,
    DraftOut,
    PublishedVersionOut,
    PublishIn,
    draft_out,
)
from app.tutorials.policy import access_writing
from app.tutorials.schemas import TutorialText
from app.tutorials.service import writing
from app.tutorials.tables import Tutorial

router = APIRouter(max_body_size=2_000_000)
Language = Annotated[str, Path(max_length=20, description="en or zh-CN.")]


async def _own(
    slug: Annotated[str, Path(max_length=100, description="The tutorial's address.")],
    db: Db,
    viewer: RepoWriter,
) -> Tutorial:
    return await access_writing(db, viewer, slug)


@dataclass(frozen=True)
class _Publisher:
    """Who publishes, with the doctor who looks at the recipes first."""

    db: AsyncSession
    viewer: Viewer
    doctor: Doctor


def _publisher(request: Request, db: Db, viewer: RepoWriter) -> _Publisher:
    return _Publisher(db, viewer, Doctor(database(request), storage_of(request), viewer))


Own = Annotated[Tutorial, Depends(_own)]
Publisher = Annotated[_Publisher, Depends(_publisher)]


@router.post(
    "/tutorials",
    status_code=201,
    responses={409: {"description": "Another tutorial stands at this address."}},
)
async def begin_tutorial(body: BeginIn, response: Response, db: Db, viewer: RepoWriter) -> DraftOut:
    """Begin a tutorial; nobody else sees it until it is published."""
    text = TutorialText(body.language, body.title, body.summary, body.body)
    made = await writing.begin(db, viewer, body.slug, text)
    response.headers["Location"] = f"/api/v1/tutorials/{made.slug}/drafts/{body.language}"
    return draft_out(made.slug, await writing.open_writing(db, made, body.language))


@router.get("/tutorials/{slug}/drafts/{language}")
async def get_draft(tutorial: Own, language: Language, db: Db) -> DraftOut:
    """Return what you are writing; without a draft, what is published, with revision 0."""
    return draft_out(tutorial.slug, await writing.open_writing(db, tutorial, language))


@router.put(
    "/tutorials/{slug}/drafts/{language}",
    responses={412: {"description": "It was saved from another place since `revision`."}},
)
async def put_draft(tutorial: Own, language: Language, body: DraftIn, db: Db) -> DraftOut:
    """Keep a draft; `revision` is the one you wrote upon, 0 for the first save."""
    text = TutorialText(language, body.title, body.summary, body.body)
    await writing.save(db, tutorial, text, body.revision)
    return draft_out(tutorial.slug, await writing.open_writing(db, tutorial, language))


@router.post(
    "/tutorials/{slug}/publish",
    status_code=201,
    responses={
        409: {"description": "There is no draft."},
        422: {"description": "Something is missing, or a recipe does not run; see `details`."},
    },
)
async def publish_tutorial(
    tutorial: Own, body: PublishIn, publisher: Publisher
) -> PublishedVersionOut:
    """Make the draft in a language the newest version, which never changes."""
    wish = writing.PublishWish(body.language, body.note, body.source_version)
    number = await writing.publish_draft(
        publisher.db, publisher.doctor, publisher.viewer, tutorial, wish
    )
    url = f"/tutorials/{tutorial.slug}?lang={body.language}&v={number}"
    return PublishedVersionOut(slug=tutorial.slug, language=body.language, version=number, url=url)
