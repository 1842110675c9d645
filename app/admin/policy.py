"""Who looks after the site, and what they must prove before what cannot be taken back."""

from app.accounts import service as accounts
from app.core.errors import Detail, InvalidError, NotFoundError
from app.core.i18n import _
from app.core.security import Viewer


def require_admin(viewer: Viewer) -> int:
    """Return the administrator's id; to everybody else there is nothing here.

    Raises:
        NotFoundError: the viewer does not administer the site.
    """
    if not viewer.is_admin or viewer.user_id is None:
        raise NotFoundError("There is nothing at this address.")
    return viewer.user_id


def require_proof(viewer: Viewer, typed: str, name: str) -> int:
    """Return the administrator's id if a browser proved who sits before it, and typed the name.

    A program's token was made for administering, which is its proof.

    Raises:
        ConfirmationNeededError: the browser must prove it first.
        InvalidError: the typed name is another.
    """
    user_id = require_admin(viewer)
    if viewer.session_id is not None:
        accounts.require_confirmed(viewer)
    if typed.strip().casefold() != name.casefold():
        problem = _("Type “%(name)s” to say that you mean it.") % {"name": name}
        raise InvalidError(problem, code="not_confirmed", details=[Detail("confirm", problem)])
    return user_id
