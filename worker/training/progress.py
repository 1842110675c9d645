"""How far a run is: plain values, so a checkpoint can hold them and a resume can trust them."""

from pydantic import BaseModel, Field

from worker.contract.manifest import StageResult
from worker.training.rate_finder import RateTrial


class EpochSums(BaseModel):
    """What is added up within one epoch."""

    batches: int = 0
    seen: int = 0
    loss: float = 0.0
    hits: float = 0.0
    hit_count: int = 0
    seconds: float = 0.0

    def add(self, loss: float, size: int, hits: tuple[float, int] | None) -> None:
        """Take the mean loss of a batch in, and its hits where the task counts them."""
        self.seen += size
        self.loss += loss * size
        if hits is not None:
            self.hits += hits[0]
            self.hit_count += hits[1]


class Best(BaseModel):
    """The best validation so far, over the whole run."""

    value: float
    epoch: int


class Progress(BaseModel):
    """Where training stands. Stages count from 1; `epoch` is finished epochs of the stage."""

    stage: int = 1
    epoch: int = 0
    epochs_done: int = 0
    stage_step: int = 0
    step: int = 0
    stage_seen: int = 0
    stage_seconds: float = 0.0
    sums: EpochSums = Field(default_factory=EpochSums)
    best: Best | None = None
    stale_epochs: int = 0
    stage_best: float | None = None
    plateau_cuts: int = 0
    plateau_stale: int = 0
    plateau_best: float | None = None
    results: list[StageResult] = Field(default_factory=list)
    numbers: str | None = None
    seconds: float = 0.0
    bad_batches: list[str] = Field(default_factory=list)
    trials: list[RateTrial] = Field(default_factory=list)
    measured_mean: tuple[float, float, float] | None = None
    measured_std: tuple[float, float, float] | None = None

    def begin_next_stage(self) -> None:
        """Forget what belongs to one stage."""
        self.stage += 1
        self.epoch = self.stage_step = self.stage_seen = 0
        self.stage_seconds = 0.0
        self.stale_epochs = self.plateau_cuts = self.plateau_stale = 0
        self.stage_best = self.plateau_best = None
        self.sums = EpochSums()


def is_better(value: float, than: float | None, *, rises: bool, margin: float = 0.0) -> bool:
    """Return whether a monitored value improves on another by more than a margin."""
    if than is None:
        return True
    return value > than + margin if rises else value < than - margin
