"""Who may see and steer a sweep: its owner, and the site's administrators."""

from app.core.db import AsyncSession
from app.core.errors import NotFoundError
from app.core.i18n import _
from app.core.security import Viewer
from app.sweeps import queries
from app.sweeps.tables import Sweep


async def access_sweep(db: AsyncSession, viewer: Viewer, sweep_id: int) -> Sweep:
    """Return the sweep if the viewer owns it or administers the site.

    Raises:
        NotFoundError: no such sweep, or not theirs; the answer never tells which.
    """
    sweep = await queries.sweep_by_id(db, sweep_id)
    if sweep is None or not viewer.may_steer(sweep.owner_id):
        raise NotFoundError(_("There is no such sweep."))
    return sweep
