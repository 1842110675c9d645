"""Discussions and pull requests of repositories."""

from collections.abc import Collection, Mapping

from app.accounts import service as accounts
from app.comments import service as comments
from app.core.db import AsyncSession
from app.core.markdown import mentioned
from app.discussions import service as discussions
from app.discussions.schemas import DiscussionView
from app.hub import policy as hub_policy
from app.hub import service as hub
from app.hub.service import Repository
from app.notifications.schemas import News, Occasion, Pairs, Reason, SubjectView, Target, What
from app.notifications.service.sources.base import by_thread

TALK, REPOSITORY, ACCOUNT = "discussion", "repository", "account"
# A thread of more people is a crowd: its later members watch it or are named.
_MOST_PARTICIPANTS = 1000


class Talks:
    """Who takes part in a discussion, and who may read it: who may see its repository."""

    async def occasion(self, db: AsyncSession, news: News) -> Occasion | None:
        """Return the repository's stewards, the thread's people and who is named."""
        talk = (await discussions.discussions_by_id(db, [news.thread.id])).get(news.thread.id)
        if talk is None:
            return None
        repository = (await hub.repositories_by_id(db, [talk.repository_id]))[talk.repository_id]
        words = await _words(db, talk, news)
        if words is None:
            return None
        here = Target(REPOSITORY, repository.id)
        return Occasion(
            people=await _people(db, talk, repository),
            named=mentioned(words),
            watched=(news.thread, here, Target(ACCOUNT, repository.owner_id)),
            mutable=(here,),
        )

    async def visible(self, db: AsyncSession, wanted: Pairs) -> set[tuple[int, int]]:
        """Whoever may know of the repository may read its discussions."""
        people = by_thread(wanted)
        talks = await discussions.discussions_by_id(db, people)
        repositories = await _repositories(db, talks)
        seen: set[tuple[int, int]] = set()
        for number, talk in talks.items():
            among = await hub_policy.readers_among(
                db, repositories[talk.repository_id], people[number]
            )
            seen |= {(person, number) for person in among}
        return seen

    async def text(self, db: AsyncSession, news: News) -> str:
        """Return the comment."""
        talk = (await discussions.discussions_by_id(db, [news.thread.id])).get(news.thread.id)
        return (await _words(db, talk, news) or "") if talk else ""

    async def views(
        self, db: AsyncSession, ids: Collection[int], entries: Mapping[int, What]
    ) -> dict[int, SubjectView]:
        """Return titles and addresses as they are now."""
        talks = await discussions.discussions_by_id(db, ids)
        repositories = await _repositories(db, talks)
        return {
            number: _view(talk, repositories[talk.repository_id], entries)
            for number, talk in talks.items()
        }


async def _words(db: AsyncSession, talk: DiscussionView, news: News) -> str | None:
    """Return what was written, None if it has been taken away."""
    if news.what is What.OPENED:
        comment = await comments.first_comment(db, talk.thread_id)
    elif news.what in {What.COMMENTED, What.NAMED} and news.entry_id is not None:
        comment = await comments.any_comment(db, news.entry_id)
    else:
        return ""
    return None if comment is None or comment.is_hidden else comment.body


async def _people(
    db: AsyncSession, talk: DiscussionView, repository: Repository
) -> dict[int, Reason]:
    authors = await comments.authors(db, talk.thread_id, _MOST_PARTICIPANTS)
    people = dict.fromkeys(authors, Reason.PARTICIPATION)
    owner = (await accounts.account_refs(db, [repository.owner_id]))[repository.owner_id]
    people |= dict.fromkeys(await accounts.stewards_of(db, owner), Reason.OWNER)
    if talk.author_id is not None:
        people[talk.author_id] = Reason.AUTHOR
    return people


async def _repositories(
    db: AsyncSession, talks: Mapping[int, DiscussionView]
) -> dict[int, Repository]:
    numbers = {talk.repository_id for talk in talks.values()}
    return await hub.repositories_by_id(db, list(numbers)) if numbers else {}


def _view(talk: DiscussionView, repository: Repository, entries: Mapping[int, What]) -> SubjectView:
    name = f"{repository.owner_name}/{repository.name}"
    place = f"/{repository.kind.web_prefix}{name}"
    address = f"{place}/discussions/{talk.num}"
    return SubjectView(
        title=talk.title,
        address=address,
        icon="commit" if talk.is_pull_request else "talk",
        place=name,
        place_address=place,
        anchors={number: f"{address}#comment-{number}" for number in entries},
    )
