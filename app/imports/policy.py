"""Who may see and steer an import: who started it, and the site's administrators."""

from app.core.db import AsyncSession
from app.core.errors import NotFoundError
from app.core.i18n import _
from app.core.security import Viewer
from app.imports import queries
from app.imports.tables import Import


async def access_import(db: AsyncSession, viewer: Viewer, import_id: int) -> Import:
    """Return the import if the viewer started it or administers the site.

    Raises:
        NotFoundError: no such import, or not theirs; the answer never tells which.
    """
    found = await queries.import_by_id(db, import_id)
    if found is None or not viewer.may_steer(found.user_id):
        raise NotFoundError(_("There is no such import."))
    return found
