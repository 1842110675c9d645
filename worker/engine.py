"""Running a plan from beginning to end: data, network, training, measuring, writing the result."""

import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from worker.after import after_training
from worker.contract.attempt import CACHE_FOLDER, CHECKPOINTS_FOLDER, RESULT_FOLDER
from worker.contract.manifest import Result, SplitMetrics
from worker.contract.plan import Plan
from worker.data.batches import Split
from worker.data.samples import Samples, open_samples
from worker.data.weights import sample_weights
from worker.distributed.choice import choose_layout
from worker.distributed.job import ProcessJob
from worker.evaluation.finished import Finished
from worker.evaluation.predict import Predictor
from worker.export.repository import write_repository, write_weights
from worker.modeling.adapters import add_adapter, keep_adapter
from worker.modeling.network import Network
from worker.surroundings import device_name, explained, verified_weights, versions
from worker.task import Setting, Task
from worker.tasks import task_of
from worker.together import run_together, strategy_of
from worker.training.checkpoint import Snapshot, load_checkpoint
from worker.training.distillation import Teacher, build_teacher
from worker.training.loop import StoppedError, Trainer
from worker.training.placing import one_batch, place
from worker.training.precision import choose_precision, make_reproducible, settle_numbers
from worker.training.quickening import quicken
from worker.training.reporting import Control, EventSink, Reporter
from worker.training.stage import count_stages


@dataclass(frozen=True)
class Places:
    """Where an attempt finds and leaves things. `out` gets `out/checkpoints` and `out/result`.

    `weights` is None only for random ones; `test_data` is given for a data set of its own; `base`
    is the folder of the base model, for those that are more than weights; `teacher` is the file of
    the teacher's weights; `shelf` holds features that earlier runs computed.
    """

    data: Path
    out: Path
    weights: Path | None = None
    test_data: Path | None = None
    base: Path | None = None
    teacher: Path | None = None
    shelf: Path | None = None


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
        layout = choose_layout(plan.recipe, plan.split_sizes.get("train", 0))
        if layout.processes > 1:
            named = {name: str(path) for name, path in vars(places).items() if path is not None}
            resume = str(resume_from) if resume_from else None
            job = ProcessJob(plan=plan, places=named, strategy=layout.strategy, resume=resume)
            return run_together(job, layout.processes, sink, control)
        order = _Order(plan, places, control, resume_from)
        trainer, data = _train(order, Reporter(sink))
        return _conclude(trainer, places, data)


def run_member(job: ProcessJob, sink: EventSink, control: Control) -> None:
    """Do one process's share of a run; the first one writes the result.

    Raises:
        RunError: with the reason a user understands.
        RungError: memory ran out; all processes must begin again.
        StoppedError: one of them was asked to stop.
    """
    with explained():
        places = Places(**{name: Path(path) for name, path in job.places.items()})
        resume = Path(job.resume) if job.resume else None
        trainer, data = _train(_Order(job.plan, places, control, resume, job), Reporter(sink))
        if trainer.strategy.is_main:
            _conclude(trainer, places, data)


@dataclass(frozen=True)
class _Order:
    """What is to be run; `job` is there where several processes share it."""

    plan: Plan
    places: Places
    control: Control
    resume_from: Path | None
    job: ProcessJob | None = None


@dataclass(frozen=True)
class _Data:
    samples: dict[str, Samples]
    splits: dict[str, Split]
    resume: Snapshot | None


def open_trainer(
    plan: Plan, places: Places, sink: EventSink, control: Control
) -> tuple[Trainer, dict[str, Split]]:
    """Return what would train a plan, with the splits; nothing is trained yet.

    Raises:
        RunError: with the reason a user understands.
    """
    with explained():
        trainer, data = _ready(_Order(plan, places, control, None), Reporter(sink))
        return trainer, data.splits


def _train(order: _Order, reporter: Reporter) -> tuple[Trainer, _Data]:
    trainer, data = _ready(order, reporter)
    trainer.run(data.resume)
    trainer.strategy.finish(trainer.network.module, trainer.precision.device)
    return trainer, data


def _ready(order: _Order, reporter: Reporter) -> tuple[Trainer, _Data]:
    plan, places, resume_from = order.plan, order.places, order.resume_from
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
    cache = places.out / CACHE_FOLDER
    setting = Setting(plan, precision.device, cache, places.base, weights, places.shelf)
    task = task_of(plan.recipe.task, setting)
    # An agent learns from what it does; there is nothing to open.
    acts = plan.recipe.spec.modality == "environment"
    samples = {} if acts else open_samples(plan, places.data, places.test_data)
    task.look(samples)
    network = _build(plan, task, reporter)
    splits = _load(plan, samples, task, reporter)
    strategy = strategy_of(order.job, network.module, precision.device)
    if strategy.holds_all or precision.device.type == "cpu":
        place(network, precision.device)
    if not acts:
        if strategy.holds_all and (lines := quicken(task, network, splits["train"])):
            reporter.tell("LogWritten", lines=tuple(lines))
        known = resume.progress.numbers if resume else None
        forward = one_batch(task, network, splits["train"])
        settled = settle_numbers(precision, plan.recipe, forward, known)
        if strategy.world > 1:
            settled = settle_numbers(precision, plan.recipe, forward, strategy.same(settled.name))
        precision = settled
    strategy.prepare(network.module)
    trainer = Trainer(
        plan=plan,
        task=task,
        network=network,
        train_split=splits["train"],
        validation_split=splits["validation"],
        precision=precision,
        reporter=reporter,
        control=order.control,
        checkpoints=places.out / CHECKPOINTS_FOLDER,
        teacher=_teacher(plan, places, precision.device),
        strategy=strategy,
    )
    trainer.progress.numbers = precision.name
    trainer.ways.begin_at(order.job.rung if order.job else None)
    return trainer, _Data(samples, splits, resume)


