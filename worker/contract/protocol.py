"""What a worker and the site say to each other over HTTP, protocol number 1.

Every path is under `/api/v1/worker`. `register` and `claim` carry the worker key, everything about
a job carries the job token of its attempt. A write of an attempt that is no longer current is
answered 409 with the code `stale_attempt`; the worker then stops at once.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue

from worker.contract.base import Wire

PROTOCOL = 1
STALE_ATTEMPT = "stale_attempt"
MAX_EVENTS_PER_BATCH = 200
SHA256_HEADER = "X-Content-Sha256"
KIND_HEADER = "X-Artifact-Kind"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def _inside(path: str) -> str:
    parts = path.split("/")
    if "\\" in path or any(part in {"", ".", ".."} for part in parts):
        raise ValueError("a path must be relative, with no empty part, `.`, `..` or backslash")
    if not path.isprintable():
        raise ValueError("a path must not hold control characters")
    return path


# A path inside an attempt's output.
OutputPath = Annotated[str, Field(min_length=1, max_length=400), AfterValidator(_inside)]


class Gpu(Wire):
    """One accelerator of a worker."""

    name: str
    memory_bytes: int


class Capabilities(Wire):
    """What a worker has; the site shows it and sends it only fitting queues."""

    gpus: tuple[Gpu, ...] = ()
    cpu_count: int = 1
    memory_bytes: int = 0
    sandbox: str = "limits"
    torch: str | None = None


class Registration(Wire):
    """POST /register."""

    name: str = Field(min_length=1, max_length=200)
    queues: tuple[str, ...]
    capabilities: Capabilities = Capabilities()
    protocol: int = PROTOCOL
    version: str = ""


class Registered(Wire):
    """Answer to a registration."""

    worker_id: int | str
    lease_s: float = Field(gt=0)
    poll_s: float = Field(gt=0)


class ClaimRequest(Wire):
    """POST /claim; the answer is 204 when there is nothing to do."""

    worker_id: int | str
    queues: tuple[str, ...]
    protocol: int = PROTOCOL


class RepositoryPin(Wire):
    """A hub repository at one commit, which the worker downloads with the stock client."""

    role: str = Field(pattern=r"^(base(-[1-9][0-9]?)?|data|test|teacher)$")
    kind: Literal["model", "dataset"]
    repo: str
    commit: str


class CheckpointFile(Wire):
    """One file of a checkpoint. `url` may be relative to the site's address."""

    path: OutputPath
    sha256: Sha256
    size: int = Field(ge=0)
    url: str = ""


class ResumePoint(Wire):
    """The newest checkpoint whose manifest was stored."""

    stage: int
    epoch: int
    step: int = 0
    files: tuple[CheckpointFile, ...]


class Claim(Wire):
    """A job handed to a worker: everything an attempt needs."""

    job_id: int | str
    attempt: int
    token: str
    lease_s: float = Field(gt=0)
    plan: dict[str, JsonValue]
    recipe: dict[str, JsonValue]
    repositories: tuple[RepositoryPin, ...] = ()
    resume: ResumePoint | None = None


class Heartbeat(Wire):
    """POST …/heartbeat; `progress` is a fraction in [0, 1] where it is known."""

    progress: float | None = Field(default=None, ge=0, le=1)


class HeartbeatReply(Wire):
    """The lease is longer again; `stop` asks for a checkpoint and a release (the site drains)."""

    lease_s: float = Field(gt=0)
    cancel_requested: bool = False
    stop: bool = False


class EventBatch(Wire):
    """POST …/events; idempotent by (attempt, seq), seq counts from 1 within the attempt."""

    events: tuple[dict[str, JsonValue], ...] = Field(max_length=MAX_EVENTS_PER_BATCH)


class EventsReply(Wire):
    """All events up to this number are stored."""

    accepted_up_to: int
    cancel_requested: bool = False


class ArtifactKind(StrEnum):
    """What a file of an attempt is, named in the header of its upload."""

    CHECKPOINT = "checkpoint"
    WEIGHTS = "weights"
    CARD = "card"
    CONFIG = "config"
    PREDICTION = "prediction"
    ONNX = "onnx"
    QUANTIZED = "quantized"
    EXPLANATION = "explanation"
    LOG = "log"
    OTHER = "other"


class StoredFile(Wire):
    """Answer to PUT …/artifacts/{path}, and a line of a checkpoint's or a result's list."""

    path: OutputPath
    sha256: Sha256
    size: int = Field(ge=0)
    kind: ArtifactKind = ArtifactKind.OTHER


class CheckpointManifest(Wire):
    """POST …/checkpoints, after every file of it was stored."""

    stage: int
    epoch: int
    step: int = 0
    files: tuple[StoredFile, ...]
    metrics: dict[str, JsonValue] = Field(default_factory=dict)


class Finish(Wire):
    """POST …/finish: `result` is the content of result.json."""

    result: dict[str, JsonValue]
    artifacts: tuple[StoredFile, ...] = ()


class Fail(Wire):
    """POST …/fail: `failure` is a `worker.contract.failures.Failure`."""

    failure: dict[str, JsonValue]


class Release(Wire):
    """POST …/release: the attempt ends without being charged; the job is queued again."""

    reason: Literal["deploy", "lease_at_risk", "disk_full", "protocol"]
