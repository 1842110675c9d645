"""Where everything is that everybody may open."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, and_, func, or_, select

from app.core.db import AsyncSession
from app.core.security import ANONYMOUS
from app.hub.schemas import RepositoryKind
from app.hub.service import Repository, visible_to
from app.search.queries.finding import IsVisible
from app.search.tables import Document


async def last_number(db: AsyncSession) -> int:
    """Return the number of the newest text."""
    return await db.scalar(select(func.max(Document.id))) or 0


async def public_places(
    db: AsyncSession, is_visible: IsVisible, after: int, last: int, limit: int
) -> Sequence[Row[int, str, datetime, RepositoryKind | None, str | None, str | None]]:
    """Return number, place and last change of the next public things, and their repositories."""
    shown = (Repository.kind, Repository.owner_name, Repository.name)
    statement = (
        select(Document.id, Document.place, Document.updated_at, *shown)
        .join(Repository, Repository.id == Document.repository_id, isouter=True)
        .where(
            Document.id > after,
            Document.id <= last,
            Document.part == 0,
            Document.private.is_(False),
            or_(
                and_(Repository.id.is_not(None), visible_to(ANONYMOUS)),
                and_(
                    Document.repository_id.is_(None),
                    is_visible(Document.kind, Document.subject_id),
                ),
            ),
        )
        .order_by(Document.id)
        .limit(limit)
    )
    return (await db.execute(statement)).all()
