"""Pages of collections: the lists, one collection, and the forms that fill it."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict

from app.accounts import service as accounts
from app.accounts.schemas import Role
from app.collections import policy, service
from app.collections.schemas import (
    MAX_DESCRIPTION,
    MAX_NOTE,
    MAX_TITLE,
    THEMES,
    CollectionChange,
    CollectionFilter,
    CollectionSort,
    CollectionView,
    ItemKind,
    NewCollection,
)
from app.collections.tables import Collection
from app.core.db import AsyncSession
from app.core.errors import AppError, ConflictError, ForbiddenError, InvalidError, NotFoundError
from app.core.http import Db, RepoReader, RepoWriter
from app.core.paths import plain
from app.core.security import Viewer
from app.core.templating import render

router = APIRouter(include_in_schema=False)

_PROBLEMS = (InvalidError, ConflictError, ForbiddenError, NotFoundError)
_ONE = "/collections/{owner}/{slug}"
_MINE = 100
LIMITS = {"title": MAX_TITLE, "description": MAX_DESCRIPTION, "note": MAX_NOTE}


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class CollectionForm(_Fields):
    """A new collection, and if `name` is there what goes into it first."""

    owner: str = ""
    title: str = ""
    description: str = ""
    private: bool = False
    kind: ItemKind = ItemKind.MODEL
    name: str = ""


class ChangeForm(_Fields):
    """New words and settings of a collection."""

    title: str = ""
    description: str = ""
    theme: str = THEMES[0]
    private: bool = False


class ItemForm(_Fields):
    """A repository to put into a collection."""

    kind: ItemKind = ItemKind.MODEL
    name: str = ""
    note: str = ""
    collection: str = ""


class ItemChangeForm(_Fields):
    """Another note, or a step up or down; `action` says which button was pressed."""

    action: str = "save"
    note: str = ""
    position: int = 0


@router.get("/collections")
async def list_page(
    request: Request,
    db: Db,
    viewer: RepoReader,
    owner: str = "",
    sort: CollectionSort = CollectionSort.UPDATED,
    cursor: str = "",
) -> Response:
    """List collections, of everybody or of one owner."""
    narrowed = CollectionFilter(owners=(owner,) if owner else (), sort=sort)
    page = await service.list_collections(db, viewer, narrowed, cursor)
    return render(
        request,
        "collections/list.html",
        viewer=viewer,
        owner=owner,
        sort=sort,
        rows=page.items,
        next_cursor=page.next_cursor,
    )


@router.get("/collections/of/{owner}")
async def part_of_profile(request: Request, db: Db, viewer: RepoReader, owner: str) -> Response:
    """Return the part of a profile that lists collections; the profile's page fetches it."""
    narrowed = CollectionFilter(owners=(owner,), sort=CollectionSort.UPDATED, limit=6)
    page = await service.list_collections(db, viewer, narrowed)
    return render(
        request, "collections/_of_owner.html", viewer=viewer, rows=page.items, owner=owner
    )


@router.get("/collections/new")
async def new_page(
    request: Request, db: Db, viewer: RepoWriter, kind: ItemKind = ItemKind.MODEL, name: str = ""
) -> Response:
    """Show the form of a new collection."""
    return await _new_page(request, db, viewer, CollectionForm(kind=kind, name=name))


@router.post("/collections/new")
async def create(
    request: Request, db: Db, viewer: RepoWriter, form: Annotated[CollectionForm, Form()]
) -> Response:
    """Make a collection, and put something into it if the form came from a repository."""
    new = NewCollection(form.owner or viewer.name, form.title, form.description, form.private)
    try:
        async with db.begin_nested():  # both or neither
            made = await service.create_collection(db, viewer, new)
            if form.name:
                await service.add_item(db, viewer, made, form.kind, form.name, "")
    except _PROBLEMS as problem:
        return await _new_page(request, db, viewer, form, problem)
    return await _see(db, viewer, made)


@router.get("/collections/add")
async def add_page(
    request: Request,
    db: Db,
    viewer: RepoWriter,
    name: Annotated[str, Query(max_length=300)] = "",
    kind: ItemKind = ItemKind.MODEL,
) -> Response:
    """Ask into which of one's collections a repository shall go."""
    return await _add_page(request, db, viewer, ItemForm(kind=kind, name=name))


@router.post("/collections/add")
async def add(
    request: Request, db: Db, viewer: RepoWriter, form: Annotated[ItemForm, Form()]
) -> Response:
    """Put a repository into the collection that was chosen."""
    try:
        found = await policy.access_for_write(db, viewer, form.collection)
        await service.add_item(db, viewer, found, form.kind, form.name, form.note)
    except _PROBLEMS as problem:
        return await _add_page(request, db, viewer, form, problem)
    return await _see(db, viewer, found)


