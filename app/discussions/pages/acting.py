"""What people do on the page of a discussion: each is a form, and ends on the page again."""

from collections.abc import Awaitable
from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, Response

from app.comments import service as comments
from app.comments.schemas import MAX_BODY
from app.core.errors import AppError, NotFoundError
from app.discussions import service
from app.discussions.pages.opening import Room, WriteRoom, see
from app.discussions.pages.showing import Draft, discussion_page
from app.discussions.schemas import MergeWish, Status

router = APIRouter()
Words = Annotated[str, Form(max_length=MAX_BODY * 2)]
Word = Annotated[str, Form(max_length=1000)]
Begun = Annotated[int, Form(ge=0, lt=1 << 63)]
_STATUSES = {"close": Status.CLOSED, "reopen": Status.OPEN, "ready": Status.OPEN}


async def _done(
    room: Room, num: int, act: Awaitable[Any], draft: str = "", anchor: str = ""
) -> Response:
    """Do it and show the discussion; what was refused is said there, and nothing stays of it."""
    try:
        async with room.db.begin_nested():
            await act
    except NotFoundError:
        raise
    except AppError as problem:
        await room.renew()
        return await discussion_page(room, num, Draft(draft), problem=problem)
    return see(f"{room.url}/{num}{anchor}")


@router.post("/discussions/{num}/comment")
async def comment(
    room: WriteRoom, num: int, comment: Words = "", action: Word = "", begun: Begun = 0
) -> Response:
    """Write a comment, perhaps with a new status, or see how it would look."""
    if action == "preview":
        return await discussion_page(room, num, Draft(comment, wants_preview=True))
    comments.note_typing(room.db, begun)
    if action in _STATUSES:
        act: Awaitable[Any] = service.set_status(
            room.db, room.viewer, room.repository, num, _STATUSES[action], comment
        )
    else:
        act = service.comment(room.db, room.viewer, room.repository, num, comment)
    return await _done(room, num, act, comment, "#write")


@router.post("/discussions/{num}/title")
async def retitle(room: WriteRoom, num: int, title: Word = "") -> Response:
    """Change the title."""
    return await _done(
        room, num, service.retitle(room.db, room.viewer, room.repository, num, title)
    )


@router.post("/discussions/{num}/pin")
async def pin(room: WriteRoom, num: int, value: Word = "") -> Response:
    """Put a discussion on top of the list, or back."""
    act = service.set_pinned(room.db, room.viewer, room.repository, num, pinned=value == "1")
    return await _done(room, num, act)


@router.post("/discussions/{num}/lock")
async def lock(room: WriteRoom, num: int, value: Word = "") -> Response:
    """Let only writers of the repository speak, or everybody again."""
    act = service.set_locked(room.db, room.viewer, room.repository, num, locked=value == "1")
    return await _done(room, num, act)


@router.post("/discussions/{num}/merge")
async def merge(room: WriteRoom, num: int, head: Word = "") -> Response:
    """Merge what the page showed."""
    wish = MergeWish(expected_head=head)
    act = service.merge(room.db, room.storage, room.viewer, room.repository, num, wish)
    return await _done(room, num, act, anchor="#write")


@router.get("/discussions/{num}/comment/{comment_id}/edit")
async def edit_page(room: WriteRoom, num: int, comment_id: int) -> HTMLResponse:
    """Show the words of one's own comment in a field."""
    found = await service.get_discussion(room.db, room.repository, num, room.viewer)
    comment = await service.find_comment(room.db, found, comment_id, room.viewer)
    return room.show(
        "discussions/edit.html", found=found, url=f"{room.url}/{num}", text=comment.body
    )


@router.post("/discussions/{num}/comment/{comment_id}/edit")
async def edit(room: WriteRoom, num: int, comment_id: int, comment: Words = "") -> Response:
    """Change the words of one's own comment."""
    found = await service.get_discussion(room.db, room.repository, num, room.viewer)
    try:
        async with room.db.begin_nested():
            await service.edit_comment(
                room.db, room.viewer, room.repository, num, comment_id, comment
            )
    except AppError as problem:
        return room.show(
            "discussions/edit.html",
            problem=problem,
            found=found,
            url=f"{room.url}/{num}",
            text=comment,
        )
    return see(f"{room.url}/{num}#comment-{comment_id}")


@router.post("/discussions/{num}/comment/{comment_id}/hide")
async def hide(room: WriteRoom, num: int, comment_id: int) -> Response:
    """Take away the words of a comment."""
    act = service.hide_comment(room.db, room.viewer, room.repository, num, comment_id)
    return await _done(room, num, act, anchor=f"#comment-{comment_id}")
