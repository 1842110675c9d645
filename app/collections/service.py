"""Making, filling, ordering and showing collections."""

from collections.abc import Collection as Many
from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy.exc import IntegrityError

from app.accounts import service as accounts
from app.collections import policy, queries
from app.collections.schemas import (
    MAX_DESCRIPTION,
    MAX_ITEMS,
    MAX_NOTE,
    MAX_TITLE,
    THEMES,
    CollectionChange,
    CollectionFilter,
    CollectionSort,
    CollectionText,
    CollectionView,
    ItemKind,
    ItemView,
    NewCollection,
    slug_of,
)
from app.collections.tables import Collection, CollectionItem
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import (
    BadRequestError,
    ConflictError,
    Detail,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from app.core.i18n import _
from app.core.pagination import Page, decode_cursor, encode_cursor
from app.core.security import Viewer
from app.hub import policy as hub_policy
from app.hub import service as hub
from app.hub.schemas import RepositoryKind

log = structlog.get_logger(__name__)

changed_since, is_visible = queries.changed_since, queries.is_visible
SHOWN_IN_LISTS = 4
_READ_IN_LISTS = 12  # those that the viewer may not see fall out


class CollectionExistsError(ConflictError):
    """The owner has a collection of this title; `slug` is its address."""

    def __init__(self, slug: str) -> None:
        problem = _("There is a collection of this title already.")
        super().__init__(problem, code="exists", details=[Detail("title", problem)])
        self.slug = slug


async def create_collection(db: AsyncSession, viewer: Viewer, new: NewCollection) -> Collection:
    """Make a collection under the viewer's name or an organisation's.

    Raises:
        ForbiddenError: the viewer may not make one under this owner.
        CollectionExistsError: the owner has one of this title.
        InvalidError: the title or the description will not do.
    """
    user_id = viewer.require_user()
    owner = await accounts.find_account(db, new.owner or viewer.name)
    if owner is None or not await policy.may_collect_for(db, viewer, owner.id):
        raise ForbiddenError(
            _("You may not make a collection under %(owner)s.") % {"owner": new.owner},
            fix=_("Make it under your own name, or ask for a role in the organisation."),
        )
    title = _checked_title(new.title)
    made = Collection(
        owner_id=owner.id,
        title=title,
        title_key=title.casefold(),
        description=_checked("description", new.description, MAX_DESCRIPTION),
        private=new.private,
    )
    try:
        async with db.begin_nested():
            db.add(made)
    except IntegrityError as error:
        found = await queries.collection_by_title(db, owner.id, title.casefold())
        slug = slug_of(owner.name, found.title, found.id) if found else ""
        raise CollectionExistsError(slug) from error
    log.info("collection_created", collection_id=made.id, user_id=user_id)
    return made


def _checked_title(title: str) -> str:
    title = " ".join(title.split())
    if not title:
        problem = _("Give the collection a title.")
        raise InvalidError(problem, details=[Detail("title", problem)])
    return _checked("title", title, MAX_TITLE)


def _checked(field: str, text: str, limit: int) -> str:
    if len(text) > limit or "\0" in text:
        problem = _("Use at most %(limit)d characters.") % {"limit": limit}
        raise InvalidError(problem, details=[Detail(field, problem)])
    return text.strip()


async def change_collection(
    db: AsyncSession, collection: Collection, change: CollectionChange
) -> None:
    """Store new words and settings.

    Raises:
        InvalidError: one of them will not do.
        ConflictError: the owner has another collection of this title.
    """
    if change.theme is not None and change.theme not in THEMES:
        problem = _("Choose a theme from: %(themes)s.") % {"themes": ", ".join(THEMES)}
        raise InvalidError(problem, details=[Detail("theme", problem)])
    if change.title is not None:
        await _rename(db, collection, _checked_title(change.title))
    if change.description is not None:
        collection.description = _checked("description", change.description, MAX_DESCRIPTION)
    collection.theme = change.theme or collection.theme
    if change.private is not None:
        collection.private = change.private
    if change.position is not None:
        collection.position = max(0, min(change.position, 10_000))
    collection.updated_at = now()
    await db.flush()


async def _rename(db: AsyncSession, collection: Collection, title: str) -> None:
    other = await queries.collection_by_title(db, collection.owner_id, title.casefold())
    if other is not None and other.id != collection.id:
        raise CollectionExistsError("")
    collection.title, collection.title_key = title, title.casefold()


async def delete_collection(db: AsyncSession, collection: Collection) -> None:
    """Remove a collection; what stood in it stays where it is."""
    await db.delete(collection)
    await db.flush()
    log.info("collection_deleted", collection_id=collection.id)


async def add_item(  # what an item is made of
    db: AsyncSession, viewer: Viewer, collection: Collection, kind: ItemKind, name: str, note: str
) -> CollectionItem:
    """Put something at the end of a collection.

    Raises:
        NotFoundError: there is nothing of this name that the viewer may see.
        ConflictError: it is in the collection already, or the collection is full.
    """
    count = await queries.count_items(db, collection.id)
    if count >= MAX_ITEMS:
        raise ConflictError(
            _("A collection holds at most %(limit)d items.") % {"limit": MAX_ITEMS},
            fix=_("Begin another one."),
        )
    repository_id, nested_id = await _target(db, viewer, kind, name)
    if nested_id == collection.id:
        raise InvalidError(_("A collection cannot stand in itself."))
    item = CollectionItem(
        collection_id=collection.id,
        position=count,
        repository_id=repository_id,
        nested_id=nested_id,
        note=_checked("note", note, MAX_NOTE),
    )
    try:
        async with db.begin_nested():
            db.add(item)
    except IntegrityError as error:
        raise ConflictError(
            _("%(name)s is in this collection already.") % {"name": name}, code="exists"
        ) from error
    collection.updated_at = now()
    await db.flush()
    return item


async def _target(
    db: AsyncSession, viewer: Viewer, kind: ItemKind, name: str
) -> tuple[int | None, int | None]:
    if kind is ItemKind.COLLECTION:
        return None, (await policy.access_collection(db, viewer, name)).id
    owner, _slash, rest = name.removeprefix("datasets/").partition("/")
    try:
        found = await hub_policy.access_repository(
            db, viewer, RepositoryKind(kind.value), owner, rest
        )
    except hub.MovedError as moved:
        found = await hub_policy.access_repository(db, viewer, moved.kind, moved.owner, moved.name)
    return found.id, None


async def access_item(db: AsyncSession, collection: Collection, item_id: int) -> CollectionItem:
    """Return an item of the collection.

    Raises:
        NotFoundError: it has none of this id.
    """
    found = await queries.item_by_id(db, collection.id, item_id)
    if found is None:
        raise NotFoundError(_("There is no such item in this collection."))
    return found


async def change_item(
    db: AsyncSession,
    collection: Collection,
    item: CollectionItem,
    *,
    note: str | None = None,
    position: int | None = None,
) -> None:
    """Store another note, or move the item to a place counted from 0."""
    if note is not None:
        item.note = _checked("note", note, MAX_NOTE)
    if position is not None:
        others = (await queries.items_of(db, [collection.id], MAX_ITEMS))[collection.id]
        rest = [other for other in others if other.id != item.id]
        rest.insert(max(0, min(position, len(rest))), item)
        _number(rest)
    collection.updated_at = now()
    await db.flush()


def _number(items: Sequence[CollectionItem]) -> None:
    for place, item in enumerate(items):
        item.position = place


async def remove_item(db: AsyncSession, collection: Collection, item: CollectionItem) -> None:
    """Take an item out and close the gap."""
    await db.delete(item)
    await db.flush()
    _number((await queries.items_of(db, [collection.id], MAX_ITEMS))[collection.id])
    collection.updated_at = now()
    await db.flush()


async def set_upvote(
    db: AsyncSession, viewer: Viewer, collection: Collection, *, wanted: bool
) -> None:
    """Count the viewer's vote for a collection, or take it back."""
    act = queries.upvote if wanted else queries.take_upvote_back
    await act(db, collection.id, viewer.require_user())
    await db.refresh(collection)


async def has_upvoted(db: AsyncSession, viewer: Viewer, collection: Collection) -> bool:
    """Whether the viewer's vote is counted."""
    if viewer.user_id is None:
        return False
    return await queries.has_upvoted(db, collection.id, viewer.user_id)


async def view(db: AsyncSession, viewer: Viewer, collection: Collection) -> CollectionView:
    """Return a collection with everything in it that the viewer may see."""
    (shown,) = await _views(db, viewer, [collection], MAX_ITEMS)
    return shown


async def collection_texts(db: AsyncSession, numbers: Many[int]) -> list[CollectionText]:
    """Return collections in words, whoever may see them; for the index of the site."""
    rows = await queries.by_ids(db, numbers)
    owners = await accounts.account_refs(db, {row.owner_id for row in rows})
    names = ("id", "owner_id", "title", "description", "private", "upvotes", "created_at")
    return [
        CollectionText(
            owner=owners[row.owner_id].name,
            updated_at=row.updated_at,
            **{name: getattr(row, name) for name in names},
        )
        for row in rows
    ]


async def list_collections(
    db: AsyncSession, viewer: Viewer, narrowed: CollectionFilter, cursor: str = ""
) -> Page[CollectionView]:
    """Return a page of collections, each with its first four items that the viewer may see.

    Raises:
        BadRequestError: the cursor is not one of this list.
    """
    rows = await queries.list_collections(
        db,
        viewer,
        owner_ids=await _owner_ids(db, narrowed.owners),
        repository_ids=await _repository_ids(db, viewer, narrowed.items),
        sort=narrowed.sort,
        after=_after(narrowed.sort, cursor),
        limit=narrowed.limit + 1,
    )
    shown = rows[: narrowed.limit]
    following = None
    if len(rows) > narrowed.limit:
        value = getattr(shown[-1], queries.SORT_COLUMNS[narrowed.sort].key)
        text = value.isoformat() if isinstance(value, datetime) else value
        following = encode_cursor([narrowed.sort.value, text, shown[-1].id])
    return Page(await _views(db, viewer, shown, SHOWN_IN_LISTS), following)


async def _owner_ids(db: AsyncSession, names: Sequence[str]) -> list[int] | None:
    if not names:
        return None
    found = [await accounts.find_account(db, name) for name in names]
    return [account.id for account in found if account is not None]


async def _repository_ids(
    db: AsyncSession, viewer: Viewer, items: Sequence[tuple[ItemKind, str]]
) -> list[int] | None:
    if not items:
        return None
    found = []
    for kind, name in items:
        try:
            repository_id, _nested = await _target(db, viewer, kind, name)
        except NotFoundError:
            continue
        found += [repository_id] if repository_id is not None else []
    return found


def _after(sort: CollectionSort, cursor: str) -> tuple[datetime | int, int] | None:
    if not cursor:
        return None
    name, value, last_id = decode_cursor(cursor, 3)
    try:
        if name != sort.value or not isinstance(last_id, int):
            raise BadRequestError(_("This page address does not belong to this list."))
        is_time = sort is CollectionSort.UPDATED
        return (datetime.fromisoformat(str(value)) if is_time else int(str(value))), last_id
    except ValueError as error:
        raise BadRequestError(_("This page address does not belong to this list.")) from error


async def _views(
    db: AsyncSession, viewer: Viewer, rows: Sequence[Collection], each: int
) -> list[CollectionView]:
    reading = MAX_ITEMS if each == MAX_ITEMS else _READ_IN_LISTS
    items = await queries.items_of(db, [row.id for row in rows], reading)
    shown = await _item_views(db, viewer, [item for some in items.values() for item in some])
    owners = await accounts.account_refs(db, {row.owner_id for row in rows})
    return [
        CollectionView(
            id=row.id,
            owner=owners[row.owner_id],
            title=row.title,
            description=row.description,
            theme=row.theme,
            private=row.private,
            position=row.position,
            upvotes=row.upvotes,
            updated_at=row.updated_at,
            items=tuple(shown[item.id] for item in items[row.id] if item.id in shown)[:each],
        )
        for row in rows
    ]


async def _item_views(
    db: AsyncSession, viewer: Viewer, items: Sequence[CollectionItem]
) -> dict[int, ItemView]:
    """Return those items that the viewer may see, by id."""
    wanted = list({item.repository_id for item in items if item.repository_id is not None})
    found = await hub.repositories_by_id(db, wanted)
    repositories = {
        number: hub.repository_row(row)
        for number, row in found.items()
        if await hub_policy.may_read(db, viewer, row)
    }
    nested = await queries.collections_by_id(
        db, viewer, {item.nested_id for item in items if item.nested_id is not None}
    )
    owners = await accounts.account_refs(db, {row.owner_id for row in nested.values()})
    views: dict[int, ItemView] = {}
    for item in items:
        if item.repository_id in repositories:
            row = repositories[item.repository_id]
            kind, name, title = ItemKind(row.kind.value), row.full_name, row.full_name
            views[item.id] = ItemView(
                item.id, kind, name, title, item.position, item.note, repository=row
            )
        elif item.nested_id in nested:
            inner = nested[item.nested_id]
            slug = slug_of(owners[inner.owner_id].name, inner.title, inner.id)
            views[item.id] = ItemView(
                item.id, ItemKind.COLLECTION, slug, inner.title, item.position, item.note
            )
    return views
