"""Creating a repository, and its settings: who sees it, its address, its end."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, Field

from app.accounts import service as accounts
from app.accounts.schemas import Role
from app.core.db import AsyncSession
from app.core.errors import AppError, InvalidError
from app.core.http import Db, RepoWriter
from app.core.i18n import _
from app.core.security import Viewer
from app.core.templating import render
from app.hub.pages.opening import Managed, Storage, at_both, see, show
from app.hub.schemas import RepositoryKind
from app.hub.service import repositories
from app.hub.service.frames import Frame

router = APIRouter(include_in_schema=False)
Name = Annotated[str, Form(max_length=200)]
Visibility = Annotated[Literal["public", "private"], Form()]


async def _owners(db: AsyncSession, viewer: Viewer) -> list[tuple[str, str]]:
    """Return under whom the viewer may create, as options of a select."""
    names = [viewer.name]
    if viewer.user_id is not None:
        found = await accounts.organizations_of(db, viewer.user_id)
        names += [account.name for account, role in found if role >= Role.CONTRIBUTOR]
    return [(name, name) for name in names]


class NewForm(BaseModel):
    """What a new repository is made from; an empty owner is the viewer."""

    kind: RepositoryKind = RepositoryKind.MODEL
    name: Annotated[str, Field(max_length=200)] = ""
    owner: Annotated[str, Field(max_length=200)] = ""
    visibility: Literal["public", "private"] = "public"


@router.get("/new")
async def new_page(
    request: Request,
    db: Db,
    viewer: RepoWriter,
    kind: RepositoryKind = RepositoryKind.MODEL,
    owner: str = "",
) -> HTMLResponse:
    """Show the form of a new repository."""
    return await _new_form(request, db, viewer, NewForm(kind=kind, owner=owner[:200]))


async def _new_form(
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    form: NewForm,
    problem: AppError | None = None,
) -> HTMLResponse:
    in_name = [d.message for d in problem.details if d.path == "name"] if problem else []
    return render(
        request,
        "hub/new.html",
        viewer=viewer,
        status=problem.status if problem else 200,
        owners=await _owners(db, viewer),
        form=form,
        errors={"name": " ".join(in_name)},
        error=problem.message if problem and not in_name else "",
        fix=problem.fix if problem else "",
    )


@router.post("/new")
async def create(
    request: Request,
    db: Db,
    viewer: RepoWriter,
    storage: Storage,
    form: Annotated[NewForm, Form()],
) -> Response:
    """Create a repository and go there."""
    private, name = form.visibility == "private", form.name.strip()
    try:
        async with db.begin_nested():
            made = await repositories.create_repository(
                db, storage, viewer, form.kind, form.owner, name, private=private
            )
    except AppError as problem:
        return await _new_form(request, db, viewer, form, problem)
    return see(f"/{form.kind.web_prefix}{made.owner_name}/{made.name}")


@at_both(router, "/settings")
async def settings_page(
    request: Request,
    db: Db,
    at: Managed,
    saved: bool = False,  # noqa: FBT001, FBT002  # in the address
) -> HTMLResponse:
    """Show what can be changed about a repository."""
    return await _settings(request, db, at, saved=saved)


async def _settings(
    request: Request,
    db: AsyncSession,
    at: Frame,
    problem: AppError | None = None,
    *,
    saved: bool = False,
    typed_name: str = "",
) -> HTMLResponse:
    owners = await _owners(db, at.viewer)
    current = at.repository.owner_name
    if current not in dict(owners):
        owners.append((current, current))
    return show(
        request,
        "hub/settings.html",
        at,
        status_code=problem.status if problem else 200,
        owners=owners,
        done=saved,
        typed_name=typed_name,
        error=problem.message if problem else "",
        fix=problem.fix if problem else "",
    )


@at_both(router, "/settings/visibility", "POST")
async def set_visibility(db: Db, at: Managed, visibility: Visibility) -> Response:
    """Show a repository to everybody, or hide it."""
    await repositories.set_private(db, at.repository, private=visibility == "private")
    return see(f"{at.url}/settings?saved=true")


@at_both(router, "/settings/rename", "POST")
async def rename(
    request: Request, db: Db, at: Managed, new_owner: Name, new_name: Name
) -> Response:
    """Give a repository another address; the old one leads there."""
    try:
        async with db.begin_nested():
            await repositories.rename_repository(
                db, at.viewer, at.repository, new_owner, new_name.strip()
            )
    except AppError as problem:
        await db.refresh(at.repository)
        return await _settings(request, db, at, problem, typed_name=new_name)
    return see(f"{at.url}/settings?saved=true")


@at_both(router, "/settings/delete", "POST")
async def delete(request: Request, db: Db, at: Managed, confirm: Name = "") -> Response:
    """Delete a repository whose full name was typed."""
    if confirm.strip() != at.full_name:
        problem = InvalidError(
            _("The name does not match, so nothing was deleted."),
            fix=_("Type %(name)s exactly.") % {"name": at.full_name},
        )
        return await _settings(request, db, at, problem)
    await repositories.delete_repository(db, at.repository)
    return see(f"/{at.repository.owner_name}")