def _conclude(trainer: Trainer, places: Places, data: _Data) -> Result:
    """Measure what was trained and write it."""
    plan, reporter = trainer.plan, trainer.reporter
    if plan.recipe.model.adapter is not None:
        folder = places.out / RESULT_FOLDER
        keep_adapter(trainer.network, plan, folder, reporter.log)
    run = _measured(plan, places, trainer, data.splits, data.samples)
    return _write(trainer, run)


def _teacher(plan: Plan, places: Places, device: torch.device) -> Teacher | None:
    settings, base = plan.recipe.distill, plan.teacher
    if settings is None or base is None:
        return None
    weights = verified_weights(base, places.teacher)
    numbers = plan.images if plan.recipe.data.normalize != "dataset" else base.preprocessing
    return build_teacher(base, weights, settings, (plan.classes, numbers)).on(device)


def _build(plan: Plan, task: Task, reporter: Reporter) -> Network:
    network = task.build()
    if plan.recipe.model.adapter is not None:
        add_adapter(network, plan.recipe.model.adapter, plan.base, plan.recipe.reproducibility.seed)
    stages = count_stages(network, plan.recipe.stages)
    reporter.tell("PlanResolved", total_count=network.total_count, stages=tuple(stages))
    return network


def _load(
    plan: Plan, samples: dict[str, Samples], task: Task, reporter: Reporter
) -> dict[str, Split]:
    began = time.monotonic()
    splits = task.load(samples)
    if plan.recipe.data.imbalance.sample_weight_column is not None:
        task.weights_N = sample_weights(samples["train"])
    reporter.tell(
        "DataLoaded",
        classes=plan.classes,
        sizes={name: len(split) for name, split in splits.items()},
        seconds=time.monotonic() - began,
    )
    if task.notes:
        reporter.tell("LogWritten", lines=tuple(task.notes))
    return splits


def _measured(
    plan: Plan,
    places: Places,
    trainer: Trainer,
    splits: dict[str, Split],
    samples: dict[str, Samples],
) -> Finished:
    batch_size = plan.recipe.train.eval_batch_size or 64
    predictor = Predictor(
        trainer.task, batch_size, lambda: _obey(trainer.control), trainer.precision.autocast
    )
    seconds = trainer.seconds
    judged = trainer.features.for_judging(splits.get("test")) or (trainer.network.module, splits)
    measured: dict[str, SplitMetrics] = {
        name: predictor.measure(judged[0], judged[1][name])
        for name in ("validation", "test")
        if name in splits
    }
    return Finished(
        plan=plan,
        task=trainer.task,
        network=trainer.network,
        splits=splits,
        samples=samples,
        measured=measured,
        split_name="test" if "test" in measured else "validation",
        predictor=predictor,
        folder=places.out / RESULT_FOLDER,
        seconds=seconds,
        base_features=_base_features(trainer),
        judged=judged,
        say=lambda line: trainer.reporter.tell("LogWritten", lines=(line,)),
    )


def _base_features(trainer: Trainer) -> dict[str, Tensor]:
    cache = trainer.base_features
    if cache is None:
        return {}
    return {"train": cache.train.features, "validation": cache.validation.features}


def _obey(control: Control) -> None:
    """Stop what follows training; a resumed attempt begins it again from the last checkpoint."""
    if control.should_stop():
        raise StoppedError


def _write(trainer: Trainer, run: Finished) -> Result:
    plan, folder = run.plan, run.folder
    trainer.network.restore()
    trainer.task.close(trainer.network)
    sha256 = write_weights(folder, run.module.state_dict())
    trainer.ways.write_pictures(folder, trainer.train_split, trainer.progress)
    after = after_training(run)
    result = Result.model_validate(
        {
            "plan_hash": plan.plan_hash,
            "task": plan.recipe.task,
            "classes": plan.classes,
            "split": run.split_name,
            "splits": run.measured,
            "stages": trainer.progress.results,
            "total_count": trainer.network.total_count,
            "epochs": trainer.progress.epochs_done,
            "seconds": run.seconds,
            "seed": plan.recipe.reproducibility.seed,
            "device": device_name(trainer.precision.device),
            "versions": versions(),
            "weights_sha256": sha256,
            **vars(after),
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
