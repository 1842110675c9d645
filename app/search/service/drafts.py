"""Things of each feature in the words by which they are found."""

import math
import re
from collections.abc import Iterator, Sequence

from app.accounts.service.indexed import AccountText
from app.collections.schemas import CollectionText, slug_of
from app.comments.schemas import CommentView
from app.discussions.schemas import DiscussionView, Status
from app.hub.service import Repository
from app.jobs.service.indexed import JobText
from app.questions.schemas import QuestionRow
from app.questions.schemas import Status as QuestionStatus
from app.search.schemas import MAX_BODY_CHARS, Draft, Kind
from app.search.words import is_chinese
from app.tutorials.schemas import PublishedText

_RECIPE = re.compile(r"(?m)^(?:```|~~~)recipe\b")
_SECTION = re.compile(r"(?m)^(?=## )")
_MOST_SECTIONS = 500
_DEEPEST = 6
# What is made with care stands before what is only there.
_CARD, _TUTORIAL, _TALK, _COLLECTION, _JOB, _ACCOUNT = 0.2, 0.5, 0.1, 0.3, 0.1, 0.1
_QUESTION, _ANSWER, _ACCEPTED = 0.3, 0.2, 0.4


def of_repository(row: Repository, card: str) -> Draft:
    """Return a model or a data set with its card."""
    liked = math.log1p(row.downloads + 3 * row.likes) / 20
    return Draft(
        kind=Kind(row.kind.value),
        subject_id=row.id,
        place="",
        title=f"{row.owner_name}/{row.name}",
        heading=_headings(card),
        body=f"{row.summary}\n\n{card}" if row.summary not in card else card,
        tags=[tag for tag in row.tags if tag],
        facts=_facts(row, card),
        author=row.owner_name,
        language="zh" if is_chinese(card[:MAX_BODY_CHARS]) else "",
        repository_id=row.id,
        owner_id=row.owner_id,
        private=row.private or row.disabled,
        score=row.likes,
        quality=liked + (_CARD if card.strip() else 0.0),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _facts(row: Repository, card: str) -> list[tuple[str, str]]:
    facts = [("task", row.task), ("library", row.library), ("license", row.license)]
    facts += [("lang", language[:2]) for language in row.languages]
    return [*facts, ("has", "card" if card.strip() else "")]


def of_tutorial(found: PublishedText) -> Iterator[Draft]:
    """Yield the sections of a tutorial; those after very many are one."""
    text = found.text
    facts = [("has", "recipe" if _RECIPE.search(text.body) else "")]
    facts += [("has", "code" if "```" in text.body else "")]
    for part, section in enumerate(_SECTION.split(text.body, _MOST_SECTIONS - 1)):
        yield Draft(
            kind=Kind.TUTORIAL,
            subject_id=found.tutorial_id,
            part=part,
            language=text.language[:2],
            place=f"/tutorials/{found.slug}?lang={text.language}",
            title=text.title,
            facts=facts,
            heading=_headings(section),
            body=f"{text.summary}\n\n{section}" if part == 0 else section,
            quality=_TUTORIAL,
            created_at=found.published_at,
            updated_at=found.published_at,
        )


def of_discussion(
    one: DiscussionView, comments: Sequence[CommentView], row: Repository
) -> Iterator[Draft]:
    """Yield the comments of a discussion."""
    for part, comment in enumerate([] if one.is_held else comments):
        if comment.is_hidden:
            continue
        anchor = f"#comment-{comment.id}" if part else ""
        yield Draft(
            kind=Kind.DISCUSSION,
            subject_id=one.id,
            part=part,
            language="zh" if is_chinese(comment.body) else "",
            place=f"/discussions/{one.num}{anchor}",
            title=one.title,
            body=comment.body,
            author=comment.author,
            repository_id=row.id,
            owner_id=row.owner_id,
            private=row.private or row.disabled,
            quality=_TALK,
            is_open=one.status in {Status.OPEN, Status.DRAFT},
            created_at=comment.created_at,
            updated_at=comment.edited_at or comment.created_at,
        )


def _headings(markdown: str) -> str:
    """Return the headings among the beginning of a text, of which alone the index keeps words."""
    lines = markdown[:MAX_BODY_CHARS].split("\n")
    return "\n".join(filter(None, map(_heading, lines)))


def _heading(line: str) -> str:
    words = line.lstrip("#")
    if not 1 <= len(line) - len(words) <= _DEEPEST or not words.startswith(" "):
        return ""
    return words.strip().rstrip("#").rstrip()


def of_job(found: JobText) -> Draft:
    """Return a job, for its owner."""
    about = f"{found.task} {' '.join(found.inputs)}"
    return Draft(
        kind=Kind.JOB,
        subject_id=found.id,
        place=f"/jobs/{found.id}",
        title=found.title,
        heading=found.failure,
        body=f"{found.failure}\n\n{about}" if found.failure else about,
        facts=[("job", str(found.id)), ("task", found.task), ("has", "recipe")],
        author=found.owner,
        owner_id=found.owner_id,
        private=True,
        quality=_JOB,
        is_open=not found.is_over,
        created_at=found.created_at,
        updated_at=found.changed_at,
    )


def of_account(found: AccountText) -> Draft:
    """Return a person or an organisation."""
    return Draft(
        kind=Kind.ACCOUNT,
        subject_id=found.id,
        place=f"/{found.name}",
        title=f"{found.display_name} ({found.name})" if found.display_name else found.name,
        body=found.about,
        quality=_ACCOUNT,
        created_at=found.created_at,
        updated_at=found.changed_at,
    )


def of_collection(row: CollectionText) -> Draft:
    """Return a collection, without the names of what stands in it."""
    return Draft(
        kind=Kind.COLLECTION,
        subject_id=row.id,
        place=f"/collections/{slug_of(row.owner, row.title, row.id)}",
        title=row.title,
        body=row.description,
        author=row.owner,
        language="zh" if is_chinese(f"{row.title} {row.description}") else "",
        owner_id=row.owner_id,
        private=row.private,
        score=row.upvotes,
        quality=_COLLECTION,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def of_question(
    row: QuestionRow, posts: Sequence[tuple[CommentView, bool, int]]
) -> Iterator[Draft]:
    """Yield a question and its answers, each with a place of its own on the page."""
    solved = [("has", "accepted"), ("is", "answered")] if row.is_answered else []
    solved += [("is", "bounty")] if row.prize else []
    for place, (words, is_accepted, score) in enumerate(posts):
        is_question = place == 0
        worth = _QUESTION if is_question else _ACCEPTED if is_accepted else _ANSWER
        yield Draft(
            kind=Kind.QUESTION,
            subject_id=row.id,
            part=0 if is_question else words.id,
            place=row.url if is_question else f"{row.url}#answer-{words.id}",
            title=row.title,
            heading=words.body if is_accepted else "",
            body=words.body,
            tags=row.tags,
            facts=solved,
            author=words.author,
            language=row.language[:2],
            score=score,
            quality=worth + math.log1p(max(score, 0)) / 20,
            is_open=row.status is QuestionStatus.OPEN,
            created_at=words.created_at,
            updated_at=words.edited_at or words.created_at,
        )
