"""The recipe's ways of training, put around the plain step: the loop knows only this."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from torch import Tensor, nn

from worker.contract.failures import FailureCode, RunError
from worker.data.batches import Batch, Split
from worker.distributed.job import Rung
from worker.distributed.strategy import Strategy
from worker.modeling.network import Network
from worker.task import Task
from worker.training.averaging import WeightAverage
from worker.training.distillation import Teacher, taught
from worker.training.guard import pass_over
from worker.training.memory import MemoryLadder
from worker.training.mixing import mixed
from worker.training.penalties import StartPenalty
from worker.training.pictures import write_augmented, write_trial
from worker.training.precision import Precision
from worker.training.progress import Progress
from worker.training.randomness import random_states, restore_random
from worker.training.rate_finder import RateTrial, try_rates
from worker.training.reporting import Reporter
from worker.training.resizing import check_sizes, resized, side_at
from worker.training.sampling import batches_of, epoch_order, epoch_seed, evened_order
from worker.training.stage import ActiveStage, optimizer_for
from worker.training.step import Objective, Outcome, Step, Stepper, is_finite, plain_objective
from worker.training.synthesis import EnlargedSplit
from worker.training.unlabeled import Used, WithoutLabels

# A mean teacher needs a mean; this is its decay where the recipe names none.
_MEAN_TEACHER_DECAY = 0.99


class Ways:
    """What a recipe adds to plain training, for the stages of one run.

    `average` is the running mean of the stage that is under way.
    """

    def __init__(
        self,
        task: Task,
        network: Network,
        precision: Precision,
        reporter: Reporter,
        teacher: Teacher | None,
        strategy: Strategy,
    ) -> None:
        plan = task.plan
        self._plan, self._task, self._network = plan, task, network
        self._precision, self._reporter, self._teacher = precision, reporter, teacher
        self._strategy = strategy
        train = plan.recipe.train
        self._own = task.stepper(precision)
        self._size = train.batch_for(plan.split_sizes.get("train", 0))
        self._ladder = MemoryLadder(self._size, reporter.log)
        self._penalty = StartPenalty(network, train.l2_sp) if train.l2_sp else None
        self._used = Used()
        self._rung: Rung | None = None
        self._done = 0.0
        self._stepper = self._plain()
        self.average = WeightAverage(network.module, None)
        sizes = plan.recipe.augment.progressive_resizing
        if sizes:
            check_sizes(network.module, sizes, precision.device)

    def _plain(self) -> Stepper:
        objective = plain_objective(self._task, self._precision)
        return Stepper(self._task, self._precision, objective, self._ladder, self._strategy)

    def begin_at(self, rung: Rung | None) -> None:
        """Begin with smaller parts, where memory has run out before."""
        self._rung = rung
        if rung is not None:
            self._ladder.begin_at(rung)

    def batches(self, split: Split, epoch: int) -> list[Tensor]:
        """Return the samples of each update of an epoch."""
        recipe, seed = self._plan.recipe, self._plan.recipe.reproducibility.seed
        lengths = split.lengths if recipe.data.group_by_length else None
        sampler = recipe.data.imbalance.sampler
        if sampler == "none" or split.labels is None:
            order = epoch_order(len(split), seed, epoch)
        else:
            order = evened_order(split.labels.cpu(), sampler, seed, epoch)
        size = self._size * recipe.train.gradient_accumulation_steps
        return batches_of(order, size, seed, epoch, lengths)

    def begin(
        self, active: ActiveStage, progress: Progress, average: Mapping[str, Tensor] | None
    ) -> None:
        """Prepare a stage: its samples, its rates, its objective and its running mean.

        Raises:
            RunError: the stage cannot be trained this way.
        """
        recipe = self._plan.recipe
        if recipe.data.imbalance.synthesize == "smote":
            active.train = self._enlarged(active)
        active.steps_per_epoch = len(self.batches(active.train, 0))
        asked = recipe.train.gradient_checkpointing or (self._rung and self._rung.recompute)
        if asked and not self._ladder.recompute(active.module):
            self._reporter.log("gradient_checkpointing: this part of the network has no blocks.")
        self.average = WeightAverage(self._network.module, self._decay, self._strategy)
        self._stepper.objective = self._objective()
        if active.stage.optimizer.lr == "auto":
            self._take_rate(active, progress)
        if average:
            self.average.restore(average)

    @property
    def _decay(self) -> float | None:
        settings = self._plan.recipe.semi_supervised
        if settings is not None and settings.method == "mean-teacher":
            return self._plan.recipe.train.model_ema_decay or _MEAN_TEACHER_DECAY
        return self._plan.recipe.train.model_ema_decay

    def _enlarged(self, active: ActiveStage) -> Split:
        if not active.cached:
            raise RunError(
                FailureCode.RECIPE_INVALID,
                f"data.imbalance.synthesize: stage {active.stage.name} has no cached features, "
                "and a mean of two raw samples is none; use sampler: oversample.",
            )
        return EnlargedSplit(active.train, self._plan.recipe.reproducibility.seed)

    def _objective(self) -> Objective:
        recipe, task, precision = self._plan.recipe, self._task, self._precision
        objective = plain_objective(task, precision)
        if self._teacher is not None:
            objective = taught(objective, self._teacher)
        if recipe.semi_supervised is not None and task.unlabeled is not None:

            def forward(module: nn.Module, inputs: Tensor) -> Tensor:
                with precision.autocast():
                    scores: Tensor = task.forward(module, inputs)
                return scores

            extra = WithoutLabels(
                recipe.semi_supervised,
                task.unlabeled,
                forward,
                self.average,
                lambda: self._done,
                self._used,
            )
            objective = extra.around(objective)
        if recipe.augment.mixup_alpha or recipe.augment.cutmix_alpha:
            objective = self._blended(objective)
        if recipe.augment.progressive_resizing:
            objective = self._growing(objective)
        return self._pulled(objective) if self._penalty is not None else objective

    def _blended(self, objective: Objective) -> Objective:
        augment, classes = self._plan.recipe.augment, len(self._plan.classes)
        return lambda module, batch: objective(module, mixed(batch, augment, classes))

    def _growing(self, objective: Objective) -> Objective:
        sizes, full = self._plan.recipe.augment.progressive_resizing, self._plan.images.image_size
        return lambda module, batch: objective(
            module, resized(batch, side_at(sizes, full, self._done))
        )

    def _pulled(self, objective: Objective) -> Objective:
        assert self._penalty is not None  # noqa: S101 - only called with one
        penalty = self._penalty.to(self._precision.device)

        def pulled(module: nn.Module, batch: Batch) -> Outcome:
            outcome = objective(module, batch)
            return Outcome(outcome.loss + penalty(), outcome.output)

        return pulled

    def _take_rate(self, active: ActiveStage, progress: Progress) -> None:
        """Find the rate of a stage, or take the one found before a stop."""
        known = {trial.stage: trial for trial in progress.trials}
        trial = known.get(active.index)
        if trial is None:
            trial = self._strategy.same(self._try_rates(active))
            progress.trials.append(trial)
            self._reporter.log(
                f"stage {active.stage.name}: tried {len(trial.rates)} rates, took {trial.rate:.3g}."
            )
        active.groups = [replace(group, lr=group.lr * trial.rate) for group in active.groups]
        active.optimizer = optimizer_for(active.stage, active.groups)

    def _try_rates(self, active: ActiveStage) -> RateTrial:
        """Try rates on the weights, then bring weights, buffers and random numbers back."""
        module, scaler = self._network.module, self._precision.scaler
        states = random_states()
        weights = {name: value.detach().clone() for name, value in module.state_dict().items()}
        scale = scaler.state_dict() if scaler is not None else None
        seed = self._plan.recipe.reproducibility.seed
        trial = replace(active, optimizer=optimizer_for(active.stage, active.groups))
        batches = self.batches(active.train, 0)
        self._strategy.seed(epoch_seed(seed, 0))

        def loss_at(number: int, rate: float) -> float:
            return self._stepper.step(trial, batches[number % len(batches)], rate).loss

        try:
            return try_rates(active.index, loss_at)
        finally:
            active.optimizer.zero_grad(set_to_none=True)
            module.load_state_dict(weights)
            if scaler is not None and scale is not None:
                scaler.load_state_dict(scale)
            restore_random(states)

    def step(self, active: ActiveStage, indices: Tensor, factor: float, progress: Progress) -> Step:
        """Make one update; a loss that is not finite leaves the weights as they are.

        Raises:
            RunError: that happened too often, or memory is not enough for one sample.
        """
        self._done = progress.stage_step / active.total_steps
        if self._own is not None:
            done: Step = self._own.step(active, active.train.take(indices, train=True), factor)
        else:
            done = self._stepper.step(active, indices, factor)
        if is_finite(done.loss):
            progress.bad_batches.clear()
            progress.sums.add(done.loss, len(indices), done.hits)
            self.average.update()
            return done
        names = [active.train.names[int(index)] for index in indices]
        most = min(self._plan.recipe.train.max_bad_batches, active.steps_per_epoch - 1)
        line = pass_over(progress, names, done.loss, stage=active.stage.name, most=most)
        self._reporter.log(line)
        return done

    def end_epoch(self) -> None:
        """Tell what an epoch used."""
        if self._used.seen:
            self._reporter.log(self._used.line())

    def end(self) -> None:
        """Leave the network as a stage of its own found it."""
        self._ladder.release()

    def write_pictures(self, folder: Path, split: Split, progress: Progress) -> None:
        """Write what the page of the run shows of these ways into the folder of the result."""
        write_augmented(folder, split, self._plan)
        for trial in progress.trials:
            write_trial(folder, trial)
