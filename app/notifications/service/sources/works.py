"""Jobs, and what people publish: models, data sets and tutorials."""

from collections.abc import Collection, Mapping

from app.comments import service as comments
from app.core.db import AsyncSession
from app.core.i18n import language
from app.core.markdown import mentioned
from app.core.security import ANONYMOUS
from app.hub import policy as hub_policy
from app.hub import service as hub
from app.jobs.service import control as jobs
from app.jobs.service.telling import failure_view
from app.notifications.schemas import News, Occasion, Pairs, Reason, SubjectView, Target, What
from app.notifications.service.sources.base import by_thread
from app.notifications.service.sources.talks import ACCOUNT, REPOSITORY
from app.tutorials import policy as tutorials_policy
from app.tutorials import service as tutorials
from worker.contract.rank import RANK_KIND

JOB, TUTORIAL = "job", "tutorial"
_MOST_PARTICIPANTS = 1000


class Jobs:
    """A job is its owner's, and nobody else is told of it."""

    async def occasion(self, db: AsyncSession, news: News) -> Occasion | None:
        """Return the owner."""
        job = (await jobs.jobs_by_id(db, [news.thread.id])).get(news.thread.id)
        return Occasion(people={job.owner_id: Reason.OWNER}) if job else None

    async def visible(self, db: AsyncSession, wanted: Pairs) -> set[tuple[int, int]]:
        """Only the owner sees it."""
        found = await jobs.jobs_by_id(db, {number for _person, number in wanted})
        return {
            (person, number)
            for person, number in wanted
            if number in found and found[number].owner_id == person
        }

    async def text(self, db: AsyncSession, news: News) -> str:
        """Return why it failed."""
        job = (await jobs.jobs_by_id(db, [news.thread.id])).get(news.thread.id)
        failure = failure_view(job) if job else None
        return f"{failure.sentence} {failure.fix}" if failure else ""

    async def views(
        self, db: AsyncSession, ids: Collection[int], entries: Mapping[int, What]
    ) -> dict[int, SubjectView]:
        """Return titles and addresses."""
        del entries
        return {
            number: SubjectView(
                title=job.title,
                address=f"/compare/{number}" if job.kind == RANK_KIND else f"/jobs/{number}",
                icon="run",
            )
            for number, job in (await jobs.jobs_by_id(db, ids)).items()
        }


class Repositories:
    """A new model or data set, for those who watch its owner or who made it."""

    async def occasion(self, db: AsyncSession, news: News) -> Occasion | None:
        """Return whom one may watch for it."""
        row = (await hub.repositories_by_id(db, [news.thread.id])).get(news.thread.id)
        if row is None or row.private:
            return None
        makers = {row.owner_id, row.creator_id or row.owner_id}
        return Occasion(
            watched=[Target(ACCOUNT, one) for one in sorted(makers)],
            mutable=[Target(REPOSITORY, row.id)],
        )

    async def visible(self, db: AsyncSession, wanted: Pairs) -> set[tuple[int, int]]:
        """Whoever may know of it."""
        people = by_thread(wanted)
        seen: set[tuple[int, int]] = set()
        for number, row in (await hub.repositories_by_id(db, list(people))).items():
            among = await hub_policy.readers_among(db, row, people[number])
            seen |= {(person, number) for person in among}
        return seen

    async def text(self, db: AsyncSession, news: News) -> str:
        """Return its summary."""
        row = (await hub.repositories_by_id(db, [news.thread.id])).get(news.thread.id)
        return row.summary if row else ""

    async def views(
        self, db: AsyncSession, ids: Collection[int], entries: Mapping[int, What]
    ) -> dict[int, SubjectView]:
        """Return names and addresses."""
        del entries
        rows = await hub.repositories_by_id(db, list(ids))
        return {
            number: SubjectView(
                title=f"{row.owner_name}/{row.name}",
                address=f"/{row.kind.web_prefix}{row.owner_name}/{row.name}",
                icon=row.kind.value,
            )
            for number, row in rows.items()
        }


class Tutorials:
    """A new tutorial, for those who watch its author; everybody may read what is published."""

    async def occasion(self, db: AsyncSession, news: News) -> Occasion | None:
        """Return whom one may watch for it, who wrote here before a comment, whom a check tells."""
        if news.what in {What.BROKEN, What.MENDED}:
            owner = await _tutorial_owner(db, news.thread.id)
            return Occasion(people={owner: Reason.AUTHOR}) if owner is not None else None
        if news.actor_id is None or not await tutorials.published_ids(db, [news.thread.id]):
            return None
        if news.entry_id is None:
            return Occasion(watched=[Target(ACCOUNT, news.actor_id)])
        words = await comments.any_comment(db, news.entry_id)
        if words is None or words.is_hidden:
            return None
        authors = await comments.authors(db, words.thread_id, _MOST_PARTICIPANTS)
        people = dict.fromkeys(authors, Reason.PARTICIPATION)
        owner = await _tutorial_owner(db, news.thread.id)
        if owner is not None:
            people[owner] = Reason.AUTHOR
        return Occasion(people=people, named=mentioned(words.body), watched=[news.thread])

    async def visible(self, db: AsyncSession, wanted: Pairs) -> set[tuple[int, int]]:
        """Everybody may, as long as it is there."""
        there = await tutorials.published_ids(db, {number for _person, number in wanted})
        return {(person, number) for person, number in wanted if number in there}

    async def text(self, db: AsyncSession, news: News) -> str:
        """Return its summary, or the comment."""
        if news.entry_id is not None:
            words = await comments.any_comment(db, news.entry_id)
            return words.body if words and not words.is_hidden else ""
        found = await tutorials.newest_texts(db, [news.thread.id])
        return found[0].text.summary if found else ""

    async def views(
        self, db: AsyncSession, ids: Collection[int], entries: Mapping[int, What]
    ) -> dict[int, SubjectView]:
        """Return titles, in the reader's language where there is one, and addresses of comments."""
        views: dict[int, SubjectView] = {}
        for one in await tutorials.newest_texts(db, ids):
            if one.tutorial_id not in views or one.text.language == language():
                address = f"/tutorials/{one.slug}"
                views[one.tutorial_id] = SubjectView(
                    one.text.title,
                    address,
                    "tutorial",
                    anchors={number: f"{address}#comment-{number}" for number in entries},
                )
        return views


async def _tutorial_owner(db: AsyncSession, number: int) -> int | None:
    found = await tutorials.newest_texts(db, [number])
    if not found:
        return None
    return (await tutorials_policy.access_tutorial(db, ANONYMOUS, found[0].slug)).owner_id
