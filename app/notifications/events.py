"""News of notifications themselves, for the bells that are on a screen somewhere."""

from collections.abc import Collection
from dataclasses import dataclass

# One name for all, where so many are told that a name each would cost more than looking.
EVERYBODY = "news:*"
_MOST_NAMES = 50


@dataclass(frozen=True)
class NotificationsMarked:
    """A person read something, put it aside, or took that back."""

    person_id: int


def news_channel(person_id: int) -> str:
    """Return the name under which those who show a person's bell are woken."""
    return f"news:{person_id}"


def channels(people: Collection[int]) -> set[str]:
    """Return the names to wake when these people were told something."""
    if len(people) > _MOST_NAMES:
        return {EVERYBODY}
    return {news_channel(person) for person in people}
