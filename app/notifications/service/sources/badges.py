"""Badges somebody earned: each is news for them alone."""

from collections.abc import Collection, Mapping

from app.badges import service as badges
from app.core.db import AsyncSession
from app.notifications.schemas import News, Occasion, Pairs, Reason, SubjectView, What

BADGE = "badge"


class Badges:
    """The thread's number is that of the award."""

    async def occasion(self, db: AsyncSession, news: News) -> Occasion | None:
        """Return who earned it."""
        found = (await badges.awards_by_id(db, [news.thread.id])).get(news.thread.id)
        return Occasion(people={found.person_id: Reason.OWNER}) if found else None

    async def visible(self, db: AsyncSession, wanted: Pairs) -> set[tuple[int, int]]:
        """Everybody is told of their own."""
        found = await badges.awards_by_id(db, {number for _person, number in wanted})
        return {
            (person, number)
            for person, number in wanted
            if number in found and found[number].person_id == person
        }

    async def text(self, db: AsyncSession, news: News) -> str:
        """Return what it is given for."""
        found = (await badges.awards_by_id(db, [news.thread.id])).get(news.thread.id)
        return found.badge.sentence if found else ""

    async def views(
        self, db: AsyncSession, ids: Collection[int], entries: Mapping[int, What]
    ) -> dict[int, SubjectView]:
        """Return what badges are called, and their pages."""
        del entries
        found = await badges.awards_by_id(db, ids)
        return {
            number: SubjectView(one.badge.name, one.badge.url, "award")
            for number, one in found.items()
        }
