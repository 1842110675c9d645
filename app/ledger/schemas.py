"""Words and shapes of the ledger."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Unit(StrEnum):
    """What is moved."""

    REPUTATION = "reputation"
    GPU_SECONDS = "gpu_seconds"


class Holder(StrEnum):
    """Whose a purse is: a person's, put up for a purpose, or nobody's any more.

    A person's purse holds only what movements brought and took: it is below nothing for who gave
    more than they won, and is added to what the person has from elsewhere.
    """

    PERSON = "person"
    ESCROW = "escrow"
    FORFEITED = "forfeited"


class What(StrEnum):
    """Why something was moved."""

    PUT_UP = "put-up"
    AWARDED = "awarded"
    HALF = "half"
    FORFEITED = "forfeited"
    GIVEN_BACK = "given-back"


@dataclass(frozen=True)
class Place:
    """One side of a movement: a person, what is put up for `number`, or what is forfeited."""

    holder: Holder
    number: int = 0


FORFEITED = Place(Holder.FORFEITED)


def of_person(person_id: int) -> Place:
    """Return a person's side."""
    return Place(Holder.PERSON, person_id)


def escrow(number: int) -> Place:
    """Return what is put up for a purpose of this number."""
    return Place(Holder.ESCROW, number)


@dataclass(frozen=True)
class Transfer:
    """What is to move for the purpose `number`."""

    what: What
    unit: Unit
    amount: int
    source: Place
    target: Place
    number: int


@dataclass(frozen=True)
class MovementView:
    """One movement: `amount` of `unit` went from one side to the other for purpose `number`."""

    id: int
    what: What
    unit: Unit
    number: int
    amount: int
    source: Place
    target: Place
    created_at: datetime
