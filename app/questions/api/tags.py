"""Tags, their synonyms and wider tags."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app.core.http import Anybody, CommunityWriter, Db
from app.questions import service
from app.questions.api.shapes import TagDetail, TagOut, TagPage

router = APIRouter()


class TagChange(BaseModel):
    """What a tag is about, and its wider tag; what is left out stays."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    about_en: Annotated[str, Field(max_length=2000)] | None = None
    about_zh: Annotated[str, Field(max_length=2000)] | None = None
    parent: Annotated[str, Field(max_length=60)] | None = None


class SynonymIn(BaseModel):
    """Another name for a tag."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: Annotated[str, Field(max_length=60)]


@router.get("/tags")
async def list_tags(
    db: Db,
    _viewer: Anybody,
    starts: Annotated[str, Query(max_length=60)] = "",
    cursor: Annotated[str, Query(max_length=200)] = "",
) -> TagPage:
    """List tags, the most used first; `starts` narrows them to a beginning."""
    if starts:
        found = await service.tags_beginning(db, starts)
        return TagPage(items=[TagOut.of(tag) for tag in found], next_cursor=None)
    page = await service.list_tags(db, cursor)
    return TagPage(items=[TagOut.of(tag) for tag in page.items], next_cursor=page.next_cursor)


@router.get("/tags/{name}")
async def get_tag(db: Db, _viewer: Anybody, name: str) -> TagDetail:
    """Return a tag with its narrower tags and synonyms."""
    tag = await service.find_tag(db, name)
    return TagDetail(
        **TagOut.of(tag).model_dump(),
        narrower=[one.name for one in await service.narrower(db, tag.id)],
        synonyms=await service.synonyms(db, tag.id),
    )


@router.patch("/tags/{name}")
async def change_tag(db: Db, viewer: CommunityWriter, name: str, change: TagChange) -> TagOut:
    """Say what a tag is about, or put it under a wider one."""
    tag = await service.find_tag(db, name)
    if change.parent is not None:
        tag = await service.set_parent(db, viewer, tag.name, change.parent)
    en = tag.about_en if change.about_en is None else change.about_en
    zh = tag.about_zh if change.about_zh is None else change.about_zh
    return TagOut.of(await service.describe(db, viewer, tag.name, en, zh))


@router.post("/tags/{name}/synonyms")
async def add_synonym(db: Db, viewer: CommunityWriter, name: str, new: SynonymIn) -> TagOut:
    """Let another name lead to this tag; what was filed under it moves here."""
    return TagOut.of(await service.make_synonym(db, viewer, new.name, name))
