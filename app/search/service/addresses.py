"""The addresses of everything public, for search engines."""

from datetime import datetime

from app.core.db import AsyncSession
from app.core.security import ANONYMOUS
from app.search.queries import addresses
from app.search.queries.addresses import last_number
from app.search.service.finding import visible_to

__all__ = ["last_number", "public_addresses"]


async def public_addresses(
    db: AsyncSession, after: int, last: int, limit: int
) -> list[tuple[int, str, datetime]]:
    """Return (number, address, last change) of the next things that everybody may open."""
    rows = await addresses.public_places(db, visible_to(ANONYMOUS), after, last, limit)
    return [
        (number, place if kind is None else f"/{kind.web_prefix}{owner}/{name}{place}", changed)
        for number, place, changed, kind, owner, name in rows
    ]
