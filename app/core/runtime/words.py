"""The words of switches, modes and announcements."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Flag(StrEnum):
    """A part of the site that can be switched off, or opened to some first."""

    SIGN_UP = "sign_up"
    POSTING = "posting"
    UPLOADS = "uploads"
    JOBS = "jobs"

    @property
    def key(self) -> str:
        """The name it is kept under."""
        return f"flag.{self.value}"


class Mode(StrEnum):
    """A state of the whole site."""

    READ_ONLY = "read_only"
    MAINTENANCE = "maintenance"

    @property
    def key(self) -> str:
        """The name it is kept under."""
        return f"mode.{self.value}"


class Way(StrEnum):
    """For whom a switch is on."""

    ON = "on"
    OFF = "off"
    PERCENT = "percent"
    PEOPLE = "people"


class Tone(StrEnum):
    """How loud an announcement is."""

    INFO = "info"
    WARNING = "warning"
    DANGER = "danger"


class Audience(StrEnum):
    """Who reads an announcement."""

    EVERYBODY = "everybody"
    SIGNED_IN = "signed_in"
    STAFF = "staff"


@dataclass(frozen=True)
class Rule:
    """For whom a switch is on: everybody, nobody, so many in a hundred, or some by name.

    Who is among the hundredths stays so: it hangs on the name alone, and grows with the number.
    """

    way: Way = Way.ON
    percent: int = 100
    people: tuple[str, ...] = field(default=())

    def allows(self, name: str) -> bool:
        """Whether it is on for the person of this name."""
        key = name.casefold()
        if self.way is Way.PERCENT:
            digest = hashlib.sha256(key.encode()).digest()
            return int.from_bytes(digest[:4], "big") % 100 < self.percent
        if self.way is Way.PEOPLE:
            return key in {one.casefold() for one in self.people}
        return self.way is Way.ON

    def stored(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return {"way": self.way.value, "percent": self.percent, "people": list(self.people)}

    @classmethod
    def read(cls, value: object) -> "Rule":
        """Return what was kept; what cannot be read any more is on."""
        if not isinstance(value, Mapping) or value.get("way") not in set(Way):
            return cls()
        people = value.get("people")
        percent = value.get("percent")
        return cls(
            Way(value["way"]),
            percent if isinstance(percent, int) else 100,
            tuple(str(one) for one in people) if isinstance(people, list) else (),
        )
