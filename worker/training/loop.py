"""The one training loop: stages, epochs, steps, with a stop, a resume and a guard at every step."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor, nn

from worker.contract.failures import FailureCode, RunError
from worker.contract.manifest import SplitMetrics, StageResult
from worker.contract.plan import Plan
from worker.contract.run_events import StepPoint
from worker.contract.stages import Stage
from worker.data.batches import Split
from worker.distributed.strategy import Strategy
from worker.evaluation.predict import Predictor
from worker.modeling.network import Network
from worker.task import Task
from worker.training.checkpoint import Snapshot, save_checkpoint
from worker.training.distillation import Teacher
from worker.training.features import FeatureCache, Passes, feature_maker
from worker.training.memory import memory_bytes
from worker.training.precision import Precision
from worker.training.progress import Best, EpochSums, Progress, is_better
from worker.training.randomness import numbered, random_states, restore_random, states_of
from worker.training.reporting import Control, Reporter
from worker.training.sampling import epoch_seed
from worker.training.schedules import PLATEAU_PATIENCE, plateau_factor, rate_factor
from worker.training.stage import ActiveStage, begin_stage, optimizer_for
from worker.training.step import Step, is_finite
from worker.training.ways import Ways

# Epochs shorter than this are not worth a checkpoint each.
_LEAST_CHECKPOINT_S = 1.0
# So many times as long as one takes must lie between two: they cost a twentieth at most.
_PAUSES = 20


class StoppedError(Exception):
    """The outside asked the run to stop; a checkpoint lies on disk."""


@dataclass
class Trainer:
    """Trains a network by a plan. `checkpoints` is the folder they are written to."""

    plan: Plan
    task: Task
    network: Network
    train_split: Split
    validation_split: Split
    precision: Precision
    reporter: Reporter
    control: Control
    checkpoints: Path
    progress: Progress = field(default_factory=Progress)
    best_weights: dict[str, Tensor] | None = None
    teacher: Teacher | None = None
    strategy: Strategy = field(default_factory=Strategy)

    def __post_init__(self) -> None:
        train = self.plan.recipe.train
        self._began = self._saved_at = time.monotonic()
        self._pause_s = _LEAST_CHECKPOINT_S
        self._active: ActiveStage | None = None
        self.ways = Ways(
            self.task, self.network, self.precision, self.reporter, self.teacher, self.strategy
        )
        self._predictor = Predictor(
            self.task,
            train.eval_batch_size or max(32, train.usual_batch),
            self.check,
            self.precision.autocast,
        )

        self.features = feature_maker(
            self._predictor,
            self.network,
            (self.train_split, self.validation_split),
            self.precision.name,
            self.reporter.log,
        )

    def run(self, resume: Snapshot | None) -> list[StageResult]:
        """Train all stages, from a checkpoint if one is given; return what each did.

        Raises:
            StoppedError: the control asked for it.
            RunError: the loss is not finite, or time is up.
        """
        if resume is not None:
            self.progress, self.best_weights = resume.progress, _own(resume.best)
            self.strategy.load(self.network.module, resume.weights)
        stages = self.plan.recipe.stages
        for index in range(self.progress.stage, len(stages) + 1):
            self._run_stage(index, stages[index - 1], resume)
            resume = None
        return self.progress.results

    def _run_stage(self, index: int, stage: Stage, resume: Snapshot | None) -> None:
        average = resume.average if resume is not None else None
        active = self._active = self._begin(index, stage, average)
        if resume is not None and resume.optimizer is not None:
            moments = self.strategy.moments(resume.optimizer, active.parameters)
            active.optimizer.load_state_dict(moments)
            if self.precision.scaler is not None and resume.scaler is not None:
                self.precision.scaler.load_state_dict(resume.scaler)
            if self.progress.sums.batches:
                self._restore_random(resume.random)
        reason = "early_stopping" if self._is_stale() else "complete"
        # A stop while measuring leaves a trained epoch that was not yet finished.
        while reason == "complete" and (
            self.progress.stage_step < active.total_steps or self.progress.sums.batches
        ):
            self._run_epoch(active)
            reason = "early_stopping" if self._is_stale() else "complete"
        self._end(active, reason)

    def _begin(self, index: int, stage: Stage, average: dict[str, Tensor] | None) -> ActiveStage:
        count, groups = begin_stage(self.network, stage)
        module: nn.Module = self.network.module
        cache = self._features(stage)
        trained = cache.tail if cache else module
        active = ActiveStage(
            index=index,
            stage=stage,
            module=trained,
            runs=self.strategy.wrap(trained),
            train=cache.train if cache else self.train_split,
            validation=cache.validation if cache else self.validation_split,
            optimizer=optimizer_for(stage, groups),
            groups=groups,
            trainable_count=count,
            steps_per_epoch=len(self.ways.batches(self.train_split, 0)),
            cached=cache is not None,
        )
        self.ways.begin(active, self.progress, average)
        self.reporter.tell(
            "StageStarted",
            index=index,
            name=stage.name,
            trainable_count=count,
            epochs=active.total_epochs,
            steps_per_epoch=active.steps_per_epoch,
            groups=tuple(group.plan for group in active.groups),
            cached=active.cached,
        )
        return active

    def _features(self, stage: Stage) -> FeatureCache | None:
        train = self.plan.recipe.train
        if not self.strategy.holds_all:
            return None
        steps = (stage.max_steps or 0) * train.usual_batch
        count = float(stage.epochs or steps / len(self.train_split))
        passes = Passes(count, self._views)
        return self.strategy.in_turn(lambda: self.features.for_stage(stage, passes))

    @property
    def _views(self) -> int:
        # A teacher must see the pictures themselves, and so must what learns without labels.
        if self.teacher is not None or self.task.unlabeled is not None:
            return 0
        return self.plan.recipe.augment.views

    def _run_epoch(self, active: ActiveStage) -> None:
        progress, recipe = self.progress, self.plan.recipe
        number, seed = progress.epochs_done + 1, recipe.reproducibility.seed
        batches = self.ways.batches(active.train, number)
        if progress.sums.batches == 0:
            self.strategy.seed(epoch_seed(seed, number))
        for indices in batches[progress.sums.batches :]:
            if progress.stage_step >= active.total_steps:
                break
            self.check()
            if self._is_due(recipe.resources.checkpoint_every_s):
                self.save(active)
            began = time.monotonic()
            self._count(active, began, self._step(active, indices))
        self._finish_epoch(active, number)

    def _step(self, active: ActiveStage, indices: Tensor) -> Step:
        """Make one update; return the rates and the loss before it."""
        progress, scheduler = self.progress, active.stage.scheduler
        factor = rate_factor(
            scheduler, progress.stage_step, active.total_steps, active.steps_per_epoch
        )
        factor *= plateau_factor(scheduler, progress.plateau_cuts)
        return self.ways.step(active, indices, factor, progress)

    def _count(self, active: ActiveStage, began: float, done: Step) -> None:
        progress, sums = self.progress, self.progress.sums
        sums.batches += 1
        sums.seconds += time.monotonic() - began
        progress.stage_step += 1
        progress.step += 1
        last = sums.batches == active.steps_per_epoch
        if is_finite(done.loss) and (last or self.reporter.wants_point()):
            point = StepPoint(
                step=progress.step,
                epoch=progress.epochs_done + 1,
                loss=done.loss,
                lr=done.rates,
                samples_per_s=sums.seen / max(sums.seconds, 1e-9),
                memory_bytes=memory_bytes(),
            )
            self.reporter.point(active.index, point)

    def _finish_epoch(self, active: ActiveStage, number: int) -> None:
        progress, sums = self.progress, self.progress.sums
        began = time.monotonic()
        # What is measured, and kept where it is best, is the running mean if there is one.
        with self.ways.average.in_place():
            measured = self.strategy.same(self._predictor.measure(active.module, active.validation))
            if not is_finite(measured.loss):
                raise RunError(
                    FailureCode.DIVERGED,
                    f"validation loss is {measured.loss} after epoch {number}.",
                )
            is_best = self._remember(number, measured, active.stage)
        self.ways.end_epoch()
        progress.epoch += 1
        progress.epochs_done = number
        progress.stage_seen += sums.seen
        progress.stage_seconds += sums.seconds
        progress.sums = EpochSums()
        self.reporter.tell(
            "EpochFinished",
            epoch=number,
            stage=active.index,
            metric=measured.metric,
            train_loss=sums.loss / sums.seen,
            train_value=sums.hits / sums.hit_count if sums.hit_count else None,
            validation_loss=measured.loss,
            validation_value=measured.value,
            values=measured.values,
            is_best=is_best,
            seconds=sums.seconds + time.monotonic() - began,
            step=progress.step,
        )
        if self._is_due(self._pause_s):
            self.save(active)

    def _is_due(self, seconds: float) -> bool:
        """Return whether the last checkpoint is so long ago; processes go by one clock."""
        return self.strategy.same(time.monotonic() - self._saved_at >= seconds)

    def _remember(self, number: int, measured: SplitMetrics, stage: Stage) -> bool:
        """Keep the best weights and count epochs without progress; return whether this is best."""
        progress, recipe = self.progress, self.plan.recipe
        stopping, monitor, rises = recipe.train.early_stopping, recipe.monitor, recipe.monitor_rises
        value = measured.loss if monitor == "loss" else measured.values[monitor]
        margin = stopping.min_delta if stopping else 0.0
        best = progress.best.value if progress.best else None
        is_best = is_better(value, best, rises=rises, margin=margin)
        if is_best:
            progress.best = Best(value=value, epoch=number)
            if stopping is not None and stopping.restore_best:
                self.best_weights = self.strategy.whole_state(self.network.module)
        if is_better(value, progress.stage_best, rises=rises, margin=margin):
            progress.stage_best, progress.stale_epochs = value, 0
        else:
            progress.stale_epochs += 1
        if stage.scheduler.name == "plateau":
            self._watch_plateau(stage, measured.loss)
        return is_best

    def _watch_plateau(self, stage: Stage, loss: float) -> None:
        progress, patience = self.progress, stage.scheduler.patience
        if progress.plateau_best is None or loss < progress.plateau_best:
            progress.plateau_best, progress.plateau_stale = loss, 0
            return
        progress.plateau_stale += 1
        if progress.plateau_stale > (PLATEAU_PATIENCE if patience is None else patience):
            progress.plateau_cuts += 1
            progress.plateau_stale = 0

    def _is_stale(self) -> bool:
        stopping = self.plan.recipe.train.early_stopping
        return stopping is not None and self.progress.stale_epochs >= stopping.patience

    def _end(self, active: ActiveStage, reason: str) -> None:
        progress = self.progress
        restored = None
        self.ways.end()
        self.strategy.unwrap(active.module)
        active.runs = active.module
        self.ways.average.keep()
        if self.best_weights is not None and progress.best is not None:
            if progress.best.epoch != progress.epochs_done:
                restored = progress.best.epoch
            self.strategy.load(self.network.module, self.best_weights)
        self._compare(active.stage.name)
        rate = progress.stage_seen / max(progress.stage_seconds, 1e-9)
        told = {
            "index": active.index,
            "name": active.stage.name,
            "epochs": progress.epoch,
            "seconds": progress.stage_seconds,
            "samples_per_s": rate,
            "reason": reason,
        }
        steps = progress.stage_step
        progress.results.append(
            StageResult.model_validate(
                {
                    **told,
                    "steps": steps,
                    "cached": active.cached,
                    "trainable_count": active.trainable_count,
                }
            )
        )
        self.reporter.tell("StageFinished", **told, restored_epoch=restored)
        progress.begin_next_stage()
        self._active = None

    def save(self, active: ActiveStage) -> None:
        """Write a checkpoint and tell it; it holds all of what several processes hold."""
        self.progress.seconds += time.monotonic() - self._began
        self._began = time.monotonic()
        scaler, strategy = self.precision.scaler, self.strategy
        snapshot = Snapshot(
            progress=self.progress,
            weights=strategy.whole(self.ways.average.trained(self.network.module.state_dict())),
            best=self.best_weights,
            optimizer=strategy.whole_moments(active.optimizer.state_dict()),
            random=numbered(strategy.collect(random_states())),
            average=self.ways.average.state(),
            scaler=scaler.state_dict() if scaler is not None else None,
        )
        if strategy.is_main:
            self._write(snapshot)
        strategy.wait()
        self._saved_at = time.monotonic()
        self._pause_s = max(_LEAST_CHECKPOINT_S, _PAUSES * (self._saved_at - self._began))

    def _write(self, snapshot: Snapshot) -> None:
        saved = save_checkpoint(self.checkpoints, self.plan.plan_hash, snapshot)
        self.reporter.tell(
            "CheckpointSaved",
            path=f"out/checkpoints/{saved.folder.name}",
            sha256=saved.sha256,
            epoch=self.progress.epochs_done,
            stage=self.progress.stage,
            step=self.progress.step,
            size=saved.size,
        )

    def _compare(self, stage: str) -> None:
        """Make sure that a stage left the same weights everywhere.

        Raises:
            RunError: it did not; going on would train several networks as if they were one.
        """
        if self.strategy.differs(self.network.module):
            raise RunError(
                FailureCode.INTERNAL, f"After stage {stage} the processes hold different weights."
            )

    def _restore_random(self, states: dict[str, Tensor]) -> None:
        """Go on with this process's random numbers, or with fresh ones where it had none."""
        own = states_of(states, self.strategy.rank, self.strategy.world)
        if own is None:
            seed, progress = self.plan.recipe.reproducibility.seed, self.progress
            self.strategy.seed(epoch_seed(seed, progress.epochs_done + 1) + progress.sums.batches)
            return
        restore_random(own)

    @property
    def base_features(self) -> FeatureCache | None:
        """Features of the base as it came, where no stage changed more than the head."""
        untouched = all(result.cached for result in self.progress.results)
        cache = self.features.last
        return cache if untouched and cache is not None and cache.are_vectors else None

    @property
    def seconds(self) -> float:
        """Seconds of work in all attempts."""
        return self.progress.seconds + time.monotonic() - self._began

    def check(self) -> None:
        """Stop where the outside or the clock asks for it, with a checkpoint on disk."""
        limit = self.plan.recipe.resources.max_minutes
        late = limit is not None and self.seconds > limit * 60
        late, stopped = self.strategy.any((late, self.control.should_stop()))
        if not late and not stopped:
            return
        if self._active is not None:
            self.save(self._active)
        if late:
            raise RunError(FailureCode.TIME_LIMIT, f"{limit:g} minutes are over.")
        raise StoppedError


def _own(tensors: object) -> dict[str, Tensor] | None:
    if not isinstance(tensors, dict):
        return None
    return {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
