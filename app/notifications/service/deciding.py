"""Who is told of some news: thread mute > mention > participation > watch."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from app.accounts import service as accounts
from app.accounts.schemas import PersonRef
from app.core.db import AsyncSession
from app.notifications.queries import happenings as queries
from app.notifications.schemas import (
    DEFAULTS,
    Channel,
    Choice,
    Kind,
    Level,
    News,
    Occasion,
    Pace,
    Reason,
    Target,
    Why,
    kind_of,
)
from app.notifications.service import sources
from app.notifications.tables import Preference

# What is not addressed to a person themselves is silenced by muting the place, too.
_FROM_AFAR = frozenset({Reason.OWNER, Reason.WATCH})


@dataclass(frozen=True)
class Verdict:
    """Whether a person is told; `reason` is why they would be, `why` what decided."""

    person: PersonRef
    reason: Reason
    why: Why
    choice: Choice | None = None

    @property
    def is_told(self) -> bool:
        """Whether at least one channel carries it."""
        return self.choice is not None and (self.choice.in_app or self.choice.mail is not Pace.OFF)


def weigh(
    reason: Reason, said: Mapping[Target, Level], thread: Target, mutable: Collection[Target]
) -> Why:
    """Return what counts among a reason to be told and what the person said of the places."""
    if said.get(thread) is Level.MUTE:
        return Why.THREAD_MUTED
    is_from_afar = reason in _FROM_AFAR and said.get(thread) is not Level.WATCH
    if is_from_afar and any(said.get(place) is Level.MUTE for place in mutable):
        return Why.REPOSITORY_MUTED
    return Why(reason.value)


async def judge(
    db: AsyncSession, news: News, occasion: Occasion, people: Mapping[int, Reason]
) -> list[Verdict]:
    """Return what is decided about each of these people who exist."""
    if not people:
        return []
    known = await accounts.people_by_id(db, people)
    places = {news.thread, *occasion.watched, *occasion.mutable}
    said = await queries.wishes(db, people, places)
    chosen = await queries.preferences(db, people)
    deaf = await accounts.blockers_among(db, set(known), news.actor_id)
    seen = await sources.visible(db, {(person, news.thread) for person in known})
    return [
        _verdict(
            news,
            person,
            people[number],
            _first_word(news, person, may_see=(number, news.thread) in seen, blocks=number in deaf)
            or weigh(people[number], said.get(number, {}), news.thread, occasion.mutable),
            chosen,
        )
        for number, person in known.items()
    ]


def _first_word(news: News, person: PersonRef, *, may_see: bool, blocks: bool) -> Why | None:
    if person.id == news.actor_id:
        return Why.OWN_ACT
    if person.is_suspended:
        return Why.SUSPENDED
    if blocks:
        return Why.BLOCKED
    return None if may_see else Why.NOT_ALLOWED


def _verdict(
    news: News,
    person: PersonRef,
    reason: Reason,
    why: Why,
    chosen: Mapping[tuple[int, Kind], Preference],
) -> Verdict:
    if why != reason.value:
        return Verdict(person, reason, why)
    kind = kind_of(news.what, reason)
    row = chosen.get((person.id, kind))
    return Verdict(person, reason, why, Choice(row.in_app, row.mail) if row else DEFAULTS[kind])


def notification_row(news: News, verdict: Verdict) -> dict[str, Any]:
    """Return the row that tells a person."""
    choice = verdict.choice or Choice(in_app=False, mail=Pace.OFF)
    return {
        "person_id": verdict.person.id,
        "key": news.key,
        "what": news.what,
        "kind": kind_of(news.what, verdict.reason),
        "reason": verdict.reason,
        "subject": news.thread.kind,
        "subject_id": news.thread.id,
        "entry_id": news.entry_id,
        "repository_id": news.repository_id,
        "actor_id": news.actor_id,
        "in_app": choice.in_app,
        "mail": choice.mail,
    }


def decision_rows(happening_id: int, verdict: Verdict) -> list[dict[str, Any]]:
    """Return what the ledger says of a verdict: a line for each channel it was about."""
    choice = verdict.choice
    if choice is None:
        return [_line(happening_id, verdict, Channel.APP, verdict.why, is_told=False)]
    told_why = verdict.why if choice.in_app else Why.SWITCHED_OFF
    is_mailed = choice.mail is not Pace.OFF
    return [
        _line(happening_id, verdict, Channel.APP, told_why, is_told=choice.in_app),
        _line(
            happening_id,
            verdict,
            Channel.MAIL,
            Why.QUEUED if is_mailed else Why.SWITCHED_OFF,
            is_told=is_mailed,
        ),
    ]


def _line(
    happening_id: int, verdict: Verdict, channel: Channel, why: Why, *, is_told: bool
) -> dict[str, Any]:
    return {
        "person_id": verdict.person.id,
        "happening_id": happening_id,
        "channel": channel,
        "is_told": is_told,
        "why": why,
    }
