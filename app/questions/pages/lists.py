"""The list of questions, and one's own drafts."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from app.accounts import service as accounts
from app.core.errors import NotFoundError
from app.core.feeds import ENTRIES, Entry, Feed, feed, list_address
from app.core.i18n import LANGUAGES, _
from app.questions import service
from app.questions.pages.frame import ReadDesk, WriteDesk, see
from app.questions.schemas import QuestionRow, Sort
from app.reputation import service as reputation

router = APIRouter()
_PAGE, _POPULAR = 30, 16


class ListQuery(BaseModel):
    """Which questions somebody wants to see."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    sort: Sort = "active"
    lang: Annotated[str, Field(max_length=10)] = ""
    only: Annotated[str, Field(max_length=10)] = ""
    cursor: Annotated[str, Field(max_length=200)] = ""

    @property
    def languages(self) -> list[str]:
        """The languages of the questions wanted; none means all."""
        return [self.only] if self.only in LANGUAGES else []


@router.get("/questions")
async def list_page(desk: ReadDesk, query: Annotated[ListQuery, Query()]) -> HTMLResponse:
    """List questions."""
    page = await service.list_questions(
        desk.db, query.sort, None, query.languages, query.cursor, _PAGE
    )
    is_first = query.sort == "active" and not query.cursor and not query.languages
    pinned = await service.pinned_questions(desk.db) if is_first else []
    above = {row.id for row in pinned}
    return desk.show(
        "questions/list.html",
        rows=[*pinned, *(row for row in page.items if row.id not in above)],
        next_cursor=page.next_cursor,
        query=query,
        popular=(await service.list_tags(desk.db, limit=_POPULAR)).items,
    )


@feed(router, "/questions")
async def questions_feed(
    request: Request, desk: ReadDesk, query: Annotated[ListQuery, Query()]
) -> Feed:
    """Tell of the newest questions."""
    page = await service.list_questions(desk.db, "new", None, query.languages, "", ENTRIES)
    entries = [question_entry(row) for row in page.items]
    return Feed(f"{_('Questions')} · Tuningfork", list_address(request), entries)


def question_entry(row: QuestionRow) -> Entry:
    """Return a question as an entry of a feed."""
    return Entry(
        key=f"question/{row.id}",
        title=row.title,
        address=row.url,
        updated=row.active_at,
        published=row.created_at,
        author=row.author,
        summary=row.excerpt,
        language=row.language,
    )


@router.get("/questions/by/{name}")
async def by_person(desk: ReadDesk, name: str) -> HTMLResponse:
    """Show what somebody asked and answered last."""
    person = await accounts.find_account(desk.db, name)
    if person is None:
        raise NotFoundError(_("There is nobody of this name."))
    standings = await reputation.standings(desk.db, [person.id])
    return desk.show(
        "questions/by.html",
        person=person,
        asked=await service.questions_by(desk.db, person.id),
        answered=await service.questions_answered_by(desk.db, person.id),
        standing=standings[person.id],
    )


@router.get("/questions/by/{name}/points")
async def points(
    desk: ReadDesk, name: str, cursor: Annotated[int | None, Query(gt=0, lt=1 << 63)] = None
) -> HTMLResponse:
    """Show how somebody's points moved, the newest first."""
    person = await accounts.find_account(desk.db, name)
    if person is None:
        raise NotFoundError(_("There is nobody of this name."))
    page = await reputation.history(desk.db, person.id, cursor)
    posts = {one.comment_id for one in page.items if one.comment_id is not None}
    return desk.show(
        "questions/points.html",
        person=person,
        entries=page.items,
        next_cursor=page.next_cursor,
        standing=(await reputation.standings(desk.db, [person.id]))[person.id],
        about=await service.questions_of_posts(desk.db, posts),
    )


@router.get("/drafts")
async def drafts_page(desk: WriteDesk) -> HTMLResponse:
    """List what one has begun to write."""
    return desk.show("questions/drafts.html", drafts=await service.drafts_of(desk.db, desk.viewer))


@router.post("/drafts/{target}/forget")
async def forget_draft(desk: WriteDesk, target: str) -> Response:
    """Throw a draft away."""
    await service.forget(desk.db, desk.viewer, target)
    return see("/drafts")
