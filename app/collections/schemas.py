"""Shapes of collections: what pages and the protocol show, and what people send."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from app.accounts.schemas import AccountRef
from app.hub.schemas import RepositoryRow

MAX_TITLE, MAX_DESCRIPTION, MAX_NOTE, MAX_ITEMS = 60, 1000, 500, 500
THEMES = ("orange", "blue", "green", "purple", "pink", "indigo")

Title = Annotated[str, Field(min_length=1, max_length=MAX_TITLE)]
Description = Annotated[str, Field(max_length=MAX_DESCRIPTION)]
Note = Annotated[str, Field(max_length=MAX_NOTE)]


class ItemKind(StrEnum):
    """What may stand in a collection."""

    MODEL = "model"
    DATASET = "dataset"
    COLLECTION = "collection"


class CollectionSort(StrEnum):
    """Orders of a list, the most of it first."""

    UPDATED = "lastModified"
    TRENDING = "trending"
    UPVOTES = "upvotes"


@dataclass(frozen=True)
class NewCollection:
    """What makes a collection."""

    owner: str
    title: str
    description: str = ""
    private: bool = False


@dataclass(frozen=True)
class CollectionChange:
    """New words and settings; None leaves what is there."""

    title: str | None = None
    description: str | None = None
    private: bool | None = None
    theme: str | None = None
    position: int | None = None


@dataclass(frozen=True)
class CollectionText:
    """A collection in words, without the names of what stands in it."""

    id: int
    owner_id: int
    owner: str
    title: str
    description: str
    private: bool
    upvotes: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class CollectionFilter:
    """What a list is narrowed to; `items` names repositories, one of which must be in it."""

    owners: tuple[str, ...] = ()
    items: tuple[tuple[ItemKind, str], ...] = ()
    sort: CollectionSort = CollectionSort.TRENDING
    limit: int = 30


@dataclass(frozen=True)
class ItemView:
    """One thing in a collection; `name` is its id at the protocol's clients."""

    id: int
    kind: ItemKind
    name: str
    title: str
    position: int
    note: str
    repository: RepositoryRow | None = None


@dataclass(frozen=True)
class CollectionView:
    """A collection as one viewer sees it: without the items that they may not see."""

    id: int
    owner: AccountRef
    title: str
    description: str
    theme: str
    private: bool
    position: int
    upvotes: int
    updated_at: datetime
    items: tuple[ItemView, ...]

    @property
    def slug(self) -> str:
        """The address below `/collections/`; only the number at its end decides."""
        return slug_of(self.owner.name, self.title, self.id)


def slug_of(owner: str, title: str, number: int) -> str:
    """Return `owner/words-of-the-title-number`, the number with 24 hexadecimal digits."""
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60].strip("-")
    return f"{owner}/{words or 'collection'}-{number:024x}"


def number_of(slug: str) -> int | None:
    """Return the number at the end of a slug, None if there is none."""
    tail = slug.rpartition("-")[2]
    return int(tail, 16) if re.fullmatch(r"0{9}[0-9a-f]{15}", tail) else None
