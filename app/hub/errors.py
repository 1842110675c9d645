"""The hub's answers to what is not there, with the codes that Hugging Face clients choose by."""

from app.core.errors import ConflictError, ForbiddenError, NotFoundError, UnauthorizedError
from app.core.i18n import _
from app.hub.schemas import AccessStatus, RepositoryKind
from app.hub.tables import Repository


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


_GATED = {"X-Error-Code": "GatedRepo"}
# Clients tell a gate from other refusals by these words, so they are not translated.
_RESTRICTED = "Access to {kind} {name} is restricted and you are not in the authorized list."
_STATES = {
    None: "Visit the page of the {kind} to ask for access.",
    AccessStatus.PENDING: "Your request to access {kind} {name} is awaiting a review.",
    AccessStatus.REJECTED: "Your request to access {kind} {name} has been rejected.",
    AccessStatus.ACCEPTED: "",
}


def gated_for_visitors(repository: Repository) -> UnauthorizedError:
    """Return the answer of a gated repository to somebody who is not signed in."""
    return UnauthorizedError(
        _gate_sentence(repository, _RESTRICTED) + " Please log in.",
        fix=_("Sign in, or send an access token; then ask for access on its page."),
        code="GatedRepo",
        headers=_GATED | {"WWW-Authenticate": 'Basic realm="Tuningfork"'},
    )


def gated(repository: Repository, status: AccessStatus | None) -> ForbiddenError:
    """Return the answer of a gated repository to somebody who was not let in (yet)."""
    return ForbiddenError(
        _gate_sentence(repository, f"{_RESTRICTED} {_STATES[status]}"),
        fix=_("Ask for access on the page of the repository."),
        code="GatedRepo",
        headers=_GATED,
    )


def _gate_sentence(repository: Repository, sentence: str) -> str:
    name = f"{repository.owner_name}/{repository.name}"
    return sentence.format(kind=repository.kind.value, name=name)


def disabled() -> ForbiddenError:
    """Return the answer of a repository that the site's administrators closed."""
    return ForbiddenError("Access to this resource is disabled.", code="disabled")
