"""Collections as Hugging Face clients read and write them."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from app.collections import policy, service
from app.collections.schemas import (
    CollectionChange,
    CollectionFilter,
    CollectionSort,
    CollectionView,
    Description,
    ItemKind,
    ItemView,
    NewCollection,
    Note,
    Title,
)
from app.collections.service import CollectionExistsError
from app.core.errors import BadRequestError, UnsupportedError
from app.core.http import Db, RepoReader, RepoWriter
from app.core.paths import plain
from app.hfapi.context import next_link
from app.hfapi.views import moment

router = APIRouter(include_in_schema=False)

_ROOT = "/api/collections"
_ONE = _ROOT + "/{owner}/{slug}"
_MAX_LIMIT = 100


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class CollectionIn(_Loose):
    """A collection to make."""

    title: Title
    namespace: str = Field(default="", max_length=100)
    description: Description = ""
    private: bool = False


class ChangeIn(_Loose):
    """What to change; what is left out stays."""

    title: Title | None = None
    description: Description | None = None
    private: bool | None = None
    theme: str | None = None
    position: int | None = None


class Named(_Loose):
    """The thing that an item is."""

    id: str = Field(max_length=300)
    type: str = Field(max_length=40)


class ItemIn(_Loose):
    """An item to add."""

    item: Named
    note: Note = ""


class ItemChange(_Loose):
    """What to change of an item."""

    note: Note | None = None
    position: int | None = None


class ListQuery(_Loose):
    """What a list is narrowed to; `item` is written `models/owner/name`."""

    owner: list[str] = Field(default=[], max_length=50)
    item: list[str] = Field(default=[], max_length=50)
    sort: CollectionSort = CollectionSort.TRENDING
    limit: int = Field(default=30, ge=1)
    cursor: str = ""


@router.get(_ROOT)
async def list_collections(
    request: Request,
    response: Response,
    db: Db,
    viewer: RepoReader,
    query: Annotated[ListQuery, Query()],
) -> list[dict[str, Any]]:
    """List collections, each with its first four items."""
    narrowed = CollectionFilter(
        owners=tuple(query.owner),
        items=tuple(_item_filter(word) for word in query.item),
        sort=query.sort,
        limit=min(query.limit, _MAX_LIMIT),
    )
    page = await service.list_collections(db, viewer, narrowed, query.cursor)
    if page.next_cursor:
        response.headers["Link"] = next_link(request, cursor=page.next_cursor)
    # A list's reader counts the positions itself.
    return [_collection(view) for view in page.items]


@router.post(_ROOT)
async def create(db: Db, viewer: RepoWriter, body: CollectionIn) -> Response:
    """Make a collection; 409 with its address if there is one of this title."""
    new = NewCollection(body.namespace, body.title, body.description, body.private)
    try:
        made = await service.create_collection(db, viewer, new)
    except CollectionExistsError as problem:
        answer = {**problem.body(), "slug": problem.slug}
        headers = {"X-Error-Code": "exists", "X-Error-Message": "Collection already exists"}
        return JSONResponse(answer, 409, headers)
    return JSONResponse(_whole(await service.view(db, viewer, made)))


@router.get(_ONE)
async def show(db: Db, viewer: RepoReader, owner: str, slug: str) -> dict[str, Any]:
    """Return a collection with every item that the viewer may see."""
    del owner  # the number at the end of the slug decides
    found = await policy.access_collection(db, viewer, plain(slug))
    return _whole(await service.view(db, viewer, found))


@router.patch(_ONE)
async def change(
    db: Db, viewer: RepoWriter, owner: str, slug: str, body: ChangeIn
) -> dict[str, Any]:
    """Store new words and settings."""
    del owner
    found = await policy.access_for_write(db, viewer, plain(slug))
    await service.change_collection(db, found, CollectionChange(**body.model_dump()))
    return {"success": True, "data": _whole(await service.view(db, viewer, found))}


@router.delete(_ONE)
async def delete(db: Db, viewer: RepoWriter, owner: str, slug: str) -> dict[str, bool]:
    """Remove a collection."""
    del owner
    await service.delete_collection(db, await policy.access_for_write(db, viewer, plain(slug)))
    return {"success": True}


@router.post(_ONE + "/items")
async def add_item(
    db: Db, viewer: RepoWriter, owner: str, slug: str, body: ItemIn
) -> dict[str, Any]:
    """Put a model, a data set or another collection at the end."""
    del owner
    found = await policy.access_for_write(db, viewer, plain(slug))
    kind = _kind(body.item.type)
    await service.add_item(db, viewer, found, kind, body.item.id, body.note)
    return _whole(await service.view(db, viewer, found))


@router.patch(_ONE + "/items/{item_id}")
async def change_item(  # the address, and what to change
    db: Db, viewer: RepoWriter, owner: str, slug: str, item_id: str, body: ItemChange
) -> dict[str, bool]:
    """Store another note, or move an item."""
    del owner
    found = await policy.access_for_write(db, viewer, plain(slug))
    item = await service.access_item(db, found, _item_number(item_id))
    await service.change_item(db, found, item, note=body.note, position=body.position)
    return {"success": True}


@router.delete(_ONE + "/items/{item_id}")
async def remove_item(
    db: Db, viewer: RepoWriter, owner: str, slug: str, item_id: str
) -> dict[str, bool]:
    """Take an item out."""
    del owner
    found = await policy.access_for_write(db, viewer, plain(slug))
    item = await service.access_item(db, found, _item_number(item_id))
    await service.remove_item(db, found, item)
    return {"success": True}


@router.post(_ONE + "/upvote")
@router.delete(_ONE + "/upvote")
async def upvote(
    request: Request, db: Db, viewer: RepoWriter, owner: str, slug: str
) -> dict[str, int]:
    """Count the viewer's vote, or take it back."""
    del owner
    found = await policy.access_collection(db, viewer, plain(slug))
    await service.set_upvote(db, viewer, found, wanted=request.method == "POST")
    return {"upvotes": found.upvotes}


