"""Liking a repository, and who does."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from app.core.http import Db, RepoReader, RepoWriter
from app.hfapi.context import PageRequest, Readable
from app.hfapi.people_views import liker
from app.hub.service import popularity

router = APIRouter(include_in_schema=False)


@router.post("/{owner}/{name}/like")
async def like(db: Db, viewer: RepoWriter, repository: Readable) -> dict[str, Any]:
    """Like a repository; doing it twice changes nothing."""
    await popularity.like(db, viewer, repository)
    return {"success": True, "likes": repository.likes}


@router.delete("/{owner}/{name}/like")
async def unlike(db: Db, viewer: RepoWriter, repository: Readable) -> dict[str, Any]:
    """Take a like back; doing it twice changes nothing."""
    await popularity.unlike(db, viewer, repository)
    return {"success": True, "likes": repository.likes}


@router.get("/{owner}/{name}/likers")
async def likers(
    at: Annotated[PageRequest, Depends()],
    viewer: RepoReader,
    repository: Readable,
    cursor: str = "",
) -> list[dict[str, Any]]:
    """List who likes a repository."""
    del viewer
    page = await popularity.likers(at.db, repository, cursor)
    if page.next_cursor:
        at.next_page(cursor=page.next_cursor)
    return [liker(account) for account in page.items]
