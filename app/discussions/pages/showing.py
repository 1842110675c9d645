"""A discussion: what was said and done, and the box to write in."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from app.accounts import service as accounts
from app.comments import service as comments
from app.comments.schemas import CommentView
from app.core.errors import AppError
from app.core.markdown import render_markdown
from app.discussions import policy, service
from app.discussions.pages.opening import ReadRoom, Room
from app.discussions.schemas import Changes, DiscussionView, Entry, EventView, Status
from app.hub import policy as hub_policy

router = APIRouter()
_PAGE = 50
After = Annotated[int, Query(alias="cursor", ge=0, lt=1 << 63)]
Quoted = Annotated[int, Query(alias="quote", ge=0, lt=1 << 63)]


@dataclass(frozen=True)
class Item:
    """An entry of the timeline: what kind it is, and a comment's markup."""

    kind: str
    entry: Entry
    markup: Markup = Markup()  # noqa: RUF009  # Markup is an immutable string


@dataclass(frozen=True)
class Rights:
    """What the viewer may do in a discussion."""

    comment: bool
    change: bool
    moderate: bool
    commit: bool


@dataclass(frozen=True)
class Draft:
    """What stands in the comment box, and how it would look if somebody asked."""

    text: str = ""
    wants_preview: bool = False


NO_DRAFT = Draft()


async def rights_of(room: Room, found: DiscussionView) -> Rights:
    """Return what the viewer may do in a discussion."""
    row = await policy.find(room.db, room.repository, found.num)
    moderate = await policy.may_moderate(room.db, room.viewer, room.repository)
    commit = found.is_pull_request and found.status.is_live
    if commit:
        commit = await hub_policy.may_commit_to(
            room.db, room.viewer, room.repository, found.git_reference
        )
    return Rights(
        comment=room.viewer.is_signed_in and (moderate or not found.locked),
        change=await policy.may_change(room.db, room.viewer, room.repository, row),
        moderate=moderate,
        commit=commit,
    )


async def frame_of(room: Room, num: int) -> dict[str, Any]:
    """Return what every page of a discussion shows around its content.

    Raises:
        NotFoundError: there is no such discussion.
    """
    found = await service.get_discussion(room.db, room.repository, num, room.viewer)
    changes = Changes("", "")
    if found.is_pull_request and room.may_open_files:
        changes = await service.changes_of(room.db, room.storage, room.repository, num)
    return {
        "found": found,
        "url": f"{room.url}/{num}",
        "changes": changes,
        "rights": await rights_of(room, found),
        "is_ready": found.status is Status.OPEN and changes.commits and not changes.conflicts,
    }


async def items_of(room: Room, entries: Sequence[Entry]) -> list[Item]:
    """Return the timeline for a page; Markdown is drawn beside the event loop."""

    def drawn() -> list[Item]:
        return [_item(room, entry) for entry in entries]

    return await asyncio.to_thread(drawn)


def _item(room: Room, entry: Entry) -> Item:
    if isinstance(entry, CommentView):
        return Item("comment", entry, entry.markup(room.links))
    return Item(entry.kind.value if isinstance(entry, EventView) else "commit", entry)


async def discussion_page(
    room: Room,
    num: int,
    draft: Draft = NO_DRAFT,
    after: int = 0,
    problem: AppError | None = None,
) -> HTMLResponse:
    """Return the page of a discussion, with what somebody has begun to write."""
    frame = await frame_of(room, num)
    page = await service.timeline(
        room.db,
        frame["found"],
        frame["changes"].commits,
        after=after,
        limit=_PAGE,
        viewer=room.viewer,
    )
    preview = render_markdown(draft.text, room.links) if draft.wants_preview else None
    return room.show(
        "discussions/show.html",
        problem=problem,
        items=await items_of(room, page.items),
        next_cursor=page.next_cursor,
        draft=draft,
        preview=preview,
        blocked=await accounts.blocked_among(
            room.db,
            room.viewer,
            {one.author_id for one in page.items if isinstance(one, CommentView)},
        ),
        **frame,
    )


@router.get("/discussions/{num}")
async def show(room: ReadRoom, num: int, after: After = 0, quoted: Quoted = 0) -> HTMLResponse:
    """Show a discussion; `quote` puts a comment's words into the box."""
    draft = NO_DRAFT
    if quoted:
        found = await service.get_discussion(room.db, room.repository, num)
        comment = await service.find_comment(room.db, found, quoted)
        draft = Draft("".join(f"> {line}\n" for line in comment.body.splitlines()) + "\n")
    return await discussion_page(room, num, draft, after)


@router.get("/discussions/{num}/comment/{comment_id}/history")
async def history(room: ReadRoom, num: int, comment_id: int) -> HTMLResponse:
    """Show how the words of a comment changed, the newest change first."""
    found = await service.get_discussion(room.db, room.repository, num, room.viewer)
    comment = await service.find_comment(room.db, found, comment_id, room.viewer)
    wordings = await comments.revisions(room.db, comment)
    return room.show(
        "discussions/history.html",
        found=found,
        url=f"{room.url}/{num}",
        comment=comment,
        steps=await asyncio.to_thread(comments.rewordings, wordings),
        first=wordings[0],
    )
