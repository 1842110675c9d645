"""Read one question: its posts, their remarks, and what happened to it."""

from collections.abc import Collection, Sequence

from app.accounts import service as accounts
from app.comments import service as comments
from app.comments.schemas import CommentView
from app.core.db import AsyncSession
from app.core.errors import BadRequestError, NotFoundError
from app.core.i18n import _
from app.core.pagination import Page, decode_cursor, encode_cursor
from app.core.security import Viewer
from app.questions import policy
from app.questions.queries import lists, posts
from app.questions.schemas import (
    AnswerSort,
    HappeningView,
    PostView,
    QuestionView,
)
from app.questions.service.views import view
from app.questions.tables import Post
from app.reputation import service as reputation
from app.reputation.schemas import StandingView

ANSWERS, REMARKS = 50, 5
_HAPPENINGS = 100


async def read_question(db: AsyncSession, viewer: Viewer, question_id: int) -> QuestionView:
    """Return a question with what its page shows around the posts.

    Raises:
        NotFoundError: there is none the viewer may see.
    """
    return await view(db, await policy.access_question(db, viewer, question_id))


async def posts_of(
    db: AsyncSession,
    viewer: Viewer,
    question: QuestionView,
    sort: AnswerSort = "best",
    cursor: str = "",
) -> Page[PostView]:
    """Return the question's own words, on the first page, and its answers with their remarks.

    Raises:
        BadRequestError: the cursor is not one of ours.
    """
    after = tuple(decode_cursor(cursor, 3 if sort == "best" else 1)) if cursor else None
    if after is not None and not all(isinstance(value, int) for value in after):
        raise BadRequestError(
            _("This page address is not valid."), fix=_("Start from the first page.")
        )
    found = list(await posts.answers(db, question.id, sort, after, ANSWERS + 1))
    shown, more = found[:ANSWERS], len(found) > ANSWERS
    following = None
    if more:
        last = shown[-1]
        key = [last.is_accepted, last.rank, -last.comment_id]
        following = encode_cursor(key if sort == "best" else [last.comment_id])
    if not cursor and (own := await posts.post(db, question.body_id)) is not None:
        shown = [own, *shown]
    return Page(await _views(db, viewer, shown), following)


async def _views(db: AsyncSession, viewer: Viewer, shown: Sequence[Post]) -> list[PostView]:
    ids = [post.comment_id for post in shown]
    words = await comments.comments_by_id(db, ids, viewer)
    threads = [post.remarks_id for post in shown if post.remarks_id]
    remarks = await comments.first_comments(db, threads, REMARKS, viewer)
    counts = await comments.threads_by_id(db, threads)
    own = await reputation.votes_of(db, viewer, ids)
    authors = {post.author_id for post in shown if post.author_id is not None}
    standings = await reputation.standings(db, authors)
    nobody = StandingView(0)
    return [
        PostView(
            words=words[post.comment_id],
            is_question=post.is_question,
            score=post.score,
            is_accepted=post.is_accepted,
            remarks=tuple(remarks.get(post.remarks_id or 0, ())),
            num_remarks=counts[post.remarks_id].num_comments if post.remarks_id in counts else 0,
            own_vote=own.get(post.comment_id, 0),
            author_points=standings.get(post.author_id or 0, nobody).points,
            author_badges=standings.get(post.author_id or 0, nobody).badges,
            num_better=post.num_better,
            num_worse=post.num_worse,
            evidence=post.evidence,
            won_points=post.won_points,
            won_gpu_seconds=post.won_gpu_seconds,
        )
        for post in shown
    ]


async def post_words(
    db: AsyncSession, viewer: Viewer, comment_id: int
) -> tuple[QuestionView, CommentView]:
    """Return a question's words or an answer, with its question.

    Raises:
        NotFoundError: there is none the viewer may see.
    """
    question, _post = await policy.access_post(db, viewer, comment_id)
    words = await comments.comments_by_id(db, [comment_id], viewer)
    return await view(db, question), words[comment_id]


async def remarks_of(
    db: AsyncSession, viewer: Viewer, post_id: int, after: int = 0
) -> Page[CommentView]:
    """Return the remarks under a post, the oldest first.

    Raises:
        NotFoundError: there is no such post the viewer may see.
    """
    _question, post = await policy.access_post(db, viewer, post_id)
    if post.remarks_id is None:
        return Page([])
    return await comments.list_comments(db, post.remarks_id, after, viewer=viewer)


async def read_remark(
    db: AsyncSession, viewer: Viewer, post_id: int, remark_id: int
) -> CommentView:
    """Return one remark under a post.

    Raises:
        NotFoundError: there is none the viewer may see.
    """
    _question, post = await policy.access_post(db, viewer, post_id)
    if post.remarks_id is None:
        raise NotFoundError(_("There is no such comment."), code="comment_not_found")
    return await comments.find_comment(db, post.remarks_id, remark_id, viewer)


async def happenings(db: AsyncSession, viewer: Viewer, question_id: int) -> list[HappeningView]:
    """Return what happened to a question, the newest first.

    Raises:
        NotFoundError: there is none the viewer may see.
    """
    question = await policy.access_question(db, viewer, question_id)
    found = await posts.events(db, question.id, _HAPPENINGS)
    names = await accounts.names_of(db, (one.author_id for one in found))
    return [
        HappeningView(one.kind, names.get(one.author_id or 0, ""), one.created_at, one.data)
        for one in found
    ]


async def read_post(db: AsyncSession, viewer: Viewer, comment_id: int) -> PostView:
    """Return one post with the viewer's vote.

    Raises:
        NotFoundError: there is none the viewer may see.
    """
    _question, post = await policy.access_post(db, viewer, comment_id)
    return (await _views(db, viewer, [post]))[0]


async def best_answers(db: AsyncSession, question_ids: Collection[int]) -> dict[int, str]:
    """Return the words of the accepted answers of some questions, by question."""
    found = {row.id: row.accepted_id for row in (await lists.by_ids(db, question_ids)).values()}
    words = await comments.comments_by_id(db, [one for one in found.values() if one])
    return {
        question_id: words[accepted].body
        for question_id, accepted in found.items()
        if accepted in words and not words[accepted].is_hidden
    }
