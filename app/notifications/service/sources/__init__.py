"""The features that have news, by the word their threads are stored under."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from app.core.db import AsyncSession
from app.notifications.schemas import News, Occasion, SubjectView, Target, What
from app.notifications.service.sources.asking import QUESTION, Questions
from app.notifications.service.sources.badges import BADGE, Badges
from app.notifications.service.sources.base import Source
from app.notifications.service.sources.limits import LIMIT, Limits
from app.notifications.service.sources.naming import named_by
from app.notifications.service.sources.reports import REPORTS, Reports
from app.notifications.service.sources.talks import REPOSITORY, TALK, Talks
from app.notifications.service.sources.works import JOB, TUTORIAL, Jobs, Repositories, Tutorials
from app.notifications.tables import Happening, Notification

# What a thread begins with; all else answers it.
FIRST = frozenset(
    {
        What.OPENED,
        What.PUBLISHED,
        What.SUCCEEDED,
        What.FAILED,
        What.AGREED,
        What.DISAGREED,
        What.IGNORED,
        What.BADGE,
        What.LIMIT_NEAR,
    }
)
SOURCES: Mapping[str, Source] = {
    TALK: Talks(),
    JOB: Jobs(),
    REPOSITORY: Repositories(),
    TUTORIAL: Tutorials(),
    QUESTION: Questions(),
    REPORTS: Reports(),
    BADGE: Badges(),
    LIMIT: Limits(),
}


async def occasion(db: AsyncSession, news: News) -> Occasion | None:
    """Return who might want to know of some news; None if it is not there any more."""
    source = SOURCES.get(news.thread.kind)
    found = await source.occasion(db, news) if source else None
    if found is None or news.what is not What.NAMED:
        return found
    return replace(found, people={}, watched=(), named=await named_by(db, news))


async def visible(
    db: AsyncSession, wanted: Collection[tuple[int, Target]]
) -> set[tuple[int, Target]]:
    """Return those pairs of person and thread where the person may see the thread now."""
    seen: set[tuple[int, Target]] = set()
    for kind in {target.kind for _person, target in wanted} & set(SOURCES):
        pairs = {(person, target.id) for person, target in wanted if target.kind == kind}
        among = await SOURCES[kind].visible(db, pairs)
        seen |= {(person, Target(kind, number)) for person, number in among}
    return seen


async def text(db: AsyncSession, row: Notification) -> str:
    """Return what was said; the caller has asked `visible`."""
    source = SOURCES.get(row.subject)
    return await source.text(db, news_of(row)) if source else ""


def news_of(row: Notification | Happening) -> News:
    """Return the news that a row keeps."""
    return News(
        key=row.key,
        what=row.what,
        thread=Target(row.subject, row.subject_id),
        actor_id=row.actor_id,
        repository_id=row.repository_id,
        entry_id=row.entry_id,
    )


async def views(
    db: AsyncSession, threads: Mapping[Target, Mapping[int, What]]
) -> dict[Target, SubjectView]:
    """Return what threads are called, each with the addresses of these entries in it.

    The caller has asked `visible`.
    """
    found: dict[Target, SubjectView] = {}
    for kind in {target.kind for target in threads} & set(SOURCES):
        own = [named for target, named in threads.items() if target.kind == kind]
        entries = {number: what for named in own for number, what in named.items()}
        ids = [target.id for target in threads if target.kind == kind]
        shown = await SOURCES[kind].views(db, ids, entries)
        found |= {Target(kind, number): view for number, view in shown.items()}
    return found
