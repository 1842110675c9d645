"""What search engines read of a question: schema.org's QAPage."""

from collections.abc import Sequence
from typing import Any

from fastapi import Request

from app.core.http import site_address
from app.questions.schemas import PostView, QuestionRow, QuestionView, TwinView


def question_page_data(
    request: Request,
    question: QuestionView,
    posts: Sequence[PostView],
    twin: TwinView | None = None,
) -> dict[str, Any]:
    """Return the QAPage of a question as its page shows it; its twin's answer solves it too."""
    here = site_address(request)
    own = next((post for post in posts if post.is_question), None)
    answers = [post for post in posts if not post.is_question and not post.words.is_hidden]
    entity: dict[str, Any] = {
        "@type": "Question",
        "name": question.title,
        "text": own.words.body if own else "",
        "answerCount": question.num_answers,
        "upvoteCount": question.score,
        "dateCreated": question.created_at.isoformat(),
        "author": _person(here, question.author),
        "suggestedAnswer": [
            _answer(here, question, post) for post in answers if not post.is_accepted
        ],
    }
    if accepted := [post for post in answers if post.is_accepted]:
        entity["acceptedAnswer"] = _answer(here, question, accepted[0])
    elif twin and twin.accepted:
        solved = PostView(
            twin.accepted, is_question=False, score=twin.accepted_score, is_accepted=True
        )
        told = _answer(here, twin.row, solved)
        entity["acceptedAnswer"] = {**told, "inLanguage": twin.row.language}
    return {
        "@context": "https://schema.org",
        "@type": "QAPage",
        "inLanguage": question.language,
        "mainEntity": entity,
    }


def _answer(here: str, question: QuestionRow, post: PostView) -> dict[str, Any]:
    return {
        "@type": "Answer",
        "text": post.words.body,
        "upvoteCount": post.score,
        "dateCreated": post.words.created_at.isoformat(),
        "url": f"{here}{question.url}#answer-{post.words.id}",
        "author": _person(here, post.words.author),
    }


def _person(here: str, name: str) -> dict[str, str]:
    found = {"@type": "Person", "name": name or "?"}
    return {**found, "url": f"{here}/{name}"} if name else found
