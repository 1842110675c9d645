"""What a reference (`#job-12`, `#owner/name`, `#question-7`) tells a reader who may see it."""

from collections.abc import Collection
from dataclasses import dataclass

from app.core.db import AsyncSession
from app.core.errors import AppError
from app.core.i18n import _
from app.core.security import Viewer
from app.hub import policy as hub
from app.hub.schemas import RepositoryKind
from app.jobs import policy as jobs
from app.jobs.service.records import headline_of
from app.jobs.service.telling import state_chip
from app.questions import policy

# Each takes a read or two.
MOST = 20
_DATA = "datasets/"


@dataclass(frozen=True)
class Card:
    """What stands beside a reference. `live`: it may change soon, so ask again."""

    on: str
    title: str
    tone: str = ""
    label: str = ""
    live: bool = False


async def cards_for(db: AsyncSession, viewer: Viewer, names: Collection[str]) -> list[Card]:
    """Return the cards of those references that lead somewhere the viewer may look."""
    found = []
    for name in list(dict.fromkeys(names))[:MOST]:
        try:
            found.append(await _card(db, viewer, name))
        except AppError:
            # Unknown and forbidden alike: the reference stays a plain link.
            continue
    return found


async def _card(db: AsyncSession, viewer: Viewer, name: str) -> Card:
    if "/" in name:
        return await _repository(db, viewer, name)
    kind, _dash, number = name.partition("-")
    if not number.isdecimal() or len(number) > 18:  # noqa: PLR2004  # fits 63 bits
        raise policy.missing()
    if kind in {"job", "run"}:
        return await _job(db, viewer, name, int(number))
    question = await policy.access_question(db, viewer, int(number))
    tone, label = ("done", _("solved")) if question.accepted_id else ("", "")
    return Card(name, question.title, tone, label)


async def _job(db: AsyncSession, viewer: Viewer, name: str, number: int) -> Card:
    job = await jobs.access_job(db, viewer, number)
    chip, headline = state_chip(job), headline_of(job)
    label = f"{headline.metric} {headline.value:.4f}" if headline else chip.label
    return Card(name, job.title, chip.tone, label, live=not job.state.is_final)


async def _repository(db: AsyncSession, viewer: Viewer, name: str) -> Card:
    is_data = name.startswith(_DATA)
    owner, _slash, rest = name.removeprefix(_DATA).partition("/")
    kind = RepositoryKind.DATASET if is_data else RepositoryKind.MODEL
    found = await hub.access_repository(db, viewer, kind, owner, rest)
    return Card(name, f"{found.owner_name}/{found.name}", "", _("data set") if is_data else "")
