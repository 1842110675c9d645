"""What people do on a question's page: each is a form, and ends on the page again."""

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query
from fastapi.responses import Response

from app.comments import service as comments
from app.comments.schemas import MAX_BODY
from app.core.errors import AppError, InvalidError, NotFoundError
from app.core.http import JobWriter, database, storage_of
from app.core.i18n import _
from app.jobs.service.examination import Doctor
from app.questions import service
from app.questions.pages.frame import LINKS, Desk, ReadDesk, WriteDesk, see
from app.questions.pages.showing import Draft, ShowQuery, question_page
from app.questions.schemas import CloseIn, CloseReason

router = APIRouter()
Words = Annotated[str, Form(max_length=MAX_BODY * 2)]
Word = Annotated[str, Form(max_length=600)]
Number = Annotated[int, Form(ge=0, lt=1 << 63)]
Vote = Annotated[int, Form(ge=-1, le=1)]
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")


async def _done(  # where, what, what was typed, where to look then
    desk: Desk,
    question_id: int,
    act: Callable[[], Awaitable[Any]],
    draft: Draft | None = None,
    anchor: str = "",
) -> Response:
    """Do it and show the question; what was refused is said there, and nothing stays of it."""
    try:
        async with desk.db.begin_nested():
            await act()
    except NotFoundError:
        raise
    except AppError as problem:
        desk.db.expire_all()
        question = await service.read_question(desk.db, desk.viewer, question_id)
        return await question_page(desk, question, ShowQuery(), draft, problem)
    question = await service.read_question(desk.db, desk.viewer, question_id)
    return see(question.url + anchor)


async def _question_of(desk: Desk, post_id: int) -> int:
    question, _words = await service.post_words(desk.db, desk.viewer, post_id)
    return question.id


@router.post("/questions/{question_id}/answer")
async def answer(
    desk: WriteDesk,
    question_id: int,
    body: Words = "",
    action: Word = "",
    version: Number = 0,
    begun: Number = 0,
) -> Response:
    """Answer, or see how it would look."""
    if action == "preview":
        draft = Draft(body, version, wants_preview=True)
        question = await service.read_question(desk.db, desk.viewer, question_id)
        return await question_page(desk, question, ShowQuery(), draft)
    comments.note_typing(desk.db, begun)
    made: list[int] = []

    async def act() -> None:
        made.append((await service.answer(desk.db, desk.viewer, question_id, body)).id)

    response = await _done(desk, question_id, act, Draft(body, version))
    if made and response.status_code == 303:  # noqa: PLR2004  # it was written: look at it
        response.headers["location"] += f"#answer-{made[0]}"
    return response


@router.post("/posts/{post_id}/vote")
async def vote(desk: WriteDesk, post_id: int, value: Vote = 0) -> Response:
    """Vote on a post; a script gets the votes alone."""
    question_id = await _question_of(desk, post_id)
    if not desk.is_fragment:
        act = lambda: service.vote(desk.db, desk.viewer, post_id, value)  # noqa: E731  # one call
        return await _done(desk, question_id, act, anchor=f"#post-{post_id}")
    problem: AppError | None = None
    try:
        async with desk.db.begin_nested():
            await service.vote(desk.db, desk.viewer, post_id, value)
    except AppError as refused:
        desk.db.expire_all()
        problem = refused
    post = await service.read_post(desk.db, desk.viewer, post_id)
    return desk.show("questions/_votes.html", post=post, said=problem.message if problem else "")


@router.post("/posts/{post_id}/accept")
async def accept(desk: WriteDesk, post_id: int, value: Word = "1") -> Response:
    """Mark an answer as the one that solves it, or take the mark back."""
    question_id = await _question_of(desk, post_id)

    async def act() -> None:
        if value == "1":
            await service.accept(desk.db, desk.viewer, post_id)
        else:
            await service.unaccept(desk.db, desk.viewer, question_id)

    return await _done(desk, question_id, act, anchor=f"#answer-{post_id}")


@router.post("/posts/{post_id}/remark")
async def remark(desk: WriteDesk, post_id: int, body: Words = "") -> Response:
    """Remark on a post."""
    question_id = await _question_of(desk, post_id)
    act = lambda: service.remark(desk.db, desk.viewer, post_id, body)  # noqa: E731  # one call
    return await _done(desk, question_id, act, anchor=f"#post-{post_id}")


@router.get("/posts/{post_id}/remarks")
async def remarks(
    desk: ReadDesk, post_id: int, after: Annotated[int, Query(alias="cursor", ge=0, lt=1 << 63)] = 0
) -> Response:
    """Show every remark under a post."""
    question, words = await service.post_words(desk.db, desk.viewer, post_id)
    page = await service.remarks_of(desk.db, desk.viewer, post_id, after)
    return desk.show(
        "questions/remarks.html",
        question=question,
        words=words,
        remarks=[(one, one.markup(LINKS)) for one in page.items],
        next_cursor=page.next_cursor,
    )


