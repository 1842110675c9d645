"""What became of the things somebody reported: one thread a person, which is theirs alone."""

from collections.abc import Collection, Mapping

from app.core.db import AsyncSession
from app.core.i18n import _
from app.notifications.schemas import News, Occasion, Pairs, Reason, SubjectView, What

REPORTS = "reports"


class Reports:
    """The thread's number is the person's own: nobody else learns who reported something."""

    async def occasion(self, db: AsyncSession, news: News) -> Occasion | None:
        """Return who reported it."""
        del db
        return Occasion(people={news.thread.id: Reason.AUTHOR})

    async def visible(self, db: AsyncSession, wanted: Pairs) -> set[tuple[int, int]]:
        """Everybody sees their own."""
        del db
        return {(person, number) for person, number in wanted if person == number}

    async def text(self, db: AsyncSession, news: News) -> str:
        """Return nothing: the sentence says it all."""
        del db, news
        return ""

    async def views(
        self, db: AsyncSession, ids: Collection[int], entries: Mapping[int, What]
    ) -> dict[int, SubjectView]:
        """Return the page that shows all one's reports."""
        del db, entries
        title = _("What you reported")
        return {number: SubjectView(title, "/settings/reports", "check") for number in ids}
