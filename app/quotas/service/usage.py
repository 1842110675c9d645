"""What an account holds and uses, thing by thing, as its page and programs show it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain

from app.core.clock import now
from app.core.db import AsyncSession
from app.quotas import queries
from app.quotas.schemas import PERIOD_DAYS, Grown, Kind, Line, Place
from app.quotas.service import limits

# Counts what an account has of something right now, where that is no counter of ours.
Measure = Callable[[AsyncSession, int], Awaitable[float]]
# Returns the places of an account that hold the most, at most so many.
Places = Callable[[AsyncSession, int, int], Awaitable[Sequence[Place]]]

_MEASURES: dict[Kind, Measure] = {}
_PLACES: list[Places] = []
_SHOWN_PLACES = 10
_OF_PEOPLE = (Kind.QUEUED_JOBS, Kind.RUNNING_JOBS, Kind.GPU_SECONDS)


@dataclass(frozen=True)
class Usage:
    """All of it. `by_source` counts a content once in each source, `shared` what that repeats."""

    lines: Sequence[Line]
    by_source: dict[str, int]
    places: Sequence[Place]
    growth: Sequence[Grown]
    gpu_by_day: Sequence[tuple[str, float]]

    @property
    def shared(self) -> int:
        """The bytes that more than one source refers to, and that are charged once."""
        held = next(line.used for line in self.lines if line.kind is Kind.BYTES)
        return max(0, sum(self.by_source.values()) - held)


def measure(kind: Kind, how: Measure) -> None:
    """Let a feature above say how much an account has of something right now."""
    _MEASURES[kind] = how


def show_places(places: Places) -> None:
    """Let a feature above name what holds the most bytes of an account."""
    if places not in _PLACES:
        _PLACES.append(places)


async def used(db: AsyncSession, account_id: int, kind: Kind) -> int:
    """Return how much of something that is not stored an account has."""
    amount = await _MEASURES[kind](db, account_id) if kind in _MEASURES else 0.0
    if kind is Kind.GPU_SECONDS:
        amount += await queries.gpu_seconds(db, account_id, PERIOD_DAYS)
    return round(amount)


async def lines(db: AsyncSession, account_id: int, *, is_person: bool = True) -> list[Line]:
    """Return how much of each thing an account has and may have; an organisation only stores."""
    held = await queries.held(db, account_id)
    most = await limits.limits_for(db, account_id, held.own)
    found = [Line(kind, amount, most[kind]) for kind, amount in held.stored.items()]
    if is_person:
        now_used = {kind: await used(db, account_id, kind) for kind in _OF_PEOPLE}
        found += [Line(kind, amount, most[kind]) for kind, amount in now_used.items()]
    return found


async def usage(db: AsyncSession, account_id: int, *, is_person: bool) -> Usage:
    """Return what the usage page shows."""
    days = await queries.days_of(db, account_id, PERIOD_DAYS)
    known = {day.day: day for day in days}
    first = now().date() - timedelta(days=PERIOD_DAYS - 1)
    together = [first + timedelta(days=n) for n in range(PERIOD_DAYS)]
    found = await lines(db, account_id, is_person=is_person)
    held = next(line.used for line in found if line.kind is Kind.BYTES)
    places = [await ask(db, account_id, _SHOWN_PLACES) for ask in _PLACES]
    largest = sorted(chain.from_iterable(places), key=lambda place: -place.num_bytes)
    grown = [Grown(day.day, day.bytes) for day in days if day.bytes is not None]
    return Usage(
        lines=found,
        by_source=await queries.bytes_by_source(db, account_id),
        places=largest[:_SHOWN_PLACES],
        growth=[*(one for one in grown if one.day < now().date()), Grown(now().date(), held)],
        gpu_by_day=[
            (day.isoformat(), known[day].gpu_s if day in known else 0.0) for day in together
        ],
    )
