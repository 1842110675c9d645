"""What other features see of a thread."""

from dataclasses import dataclass, field
from datetime import datetime

from markupsafe import Markup

from app.core.markdown import Links, render_markdown
from app.core.security import Viewer

MAX_BODY = 65_536


@dataclass(frozen=True)
class CommentView:
    """A comment; `body` is empty if it was hidden. `author` is empty if the account is gone.

    One that is held for the moderators is hidden too, but for its author and for them.
    """

    id: int
    thread_id: int
    author_id: int | None
    author: str
    editor: str
    body: str = field(repr=False)
    created_at: datetime
    edited_at: datetime | None = None
    num_edits: int = 0
    is_hidden: bool = False
    is_held: bool = False
    opens_thread: bool = False

    def markup(self, links: Links | None = None) -> Markup:
        """Return the comment as safe markup."""
        return render_markdown(self.body, links)


@dataclass(frozen=True)
class RevisionView:
    """One wording of a comment; the last one is what stands there now."""

    number: int
    body: str = field(repr=False)
    editor: str
    written_at: datetime


@dataclass(frozen=True)
class ThreadView:
    """How much there is in a thread."""

    id: int
    num_comments: int
    last_comment_at: datetime
    subject: str = ""
    subject_id: int = 0
    is_held: bool = False


def may_read_held(viewer: Viewer | None, author_id: int | None) -> bool:
    """Whether somebody may read what waits for the moderators: who wrote it, and they."""
    if viewer is None or viewer.user_id is None:
        return False
    return viewer.is_moderator or viewer.user_id == author_id
