"""Limits that an account came near: news for who can make room."""

from collections.abc import Collection, Mapping

from app.core.db import AsyncSession
from app.notifications.schemas import News, Occasion, Pairs, Reason, SubjectView, What
from app.quotas import service as quotas
from app.quotas.service import words

LIMIT = "limit"


class Limits:
    """The thread's number is that of the crossing, which goes once there is room again."""

    async def occasion(self, db: AsyncSession, news: News) -> Occasion | None:
        """Return who can make room."""
        found = (await quotas.crossings(db, [news.thread.id])).get(news.thread.id)
        return Occasion(people=dict.fromkeys(found.readers, Reason.OWNER)) if found else None

    async def visible(self, db: AsyncSession, wanted: Pairs) -> set[tuple[int, int]]:
        """Whoever can make room sees it."""
        found = await quotas.crossings(db, {number for _person, number in wanted})
        return {
            (person, number)
            for person, number in wanted
            if number in found and person in found[number].readers
        }

    async def text(self, db: AsyncSession, news: News) -> str:
        """Return what helps."""
        found = (await quotas.crossings(db, [news.thread.id])).get(news.thread.id)
        return words.fix_of(found.kind) if found else ""

    async def views(
        self, db: AsyncSession, ids: Collection[int], entries: Mapping[int, What]
    ) -> dict[int, SubjectView]:
        """Return what is limited, and the page that shows how full it is."""
        del entries
        found = await quotas.crossings(db, ids)
        return {
            number: SubjectView(f"{words.title(one.kind)} · {one.account.name}", one.url, "alert")
            for number, one in found.items()
        }
