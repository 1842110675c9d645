"""What the run page shows, worked out from the rows a job left: no database, no request."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from app.core.i18n import _, ngettext
from app.jobs.pages.measures import measure_title, measured
from app.jobs.states import AttemptOutcome, JobState
from app.jobs.tables import Attempt, Checkpoint, Job, JobEvent, Point
from worker.contract.failures import EXPLANATIONS, FailureCode
from worker.contract.plan import Plan
from worker.contract.stages import Stage

# Kinds of events that the curves are rebuilt from; the many points travel apart.
CURVE_KINDS = ("RunStarted", "StageStarted", "EpochFinished", "StageFinished")


def outcome_label(outcome: AttemptOutcome | None) -> str:
    """Return how an attempt ended, in a word."""
    words = {
        AttemptOutcome.LOST: _("Lost contact"),
        AttemptOutcome.RELEASED: _("Handed back"),
        AttemptOutcome.SUCCEEDED: _("Succeeded"),
        AttemptOutcome.FAILED: _("Failed"),
        AttemptOutcome.CANCELLED: _("Cancelled"),
    }
    return words[outcome] if outcome else _("Running")


def trained_part(stage: Stage) -> str:
    """Return what a stage trains, in words."""
    if stage.train == "all":
        return _("all layers")
    if stage.train == ("head",):
        return _("the new head")
    return ", ".join(stage.train)


@dataclass
class StageView:
    """A stage on the stepper. `state` is done, now or next; `count` is of trained parameters."""

    index: int
    name: str
    trains: str
    planned_epochs: int | None
    state: str = "next"
    epochs_done: int = 0
    count: int | None = None
    seconds: float | None = None
    cached: bool = False
    stopped_early: bool = False


@dataclass(frozen=True)
class Clock:
    """When a run began, ended, and is expected to end."""

    started: datetime | None
    ended: datetime | None
    seconds_left: float | None

    @property
    def elapsed(self) -> float | None:
        """Seconds from begin to end, once it has ended."""
        return (self.ended - self.started).total_seconds() if self.started and self.ended else None


@dataclass(frozen=True)
class Progress:
    """How far a run is: its stages, its epochs in order, the best of them."""

    stages: Sequence[StageView]
    epochs: Sequence[dict[str, Any]]
    best_epoch: int | None
    total_count: int | None
    steps_per_epoch: int = 0

    @property
    def planned_epochs(self) -> int:
        """Epochs of all stages as planned."""
        return sum(stage.planned_epochs or 0 for stage in self.stages)

    @property
    def measures_training(self) -> bool:
        """Whether the measure is known of training too."""
        return any(epoch.get("train_value") is not None for epoch in self.epochs)


def progress(plan: Plan, events: Iterable[JobEvent]) -> Progress:
    """Return the stages and epochs that events tell of; later attempts overrule earlier ones."""
    stages = {item.index: _planned(item.index, item.stage) for item in plan.stages}
    epochs: dict[int, dict[str, Any]] = {}
    total, steps = None, 0
    for event in events:
        told = event.payload
        steps = told.get("steps_per_epoch", steps)
        if event.kind == "RunStarted" and not told.get("resumed_from"):
            epochs.clear()
            stages = {item.index: _planned(item.index, item.stage) for item in plan.stages}
        elif event.kind == "PlanResolved":
            total = told["total_count"]
            for counted in told["stages"]:
                stages[counted["index"]].count = counted["trainable_count"]
        elif event.kind == "EpochFinished":
            epochs[told["epoch"]] = told
        else:
            _tell_stage(stages, event)
    ordered = [epochs[number] for number in sorted(epochs)]
    for stage in stages.values():
        stage.epochs_done = sum(1 for epoch in ordered if epoch["stage"] == stage.index)
    best = [epoch["epoch"] for epoch in ordered if epoch["is_best"]]
    return Progress(list(stages.values()), ordered, best[-1] if best else None, total, steps)


def _planned(index: int, stage: Stage) -> StageView:
    return StageView(index, stage.name, trained_part(stage), stage.epochs)


def _tell_stage(stages: dict[int, StageView], event: JobEvent) -> None:
    told = event.payload
    if event.kind == "StageStarted":
        stage = stages[told["index"]]
        stage.state = "now"
        stage.count, stage.cached = told["trainable_count"], told["cached"]
        stage.planned_epochs = told["epochs"]
    elif event.kind == "StageFinished":
        stage = stages[told["index"]]
        stage.state, stage.seconds = "done", told["seconds"]
        stage.stopped_early = told["reason"] == "early_stopping"


def clock(job: Job, run: Progress, points: Sequence[Point], num_images: int) -> Clock:
    """Return the times of a job; what is left is the pace of the newest steps, carried on.

    Args:
        job: the job.
        run: how far it is.
        points: points of its curves, in order.
        num_images: images of one epoch.
    """
    left = None
    if job.state is JobState.RUNNING and points:
        left = _seconds_left(run, points[-1], num_images)
    return Clock(job.started_at, job.finished_at, left)


def _seconds_left(run: Progress, newest: Point, num_images: int) -> float | None:
    pace = newest.numbers.get("samples_per_s")
    if not pace:
        return None
    epochs_left = 0.0
    for stage in run.stages:
        # A stage that has not begun has no pace of its own yet; the current one's must do.
        if stage.state != "done":
            epochs_left += max(0, (stage.planned_epochs or 0) - stage.epochs_done)
    done_steps = run.epochs[-1]["step"] if run.epochs else 0
    if run.steps_per_epoch:
        epochs_left -= min(1.0, max(0, newest.step - done_steps) / run.steps_per_epoch)
    own = [epoch for epoch in run.epochs if epoch["stage"] == newest.stage]
    # An epoch measured whole counts its validation too.
    each = own[-1]["seconds"] if own else num_images / pace
    return float(max(0.0, epochs_left) * each)


class Happening(NamedTuple):
    """One line of the list of events."""

    moment: datetime
    attempt: int
    icon: str
    text: str


def happenings(events: Iterable[JobEvent]) -> list[Happening]:
    """Return the events that people follow, newest first."""
    told = [
        Happening(event.created_at, event.attempt, *said)
        for event in events
        if (said := _sentence(event.kind, event.payload)) is not None
    ]
    return told[::-1]


def _sentence(kind: str, told: dict[str, Any]) -> tuple[str, str] | None:
    if kind == "RunStarted":
        text = _("The run went on from a checkpoint, on %(device)s.")
        fresh = _("The run began, on %(device)s.")
        return "play", (text if told.get("resumed_from") else fresh) % told
    if kind == "DataLoaded":
        total = sum(told["sizes"].values())
        text = ngettext("%(n)s example was read.", "%(n)s examples were read.", total)
        return "dataset", text % {"n": f"{total:,}"}
    if kind == "PlanResolved":
        return "model", _("The network was built: %(count)s parameters.") % {
            "count": f"{told['total_count']:,}"
        }
    if kind == "StageStarted":
        return "right", _("Stage %(index)d, %(name)s, began: %(count)s parameters are trained.") % {
            **told,
            "count": f"{told['trainable_count']:,}",
        }
    if kind == "StageFinished":
        early = _("Stage %(index)d, %(name)s, stopped early: it no longer got better.")
        done = _("Stage %(index)d, %(name)s, ended.")
        return "check", (early if told["reason"] == "early_stopping" else done) % told
    return _ending(kind, told)


def _ending(kind: str, told: dict[str, Any]) -> tuple[str, str] | None:
    if kind == "CheckpointSaved":
        return "download", _("A checkpoint was saved after epoch %(epoch)d.") % told
    if kind == "RunFinished":
        metric = told["metric"]
        return "check", _("The run ended: %(measure)s %(value)s.") % {
            "measure": measure_title(metric),
            "value": measured(told["value"], metric),
        }
    if kind == "RunFailed":
        code = FailureCode(told["failure"]["code"])
        return "cross", _(EXPLANATIONS[code].sentence)
    return _by_the_site(kind)


def _by_the_site(kind: str) -> tuple[str, str] | None:
    said = {
        "JobQueued": ("clock", _("The job was put into the queue.")),
        "JobResumed": ("play", _("Somebody resumed the job.")),
        "CancelRequested": ("stop", _("Somebody asked to cancel the job.")),
        "AttemptStarted": ("worker", _("A worker took the job.")),
        "AttemptLost": ("warn", _("The worker fell silent; another one goes on.")),
        "AttemptReleased": ("history", _("The worker handed the job back.")),
        "JobPublished": ("upload", _("The result was published.")),
        "JobEnded": ("check", _("The job ended.")),
    }
    return said.get(kind)


class AttemptView(NamedTuple):
    """One execution of the job, as the rail lists it."""

    number: int
    worker_name: str
    resumed_epoch: int | None
    label: str
    started_at: datetime


def attempt_views(attempts: Sequence[Attempt]) -> list[AttemptView]:
    """Return the attempts, newest first."""
    return [
        AttemptView(
            attempt.number,
            attempt.worker_name,
            attempt.resumed_epoch,
            outcome_label(attempt.outcome),
            attempt.started_at,
        )
        for attempt in reversed(attempts)
    ]


class CheckpointView(NamedTuple):
    """One checkpoint, as the rail lists it. `size` in bytes."""

    epoch: int
    step: int
    size: int
    created_at: datetime


def checkpoint_views(checkpoints: Sequence[Checkpoint]) -> list[CheckpointView]:
    """Return the checkpoints in the order given."""
    return [
        CheckpointView(
            item.epoch, item.step, sum(file["size"] for file in item.files), item.created_at
        )
        for item in checkpoints
    ]
