"""Running a plan from beginning to end: data, network, training, measuring, writing the result."""

import time
from dataclasses import dataclass
from pathlib import Path

from worker.contract.attempt import CHECKPOINTS_FOLDER, RESULT_FOLDER
from worker.contract.manifest import Result, SplitMetrics
from worker.contract.plan import Plan
from worker.data.batches import Split
from worker.data.samples import open_samples
from worker.evaluation.predict import Predictor
from worker.export.repository import write_repository, write_weights
from worker.modeling.network import Network
from worker.surroundings import device_name, explained, verified_weights, versions
from worker.task import Setting, Task
from worker.tasks import task_of
from worker.training.checkpoint import load_checkpoint
from worker.training.loop import Trainer
from worker.training.precision import choose_precision, make_reproducible
from worker.training.reporting import Control, EventSink, Reporter
from worker.training.stage import count_stages


@dataclass(frozen=True)
class Places:
    """Where an attempt finds and leaves things. `out` gets `out/checkpoints` and `out/result`.

    `weights` is None only for random ones; `test_data` is given for a data set of its own; `base`
    is the folder of the base model, for those that are more than weights.
    """

    data: Path
    out: Path
    weights: Path | None = None
    test_data: Path | None = None
    base: Path | None = None


def run_plan(
    plan: Plan,
    places: Places,
    sink: EventSink,
    control: Control,
    resume_from: Path | None = None,
) -> Result:
    """Run a plan and return its result; the model repository lies in `out/result`.

    Args:
        plan: what to do.
        places: where data and weights are and where results go.
        sink: told every event but the last one of a failed run.
        control: asked at every step whether to stop.
        resume_from: a checkpoint folder to continue from.

    Raises:
        RunError: with the reason a user understands.
        StoppedError: the control asked for it; a checkpoint was written if training had begun.
    """
    with explained():
        return _run(plan, places, Reporter(sink), control, resume_from)


def _run(
    plan: Plan, places: Places, reporter: Reporter, control: Control, resume_from: Path | None
) -> Result:
    precision = choose_precision(plan.recipe)
    make_reproducible(plan.recipe)
    resume = load_checkpoint(resume_from, plan.plan_hash) if resume_from else None
    reporter.tell(
        "RunStarted",
        plan_hash=plan.plan_hash,
        device=device_name(precision.device),
        versions=versions(),
        resumed_from=resume_from.name if resume_from else None,
        total_epochs=sum(stage.epochs or 0 for stage in plan.recipe.stages),
    )
    weights = verified_weights(plan.base, places.weights)
    setting = Setting(plan, precision.device, places.out / "cache", places.base, weights)
    task = task_of(plan.recipe.task, setting)
    network = _build(plan, task, reporter)
    splits = _load(plan, places, task, reporter)
    network.module.to(precision.device)
    trainer = Trainer(
        plan=plan,
        task=task,
        network=network,
        train_split=splits["train"],
        validation_split=splits["validation"],
        precision=precision,
        reporter=reporter,
        control=control,
        checkpoints=places.out / CHECKPOINTS_FOLDER,
    )
    trainer.run(resume)
    measured = _measure(plan, trainer, splits)
    return _write(plan, places, trainer, measured)


def _build(plan: Plan, task: Task, reporter: Reporter) -> Network:
    network = task.build()
    stages = count_stages(network, plan.recipe.stages)
    reporter.tell("PlanResolved", total_count=network.total_count, stages=tuple(stages))
    return network


def _load(plan: Plan, places: Places, task: Task, reporter: Reporter) -> dict[str, Split]:
    began = time.monotonic()
    splits = task.load(open_samples(plan, places.data, places.test_data))
    reporter.tell(
        "DataLoaded",
        classes=plan.classes,
        sizes={name: len(split) for name, split in splits.items()},
        seconds=time.monotonic() - began,
    )
    return splits


def _measure(plan: Plan, trainer: Trainer, splits: dict[str, Split]) -> dict[str, SplitMetrics]:
    batch_size = plan.recipe.train.eval_batch_size or 64
    predictor = Predictor(trainer.task, batch_size, lambda: None, trainer.precision.autocast)
    return {
        name: predictor.measure(trainer.network.module, splits[name])
        for name in ("validation", "test")
        if name in splits
    }


def _write(
    plan: Plan,
    places: Places,
    trainer: Trainer,
    measured: dict[str, SplitMetrics],
) -> Result:
    folder = places.out / RESULT_FOLDER
    sha256 = write_weights(folder, trainer.network.module.state_dict())
    result = Result.model_validate(
        {
            "plan_hash": plan.plan_hash,
            "task": plan.recipe.task,
            "classes": plan.classes,
            "split": "test" if "test" in measured else "validation",
            "splits": measured,
            "stages": trainer.progress.results,
            "total_count": trainer.network.total_count,
            "epochs": trainer.progress.epochs_done,
            "seconds": trainer.seconds,
            "seed": plan.recipe.reproducibility.seed,
            "device": device_name(trainer.precision.device),
            "versions": versions(),
            "weights_sha256": sha256,
        }
    )
    files = trainer.task.files(trainer.network, result)
    write_repository(folder, plan, files, result, trainer.task.summary(result.headline))
    headline = result.headline
    trainer.reporter.tell(
        "RunFinished",
        split=result.split,
        metric=headline.metric,
        value=headline.value,
        low=headline.low,
        high=headline.high,
        loss=headline.loss,
        epochs=result.epochs,
        seconds=result.seconds,
    )
    return result
