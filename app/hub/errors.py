"""The hub's answers to what is not there, with the codes that Hugging Face clients choose by."""

from app.core.errors import ConflictError, NotFoundError
from app.core.i18n import _
from app.hub.schemas import RepositoryKind


def repository_not_found() -> NotFoundError:
    """Return the one answer for a missing and for an invisible repository."""
    return NotFoundError(
        _("Repository not found."),
        fix=_("Check the name; a private repository needs a token that may read it."),
        code="RepoNotFound",
        headers={"X-Error-Code": "RepoNotFound"},
    )


def revision_not_found(revision: str) -> NotFoundError:
    """Return the answer for a branch, tag or commit that is not there."""
    return NotFoundError(
        _("Invalid rev id: %(revision)s") % {"revision": ascii(revision[:200])[1:-1]},
        fix=_("Name a branch, a tag or a commit of this repository."),
        code="RevisionNotFound",
        headers={"X-Error-Code": "RevisionNotFound"},
    )


def entry_not_found(path: str, commit: str) -> NotFoundError:
    """Return the answer for a path that is not there; clients remember it by the commit."""
    return NotFoundError(
        _("A file with this name doesn't exist: %(path)s") % {"path": ascii(path[:200])[1:-1]},
        code="EntryNotFound",
        headers={"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit},
    )


def repository_exists(kind: RepositoryKind, full_name: str) -> ConflictError:
    """Return the answer to creating or renaming onto a name that is taken."""
    word = "model" if kind is RepositoryKind.MODEL else "dataset"
    return ConflictError(
        _("A %(kind)s repository called %(name)s already exists")
        % {"kind": word, "name": full_name},
        fix=_("Choose another name."),
        code="exists",
    )
