"""Discussions, pull requests and what happened in them, in the JSON that clients read."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.comments.schemas import CommentView
from app.core.markdown import Links
from app.discussions.schemas import DiscussionView, Entry, EventKind, EventView
from app.hfapi.views import full_name, moment
from app.hub.schemas import ChangeKind, Diff, FileChange
from app.hub.service import Repository

# What clients show in place of the words of a hidden comment.
_HIDDEN = "This comment has been hidden"
_FILE = "100644"


def author(name: str) -> dict[str, Any]:
    """Return who did it, to be merged in; nothing if the account is gone."""
    if not name:
        return {}
    return {"author": {"name": name, "fullname": name, "type": "user", "isPro": False}}


def discussion(repository: Repository, found: DiscussionView) -> dict[str, Any]:
    """Return a discussion as lists show it."""
    return {
        "num": found.num,
        "title": found.title,
        "status": found.status.value,
        "isPullRequest": found.is_pull_request,
        "createdAt": moment(found.created_at),
        "pinned": found.pinned,
        "locked": found.locked,
        "numComments": found.num_comments,
        "repo": {"name": full_name(repository), "type": repository.kind.value},
        **author(found.author),
    }


def event(
    entry: Entry, found: DiscussionView, wordings: Mapping[int, Sequence[str]], links: Links
) -> dict[str, Any]:
    """Return something that happened in a discussion."""
    if isinstance(entry, CommentView):
        return comment(entry, wordings.get(entry.id, ()), links)
    if isinstance(entry, EventView):
        return change(entry)
    moment_shown = max(entry.committed_at, found.created_at)
    return {
        "id": entry.oid[:24],
        "type": "commit",
        "createdAt": moment(moment_shown),
        "data": {"subject": entry.title, "oid": entry.oid},
        **author(entry.author_name),
    }


def comment(
    found: CommentView, wordings: Sequence[str] = (), links: Links | None = None
) -> dict[str, Any]:
    """Return a comment with its earlier wordings; a hidden one has lost all of them."""
    latest = {
        "raw": _HIDDEN if found.is_hidden else found.body,
        "html": f"<p>{_HIDDEN}</p>" if found.is_hidden else str(found.markup(links)),
        "updatedAt": moment(found.edited_at or found.created_at),
        **author(found.editor),
    }
    return {
        "id": f"{found.id:024x}",
        "type": "comment",
        "createdAt": moment(found.created_at),
        "data": {
            "edited": found.num_edits > 0,
            "hidden": found.is_hidden,
            "numEdits": found.num_edits,
            "latest": latest,
            "history": [{"raw": text} for text in wordings],
        },
        **author(found.author),
    }


def change(found: EventView) -> dict[str, Any]:
    """Return a change of status or title, a pin or a lock."""
    data: dict[str, Any] = dict(found.data)
    if found.kind in {EventKind.PINNED, EventKind.LOCKED}:
        data = {name: bool(value) for name, value in data.items()}
    return {
        "id": f"e{found.id:023x}",
        "type": found.kind.value,
        "createdAt": moment(found.created_at),
        "data": data,
        **author(found.author),
    }


def diff_text(diff: Diff) -> str:
    """Return a diff as git writes it; of binary and large files only that they differ."""
    return "".join(_file(change) for change in diff.files)


def _file(change: FileChange) -> str:
    lines = [f"diff --git a/{change.path} b/{change.path}"]
    if change.kind is ChangeKind.ADDED:
        lines.append(f"new file mode {_FILE}")
    elif change.kind is ChangeKind.DELETED:
        lines.append(f"deleted file mode {_FILE}")
    if change.patch:
        patch = change.patch
        if change.kind is ChangeKind.ADDED:
            patch = patch.replace(f"--- a/{change.path}", "--- /dev/null", 1)
        elif change.kind is ChangeKind.DELETED:
            patch = patch.replace(f"+++ b/{change.path}", "+++ /dev/null", 1)
        lines.append(patch)
    elif change.is_binary or change.is_truncated:
        lines.append(f"Binary files a/{change.path} and b/{change.path} differ")
    return "\n".join(lines) + "\n"
