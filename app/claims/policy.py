"""Who may review what a card claims."""

from app.core.db import AsyncSession
from app.core.errors import ForbiddenError
from app.core.i18n import _
from app.core.security import Viewer
from app.hub import policy as hub_policy
from app.hub.schemas import RepositoryKind
from app.hub.service import Repository


async def access_model(db: AsyncSession, viewer: Viewer, owner: str, name: str) -> Repository:
    """Return a model the viewer may see, with its claims.

    Raises:
        NotFoundError: there is none, or the viewer may not see it.
        MovedError: it had this address once.
    """
    return await hub_policy.access_repository(db, viewer, RepositoryKind.MODEL, owner, name)


def is_of_the_house(viewer: Viewer, repository: Repository, maker_id: int | None) -> bool:
    """Whether what the card claims is what the viewer, or their organisation, claims."""
    theirs = {repository.owner_id, repository.creator_id, maker_id}
    return viewer.user_id in theirs or repository.owner_id in viewer.organization_ids


def require_outsider(viewer: Viewer, repository: Repository, maker_id: int | None) -> int:
    """Return the viewer's id if the claims are not their own.

    Raises:
        UnauthorizedError: nobody is signed in.
        ForbiddenError: the model is theirs, or they trained it.
    """
    user_id = viewer.require_user()
    if is_of_the_house(viewer, repository, maker_id):
        raise ForbiddenError(
            _("Nobody reviews what they claim themselves."),
            fix=_("Ask somebody else to run the recipe; you may comment on every claim."),
            code="own_claim",
        )
    return user_id
