"""Words and shapes of letters: what other features hand in, and how far each one came."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

# Waits between tries, the last one again and again: a server that is away loses no letter.
BACK_OFF = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=20),
    timedelta(hours=1),
)
# A letter that one server keeps putting off is given up after these tries, about five days.
MAX_ATTEMPTS = 120
# News that nobody could send for so long is news no more.
STALE_AFTER = timedelta(days=30)


class LetterState(StrEnum):
    """How far a letter came."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True)
class Letter:
    """A letter to hand in. `text` is plain, `html` may be left out.

    Of two letters with the same `dedupe_key` only the first is kept. `headers` are sent as they
    are, for example `Message-ID`, `List-Unsubscribe` and `List-Unsubscribe-Post`. A letter that
    `is_last` is the goodbye to an address: its row goes as soon as it was sent or refused.
    """

    recipient: str
    kind: str
    subject: str
    text: str = field(repr=False)
    html: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    dedupe_key: str | None = None
    is_last: bool = False
