"""What discussions do for the rest of the site; other features call these and nothing deeper."""

from app.discussions.queries import changed_since
from app.discussions.service.opening import open_discussion, open_with_commit
from app.discussions.service.pulls import changes_of, merge
from app.discussions.service.reading import (
    DiscussionPage,
    count_discussions,
    discussions_by_id,
    find_comment,
    get_discussion,
    happened_between,
    list_numbered,
    list_page,
    places,
    timeline,
    whole_discussions,
)
from app.discussions.service.records import note_decision, rename_commits
from app.discussions.service.review import Review, review
from app.discussions.service.status import set_status
from app.discussions.service.talking import (
    comment,
    edit_comment,
    hide_comment,
    retitle,
    set_locked,
    set_pinned,
)
from app.discussions.service.updating import (
    Choice,
    OpenConflict,
    Side,
    open_conflicts,
    require_update,
    update_from_main,
)

__all__ = [
    "Choice",
    "DiscussionPage",
    "OpenConflict",
    "Review",
    "Side",
    "changed_since",
    "changes_of",
    "comment",
    "count_discussions",
    "discussions_by_id",
    "edit_comment",
    "find_comment",
    "get_discussion",
    "happened_between",
    "hide_comment",
    "list_numbered",
    "list_page",
    "merge",
    "note_decision",
    "open_conflicts",
    "open_discussion",
    "open_with_commit",
    "places",
    "rename_commits",
    "require_update",
    "retitle",
    "review",
    "set_locked",
    "set_pinned",
    "set_status",
    "timeline",
    "update_from_main",
    "whole_discussions",
]
