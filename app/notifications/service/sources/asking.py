"""Questions with their answers and remarks."""

from collections.abc import Collection, Mapping

from app.bounties import service as bounties
from app.comments import service as comments
from app.comments.schemas import CommentView
from app.core.db import AsyncSession
from app.core.errors import NotFoundError
from app.core.markdown import mentioned
from app.notifications.schemas import News, Occasion, Pairs, Reason, SubjectView, Target, What
from app.notifications.service.sources.base import reader
from app.questions import service as questions
from app.questions.schemas import QuestionRow

QUESTION, TAG = "question", "tag"
_MOST_PARTICIPANTS = 1000
_ASKER = 0
# What concerns one person alone: who wrote the post, won the bounty, or put it up.
_ADDRESSED = frozenset({What.BOUNTY_WON, What.BOUNTY_ENDS, What.BOUNTY_OVER, What.SUGGESTED})


class Questions:
    """Who asked, answered or remarked; who follows the tags. Everybody reads what is not hidden."""

    async def occasion(self, db: AsyncSession, news: News) -> Occasion | None:
        """Return the asker, those who answered, and who follows the thread or a tag."""
        row = (await questions.questions_by_id(db, [news.thread.id])).get(news.thread.id)
        words = await _words(db, news)
        if row is None or (words is not None and words.is_hidden):
            return None
        if news.what in _ADDRESSED:
            return Occasion(people=await _addressed(db, news, words))
        is_new = news.what in {What.OPENED, What.BOUNTY_BEGUN}
        said = words.body if words and news.what is not What.ACCEPTED else ""
        return Occasion(
            people=await _people(db, row, news, words),
            named=mentioned(said),
            watched=[news.thread, *(await _tags(db, row) if is_new else ())],
        )

    async def visible(self, db: AsyncSession, wanted: Pairs) -> set[tuple[int, int]]:
        """Whoever asks: what is hidden is news to nobody."""
        found = await questions.questions_by_id(db, {number for _person, number in wanted})
        return {(person, number) for person, number in wanted if number in found}

    async def text(self, db: AsyncSession, news: News) -> str:
        """Return the words; none where the sentence says it all."""
        if news.what in _ADDRESSED:
            return ""
        words = await _words(db, news)
        return words.body if words and not words.is_hidden else ""

    async def views(
        self, db: AsyncSession, ids: Collection[int], entries: Mapping[int, What]
    ) -> dict[int, SubjectView]:
        """Return titles, and addresses of posts and remarks."""
        found = await questions.questions_by_id(db, ids)
        return {
            number: SubjectView(
                title=row.title,
                address=row.url,
                icon="question",
                anchors={entry: _anchor(row, entry, what) for entry, what in entries.items()},
            )
            for number, row in found.items()
        }


async def _words(db: AsyncSession, news: News) -> CommentView | None:
    return await comments.any_comment(db, news.entry_id) if news.entry_id is not None else None


async def _people(
    db: AsyncSession, row: QuestionRow, news: News, words: CommentView | None
) -> dict[int, Reason]:
    people: dict[int, Reason] = {}
    if news.what is not What.OPENED:
        view = await _question_thread(db, row.id)
        threads = {view, words.thread_id} if words else {view}
        for thread in threads - {_ASKER}:
            authors = await comments.authors(db, thread, _MOST_PARTICIPANTS)
            people |= dict.fromkeys(authors, Reason.PARTICIPATION)
    if row.author_id is not None:
        people[row.author_id] = Reason.AUTHOR
    if news.what is What.ACCEPTED and words and words.author_id is not None:
        return {words.author_id: Reason.AUTHOR}
    return people


async def _addressed(db: AsyncSession, news: News, words: CommentView | None) -> dict[int, Reason]:
    if news.what in {What.BOUNTY_WON, What.SUGGESTED}:
        author_id = words.author_id if words else None
        return {author_id: Reason.AUTHOR} if author_id is not None else {}
    giver_id = await bounties.last_giver(db, news.thread.id)
    return {giver_id: Reason.OWNER} if giver_id is not None else {}


async def _question_thread(db: AsyncSession, number: int) -> int:
    try:
        return (await questions.read_question(db, reader(_ASKER), number)).thread_id
    except NotFoundError:
        return _ASKER


async def _tags(db: AsyncSession, row: QuestionRow) -> list[Target]:
    """Return the tags of a question and all the wider ones above them."""
    found: set[int] = set()
    asked: set[str] = set()
    level = set(row.tags)
    while level:
        tags = await questions.known_tags(db, sorted(level))
        found |= {tag.id for tag in tags}
        asked |= level
        level = {tag.parent for tag in tags if tag.parent} - asked
    return [Target(TAG, number) for number in sorted(found)]


def _anchor(row: QuestionRow, entry: int, what: What) -> str:
    return f"{row.url}#{'remark' if what is What.COMMENTED else 'post'}-{entry}"
