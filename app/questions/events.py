"""News from questions."""

from dataclasses import dataclass


@dataclass(frozen=True)
class QuestionAsked:
    """There is a new question; `tag_ids` are its tags and the wider ones."""

    question_id: int
    author_id: int
    comment_id: int
    tag_ids: tuple[int, ...]


@dataclass(frozen=True)
class TagMerged:
    """A tag leads to another one from now on."""

    tag_id: int
    into_id: int


@dataclass(frozen=True)
class AnswerPosted:
    """Somebody answered a question."""

    question_id: int
    comment_id: int
    author_id: int


@dataclass(frozen=True)
class RemarkPosted:
    """Somebody remarked on a question or an answer (`post_id`)."""

    question_id: int
    post_id: int
    comment_id: int
    author_id: int


@dataclass(frozen=True)
class AnswerAccepted:
    """The asker, or a moderator, found that an answer solves it."""

    question_id: int
    comment_id: int
    by_id: int


@dataclass(frozen=True)
class PostEdited:
    """A question, an answer or a remark has new words."""

    question_id: int
    comment_id: int
    by_id: int


@dataclass(frozen=True)
class QuestionChanged:
    """Status, title, tags or votes of a question changed; `by_id` 0 for a vote."""

    question_id: int
    by_id: int = 0


@dataclass(frozen=True)
class QuestionClosed:
    """A question was closed, or reopened."""

    question_id: int
    by_id: int
    closed: bool


@dataclass(frozen=True)
class EditSuggested:
    """Somebody proposes another wording of a post."""

    question_id: int
    comment_id: int
    suggestion_id: int
    author_id: int
