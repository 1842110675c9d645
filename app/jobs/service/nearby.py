"""Names of repositories that forms offer."""

from app.core.db import Database
from app.core.security import Viewer
from app.hub import service as hub
from app.hub.schemas import Filters, RepositoryKind, Sort
from worker.contract.tasks import TASKS, TaskName

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


async def near_bases(database: Database, viewer: Viewer, task: TaskName) -> list[str]:
    """Return names of models that a task may start from, as `near_names` does.

    A network on texts is a base for every task on texts; one on images for those alike.
    """
    modality = TASKS[task].modality
    likes: list[dict[str, str]] = [
        {"task": "image-classification" if modality == "image" else task}
    ]
    if modality == "text":
        likes = [{"library": "transformers"}, {"library": "sentence-transformers"}]
    found = [await near_names(database, viewer, RepositoryKind.MODEL, **like) for like in likes]
    return list(dict.fromkeys(name for names in found for name in names))
