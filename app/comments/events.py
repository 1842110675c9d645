"""News of comments, whatever they hang on; announced, so that it may be heard inside too."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CommentWritten:
    """Somebody wrote a comment, or other words for an earlier one (`is_edit`)."""

    comment_id: int
    thread_id: int
    author_id: int | None
    opens_thread: bool
    body: str
    is_edit: bool = False
    typed_too_fast: bool = False


@dataclass(frozen=True)
class CommentHeld:
    """A comment waits for the moderators: nobody but they and its author reads its words."""

    comment_id: int
    thread_id: int
    author_id: int | None


@dataclass(frozen=True)
class CommentReleased:
    """A comment that waited for the moderators stands again.

    `is_news`: it was held when it was written, so nobody has been told of it yet.
    """

    comment_id: int
    thread_id: int
    author_id: int | None
    is_news: bool = False


@dataclass(frozen=True)
class CommentHidden:
    """The words of a comment were taken away for good."""

    comment_id: int
    thread_id: int
    author_id: int | None
