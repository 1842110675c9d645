"""What the processes of a run are told, and what they leave when they end."""

from worker.contract.base import Wire
from worker.contract.plan import Plan

# Besides the exit codes of an attempt: memory ran out, and the next rung lies in a file; or the
# other processes are gone, which is no failure of this one.
EXIT_MEMORY, EXIT_LOST = 76, 77

JOB_FILE = "process.json"
MEETING_FILE = "meeting"
EVENTS_FILE = "events.jsonl"
RUNG_FILE = "rung.json"
LOG_FILE = "output.log"


class Rung(Wire):
    """How far down the ladder of memory a run is: samples at a time, and blocks computed twice."""

    size: int
    recompute: bool = False


class ProcessJob(Wire):
    """One run in several processes. `places` are paths by the names of the engine's places."""

    plan: Plan
    places: dict[str, str]
    strategy: str
    resume: str | None = None
    rung: Rung | None = None
