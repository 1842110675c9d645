"""What every feature that has news answers about its threads."""

from collections.abc import Collection, Mapping
from typing import Protocol

from app.core.db import AsyncSession
from app.core.security import READ_SCOPES, Viewer
from app.notifications.schemas import News, Occasion, Pairs, SubjectView, What


class Source(Protocol):
    """One kind of thread, asked by number; the feature that owns it decides who may see it."""

    async def occasion(self, db: AsyncSession, news: News) -> Occasion | None:
        """Return who might want to know, None if what happened is not there any more."""
        ...

    async def visible(self, db: AsyncSession, wanted: Pairs) -> set[tuple[int, int]]:
        """Return those pairs of person and thread where the person may see the thread now."""
        ...

    async def text(self, db: AsyncSession, news: News) -> str:
        """Return what was said, as a letter tells it: Markdown, empty if there is nothing."""
        ...

    async def views(
        self, db: AsyncSession, ids: Collection[int], entries: Mapping[int, What]
    ) -> dict[int, SubjectView]:
        """Return what the threads are called, with the addresses of these entries in them."""
        ...


def reader(person_id: int) -> Viewer:
    """Return a person as a reader, without an administrator's rights.

    Those are for the site's care, not for news of it all.
    """
    return Viewer(user_id=person_id, scopes=READ_SCOPES)


def by_thread(wanted: Pairs) -> dict[int, set[int]]:
    """Return the people of each thread."""
    found: dict[int, set[int]] = {}
    for person, thread in wanted:
        found.setdefault(thread, set()).add(person)
    return found
