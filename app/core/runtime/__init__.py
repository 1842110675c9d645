"""What administrators change while the site runs, the same in every process within seconds.

Settings that override the environment's, switches for parts of the site, the modes of maintenance,
and announcements. One table is the truth; each process keeps a copy in memory and reads it again
when PostgreSQL notifies it, so that looking at a switch costs nothing.
"""

from app.core.runtime.listening import run_runtime
from app.core.runtime.registry import (
    DEFINITIONS,
    Definition,
    Kind,
    definition,
    describe_unset,
    parse,
    stored,
)
from app.core.runtime.state import Runtime, switches_of
from app.core.runtime.store import (
    Change,
    announcements,
    changes,
    forget_announcement,
    keep_announcement,
    read,
    read_one,
    ring,
    write,
)
from app.core.runtime.tables import Announcement, RuntimeChange, RuntimeValue
from app.core.runtime.words import Audience, Flag, Mode, Rule, Tone, Way

__all__ = [
    "DEFINITIONS",
    "Announcement",
    "Audience",
    "Change",
    "Definition",
    "Flag",
    "Kind",
    "Mode",
    "Rule",
    "Runtime",
    "RuntimeChange",
    "RuntimeValue",
    "Tone",
    "Way",
    "announcements",
    "changes",
    "definition",
    "describe_unset",
    "forget_announcement",
    "keep_announcement",
    "parse",
    "read",
    "read_one",
    "ring",
    "run_runtime",
    "stored",
    "switches_of",
    "write",
]
