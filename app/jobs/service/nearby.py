"""Names of repositories that forms offer."""

from app.core.db import Database
from app.core.security import Viewer
from app.hub import service as hub
from app.hub.schemas import Filters, RepositoryKind, Sort

_NUM_NAMES = 30


async def near_names(
    database: Database, viewer: Viewer, kind: RepositoryKind, task: str = "", library: str = ""
) -> list[str]:
    """Return names the viewer may use: their own, newest first, then the much used ones."""
    everybodys = Filters(kind, task=task, library=library, sort=Sort.DOWNLOADS, limit=_NUM_NAMES)
    own = Filters(
        kind, task=task, library=library, sort=Sort.UPDATED, limit=_NUM_NAMES, owner=viewer.name
    )
    async with database.transaction() as db:
        pages = [await hub.list_repositories(db, viewer, own)] if viewer.is_signed_in else []
        pages.append(await hub.list_repositories(db, viewer, everybodys))
    return list(dict.fromkeys(row.full_name for page in pages for row in page.items))