@router.post(_ONE + "/resource-group")
async def resource_group(_viewer: RepoWriter, owner: str, slug: str) -> None:
    """Say that there are none."""
    del owner, slug
    raise UnsupportedError(
        "This site has no resource groups; use the roles of an organisation.",
        headers={"X-Error-Code": "NotSupported"},
    )


def _kind(word: str) -> ItemKind:
    try:
        return ItemKind(word)
    except ValueError as error:
        raise UnsupportedError(
            f"Models, data sets and other collections can be collected here; {word[:40]!r} cannot.",
            headers={"X-Error-Code": "NotSupported"},
        ) from error


def _item_filter(word: str) -> tuple[ItemKind, str]:
    plural, _slash, name = word.partition("/")
    if not name:
        raise BadRequestError("Write an item as models/owner/name or datasets/owner/name.")
    return _kind(plural.removesuffix("s")), name


def _item_number(item_id: str) -> int:
    """Return the number in an item's id; 0, which nothing has, for what is none."""
    try:
        number = int(item_id, 16)
    except ValueError:
        return 0
    return number if number < 1 << 62 else 0


def _whole(view: CollectionView) -> dict[str, Any]:
    return _collection(view) | {"position": view.position}


def _collection(view: CollectionView) -> dict[str, Any]:
    return {
        "slug": view.slug,
        "title": view.title,
        "description": view.description or None,
        "owner": view.owner.name,
        "theme": view.theme,
        "private": view.private,
        "upvotes": view.upvotes,
        "lastUpdated": moment(view.updated_at),
        "gating": False,
        "items": [_item(item) for item in view.items],
    }


def _item(item: ItemView) -> dict[str, Any]:
    row: dict[str, Any] = {
        "_id": f"{item.id:024x}",
        "id": item.name,
        "type": item.kind.value,
        "position": item.position,
    }
    if item.note:
        row["note"] = {"text": item.note}
    if item.kind is ItemKind.COLLECTION:
        row |= {"slug": item.name, "title": item.title}
    if repository := item.repository:
        row |= {
            "author": repository.owner,
            "private": repository.private,
            "lastModified": moment(repository.updated_at),
            "likes": repository.likes,
            "downloads": repository.downloads,
            "pipeline_tag": repository.task or None,
            "repoType": item.kind.value,
        }
    return row
