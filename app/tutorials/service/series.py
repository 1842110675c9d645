"""Series of tutorials, and which chapters somebody has read."""

from app.core.db import AsyncSession
from app.core.errors import ConflictError, ForbiddenError, NotFoundError
from app.core.i18n import _
from app.core.security import Viewer
from app.tutorials import queries
from app.tutorials.policy import require_person
from app.tutorials.schemas import Chapter, SeriesView
from app.tutorials.service.reading import title_in
from app.tutorials.service.writing import check_slug
from app.tutorials.tables import Series, Tutorial

MOST_CHAPTERS = 100


async def series_view(
    db: AsyncSession, viewer: Viewer, series_id: int, language: str
) -> SeriesView | None:
    """Return a series as the viewer sees it; None if there is none any more."""
    found = await queries.series_by_id(db, series_id)
    return None if found is None else await _view(db, viewer, found, language)


async def read_series(db: AsyncSession, viewer: Viewer, slug: str, language: str) -> SeriesView:
    """Return the series at an address.

    Raises:
        NotFoundError: there is none with a published chapter.
    """
    found = await queries.find_series(db, slug)
    view = await _view(db, viewer, found, language) if found else None
    if view is None or not view.chapters:
        raise NotFoundError(_("There is no such series."), fix=_("Look through the list."))
    return view


async def _view(db: AsyncSession, viewer: Viewer, found: Series, language: str) -> SeriesView:
    rows = await queries.chapters(db, found.id, MOST_CHAPTERS)
    ids = [row.id for row in rows]
    versions = await queries.best_versions(db, ids, language)
    read = await queries.read_by(db, viewer.user_id, ids) if viewer.user_id else set()
    return SeriesView(
        id=found.id,
        slug=found.slug,
        title=title_in(found.titles, language),
        chapters=[
            Chapter(row.id, row.slug, versions[row.id].title, row.chapter, row.id in read)
            for row in rows
            if row.id in versions
        ],
    )


async def set_read(db: AsyncSession, viewer: Viewer, tutorial_id: int, *, read: bool) -> None:
    """Note that the viewer has read a tutorial, or has not."""
    user_id = viewer.require_user()
    if read:
        await queries.mark_read(db, user_id, tutorial_id)
    else:
        await queries.unmark_read(db, user_id, tutorial_id)


async def has_read(db: AsyncSession, viewer: Viewer, tutorial_id: int) -> bool:
    """Whether the viewer has read a tutorial."""
    if viewer.user_id is None:
        return False
    return bool(await queries.read_by(db, viewer.user_id, [tutorial_id]))


async def put_into_series(  # where a chapter stands
    db: AsyncSession,
    viewer: Viewer,
    tutorial: Tutorial,
    slug: str,
    titles: dict[str, str],
    chapter: int,
) -> None:
    """Make a tutorial a chapter of a series of the viewer's own, which is made if it is new.

    An empty `slug` takes it out. Titles that are given replace those the series has.

    Raises:
        InvalidError: the address has another form.
        ForbiddenError: the series is somebody else's.
        ConflictError: a new series has no title.
    """
    user_id = require_person(viewer)
    if not slug.strip():
        tutorial.series_id, tutorial.chapter = None, 0
        await db.flush()
        return
    slug = check_slug(slug)
    titles = {language: title.strip()[:200] for language, title in titles.items() if title.strip()}
    await queries.lock(db, f"tutorials.series:{slug}")
    found = await queries.find_series(db, slug)
    if found is None:
        if not titles:
            raise ConflictError(_("A new series needs a title."), fix=_("Write one beside it."))
        found = Series(slug=slug, owner_id=user_id, titles=titles)
        db.add(found)
        await db.flush()
    elif found.owner_id is None or not viewer.may_steer(found.owner_id):
        raise ForbiddenError(
            _("This series is somebody else's."), fix=_("Choose another address for yours.")
        )
    else:
        found.titles = {**found.titles, **titles}
    tutorial.series_id, tutorial.chapter = found.id, max(0, min(chapter, MOST_CHAPTERS))
    await db.flush()