@router.get(_ONE)
async def show(request: Request, db: Db, viewer: RepoReader, owner: str, slug: str) -> Response:
    """Show a collection with what the viewer may see of it."""
    found = await policy.access_collection(db, viewer, plain(slug))
    shown = await service.view(db, viewer, found)
    if f"{owner}/{plain(slug)}" != shown.slug:
        return RedirectResponse(f"/collections/{shown.slug}", 307)
    can_write = viewer.is_signed_in and await policy.may_write(db, viewer, found)
    return render(
        request,
        "collections/show.html",
        viewer=viewer,
        collection=shown,
        can_write=can_write,
        has_upvoted=await service.has_upvoted(db, viewer, found),
    )


@router.get(_ONE + "/edit")
async def edit_page(
    request: Request, db: Db, viewer: RepoWriter, owner: str, slug: str
) -> Response:
    """Show the forms that change a collection."""
    del owner
    found = await policy.access_for_write(db, viewer, plain(slug))
    return _edit_page(request, viewer, await service.view(db, viewer, found))


@router.post(_ONE + "/edit")
async def change(
    request: Request,
    db: Db,
    viewer: RepoWriter,
    slug: str,
    form: Annotated[ChangeForm, Form()],
) -> Response:
    """Store new words and settings."""
    found = await policy.access_for_write(db, viewer, plain(slug))
    try:
        await service.change_collection(db, found, CollectionChange(**form.model_dump()))
    except _PROBLEMS as problem:
        return _edit_page(request, viewer, await service.view(db, viewer, found), problem)
    return await _see(db, viewer, found)


@router.post(_ONE + "/items")
async def add_here(
    request: Request, db: Db, viewer: RepoWriter, slug: str, form: Annotated[ItemForm, Form()]
) -> Response:
    """Put a repository into this collection by its name."""
    found = await policy.access_for_write(db, viewer, plain(slug))
    try:
        await service.add_item(db, viewer, found, form.kind, form.name, form.note)
    except _PROBLEMS as problem:
        return _edit_page(request, viewer, await service.view(db, viewer, found), problem)
    return await _see(db, viewer, found, "/edit")


@router.post(_ONE + "/items/{item_id}")
async def change_item(
    db: Db, viewer: RepoWriter, slug: str, item_id: int, form: Annotated[ItemChangeForm, Form()]
) -> Response:
    """Store a note, move an item by one place, or take it out."""
    found = await policy.access_for_write(db, viewer, plain(slug))
    item = await service.access_item(db, found, item_id)
    if form.action == "remove":
        await service.remove_item(db, found, item)
    else:
        steps = {"up": -1, "down": 1}.get(form.action)
        position = None if steps is None else max(0, form.position + steps)
        await service.change_item(db, found, item, note=form.note, position=position)
    return await _see(db, viewer, found, "/edit")


@router.post(_ONE + "/delete")
async def delete(db: Db, viewer: RepoWriter, owner: str, slug: str) -> Response:
    """Remove a collection."""
    await service.delete_collection(db, await policy.access_for_write(db, viewer, plain(slug)))
    return RedirectResponse(f"/{owner}", 303)


@router.post(_ONE + "/upvote")
async def upvote(
    db: Db, viewer: RepoWriter, slug: str, wanted: Annotated[bool, Form()]
) -> Response:
    """Count the viewer's vote, or take it back."""
    found = await policy.access_collection(db, viewer, plain(slug))
    await service.set_upvote(db, viewer, found, wanted=wanted)
    return await _see(db, viewer, found)


async def _see(
    db: AsyncSession, viewer: Viewer, collection: Collection, rest: str = ""
) -> Response:
    shown = await service.view(db, viewer, collection)
    return RedirectResponse(f"/collections/{shown.slug}{rest}", 303)


async def _new_page(
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    form: CollectionForm,
    problem: AppError | None = None,
) -> Response:
    return render(
        request,
        "collections/new.html",
        viewer=viewer,
        status=problem.status if problem else 200,
        form=form,
        problem=problem,
        owners=await _owners(db, viewer),
        limits=LIMITS,
    )


async def _add_page(
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    form: ItemForm,
    problem: AppError | None = None,
) -> Response:
    narrowed = CollectionFilter(
        owners=tuple(await _owners(db, viewer)), sort=CollectionSort.UPDATED, limit=_MINE
    )
    page = await service.list_collections(db, viewer, narrowed)
    return render(
        request,
        "collections/add.html",
        viewer=viewer,
        status=problem.status if problem else 200,
        form=form,
        problem=problem,
        mine=page.items,
        limits=LIMITS,
    )


def _edit_page(
    request: Request, viewer: Viewer, shown: CollectionView, problem: AppError | None = None
) -> Response:
    return render(
        request,
        "collections/edit.html",
        viewer=viewer,
        status=problem.status if problem else 200,
        collection=shown,
        problem=problem,
        themes=THEMES,
        limits=LIMITS,
    )


async def _owners(db: AsyncSession, viewer: Viewer) -> list[str]:
    """Return under which names the viewer may make collections, their own first."""
    mine = await accounts.organizations_of(db, viewer.require_user())
    return [viewer.name, *(account.name for account, role in mine if role >= Role.WRITE)]
