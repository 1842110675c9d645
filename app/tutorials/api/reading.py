"""Reading tutorials, and running their recipes."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from app.core import i18n
from app.core.db import AsyncSession
from app.core.http import Db, JobWriter, RepoReader, database, storage_of
from app.core.security import Viewer
from app.jobs.service.examination import Doctor
from app.tutorials.api.family import FamilyOut
from app.tutorials.api.views import RunIn, RunOut, TutorialList, TutorialOut, row_out, tutorial_out
from app.tutorials.schemas import TutorialPage
from app.tutorials.service import family, reading, running
from app.tutorials.service.recipes import blocks_of

router = APIRouter()
Slug = Annotated[str, Path(max_length=100, description="The tutorial's address.")]
Lang = Annotated[
    str,
    Query(
        max_length=20,
        description="The language wanted, en or zh-CN; another one if it has no such.",
    ),
]
Version = Annotated[
    int | None, Query(ge=1, le=10**6, description="The number of a version; the newest without.")
]


async def _shown(
    slug: Slug, db: Db, viewer: RepoReader, v: Version = None, lang: Lang = ""
) -> TutorialPage:
    del viewer  # every reader may read what is published
    return await reading.read(db, slug, lang or i18n.language(), v)


@dataclass(frozen=True)
class _Clinic:
    """Somebody who may run recipes, with the doctor who looks at them first."""

    db: AsyncSession
    viewer: Viewer
    doctor: Doctor


def _clinic(request: Request, db: Db, viewer: JobWriter) -> _Clinic:
    return _Clinic(db, viewer, Doctor(database(request), storage_of(request), viewer))


Shown = Annotated[TutorialPage, Depends(_shown)]
Clinic = Annotated[_Clinic, Depends(_clinic)]


@router.get("/tutorials")
async def list_tutorials(
    db: Db,
    viewer: RepoReader,
    cursor: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 30,
) -> TutorialList:
    """List the published tutorials, newest first, each in the language asked for if it has it."""
    del viewer
    page = await reading.newest(db, i18n.language(), cursor, limit)
    return TutorialList(items=[row_out(row) for row in page.items], next_cursor=page.next_cursor)


@router.get("/tutorials/{slug}", responses={404: {"description": "No such tutorial or version."}})
async def get_tutorial(page: Shown, db: Db, viewer: RepoReader) -> TutorialOut:
    """Return a version of a tutorial with its recipes, their claims and what runs came to."""
    blocks = blocks_of(page.text.body)
    return tutorial_out(page, blocks, await running.reproductions(db, viewer, page, blocks))


@router.get(
    "/tutorials/{slug}/family", responses={404: {"description": "No such tutorial or version."}}
)
async def get_family(page: Shown, db: Db, viewer: RepoReader) -> list[FamilyOut]:
    """Return for each recipe the changed ones that came from it, with what they came to.

    Told are runs that people share, published models you may see, and your own; at most 200.
    """
    found = await family.families(db, viewer, page, blocks_of(page.text.body))
    return [FamilyOut.of(one) for one in found]


@router.post(
    "/tutorials/{slug}/recipes/{number}/run",
    status_code=201,
    responses={
        404: {"description": "No such tutorial, version or recipe; or it names what is not there."},
        422: {"description": "The recipe or its data are not fit any more; `details` says where."},
        429: {"description": "Too many of your jobs wait."},
    },
)
async def run_recipe(
    page: Shown,
    number: Annotated[int, Path(ge=1, le=1000, description="Recipes of a text count from 1.")],
    clinic: Clinic,
    response: Response,
    body: RunIn | None = None,
) -> RunOut:
    """Queue a job of your own with exactly this recipe.

    With `shared` its result counts among those that everybody sees, without your name.
    """
    shared = body.shared if body else False
    job_id = await running.run_recipe(
        clinic.db, clinic.doctor, clinic.viewer, page, number, shared=shared
    )
    response.headers["Location"] = f"/api/v1/jobs/{job_id}"
    return RunOut(job=job_id, url=f"/jobs/{job_id}", version=page.number, recipe=number)