@router.post("/posts/{post_id}/hide")
async def hide(desk: WriteDesk, post_id: int) -> Response:
    """Take away the words of a post."""
    question_id = await _question_of(desk, post_id)
    act = lambda: service.hide_post(desk.db, desk.viewer, post_id)  # noqa: E731  # one call
    return await _done(desk, question_id, act)


@router.post("/posts/{post_id}/remarks/{remark_id}/hide")
async def hide_remark(desk: WriteDesk, post_id: int, remark_id: int) -> Response:
    """Take away the words of a remark."""
    question_id = await _question_of(desk, post_id)
    act = lambda: service.hide_remark(desk.db, desk.viewer, post_id, remark_id)  # noqa: E731
    return await _done(desk, question_id, act, anchor=f"#post-{post_id}")


@router.post("/posts/{post_id}/try")
async def try_patch(
    desk: WriteDesk, viewer: JobWriter, post_id: int, job_id: Number = 0, shared: Word = ""
) -> Response:
    """Queue a run of one's own once more with an answer's patch, and look at it."""
    question_id = await _question_of(desk, post_id)
    doctor = Doctor(database(desk.request), storage_of(desk.request), viewer)
    made: list[int] = []

    async def act() -> None:
        made.append(
            (
                await service.try_patch(
                    desk.db, doctor, viewer, post_id, job_id, shared=shared == "1"
                )
            ).id
        )

    response = await _done(desk, question_id, act)
    return see(f"/jobs/{made[0]}") if made else response


@router.post("/questions/{question_id}/close")
async def close(
    desk: WriteDesk, question_id: int, reason: Word = "", duplicate_of: Word = ""
) -> Response:
    """Let a question take no more answers."""
    number = duplicate_of.strip().strip("#")

    async def act() -> None:
        if reason not in set(CloseReason):
            raise InvalidError(_("Choose why this question is closed."), code="bad_reason")
        why = CloseIn.model_construct(
            reason=CloseReason(reason),
            duplicate_of=int(number) if number.isdecimal() and len(number) < 19 else None,  # noqa: PLR2004  # fits 63 bits
        )
        await service.close(desk.db, desk.viewer, question_id, why)

    return await _done(desk, question_id, act)


@router.post("/questions/{question_id}/reopen")
async def reopen(desk: WriteDesk, question_id: int) -> Response:
    """Let a question take answers again."""
    act = lambda: service.reopen(desk.db, desk.viewer, question_id)  # noqa: E731  # one call
    return await _done(desk, question_id, act)


@router.post("/questions/{question_id}/twin")
async def twin(desk: WriteDesk, question_id: int, twin_of: Word = "") -> Response:
    """Link a question with the same one in the other language; without a number, unlink it."""
    # A number, with or without its sign, or the address of its page.
    number = _NUMBER.search(twin_of.partition("/questions/")[2] or twin_of)

    async def act() -> None:
        if not twin_of.strip():
            await service.unlink(desk.db, desk.viewer, question_id)
        elif number is None:
            raise InvalidError(_("Write the number of the other question."), code="bad_number")
        else:
            await service.link(desk.db, desk.viewer, question_id, int(number[0]))

    return await _done(desk, question_id, act)


@router.post("/questions/{question_id}/lock")
async def lock(desk: WriteDesk, question_id: int, value: Word = "1") -> Response:
    """Let nobody but curators write, or everybody again."""
    act = lambda: service.set_locked(  # noqa: E731  # one call
        desk.db, desk.viewer, question_id, locked=value == "1"
    )
    return await _done(desk, question_id, act)


@router.post("/questions/{question_id}/pin")
async def pin(desk: WriteDesk, question_id: int, value: Word = "1") -> Response:
    """Put a question above the list, or back."""
    act = lambda: service.set_pinned(  # noqa: E731  # one call
        desk.db, desk.viewer, question_id, pinned=value == "1"
    )
    return await _done(desk, question_id, act)


@router.post("/suggestions/{suggestion_id}")
async def decide(
    desk: WriteDesk, suggestion_id: int, value: Word = "", reason: Word = "", at: Number = 0
) -> Response:
    """Publish a suggested edit, or turn it down."""
    act = lambda: service.decide_suggestion(  # noqa: E731  # one call
        desk.db, desk.viewer, suggestion_id, approve=value == "approve", reason=reason
    )
    return await _done(desk, at, act)
