"""One update of the weights: from samples to their loss, from the loss to new weights."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from worker.data.batches import Batch
from worker.distributed.strategy import Strategy
from worker.task import Task
from worker.training.memory import MemoryLadder, is_out_of_memory
from worker.training.optimizers import set_rates
from worker.training.precision import Precision
from worker.training.randomness import random_states, restore_random
from worker.training.stage import ActiveStage


@dataclass
class Outcome:
    """What a batch gave: its mean loss with a graph behind it, and the network's output."""

    loss: Tensor
    output: Any


# How a batch becomes a loss; mixing, teachers and penalties are wrapped around the plain one.
Objective = Callable[[nn.Module, Batch], Outcome]


@dataclass
class Step:
    """What an update did: the rates it used, and the loss and hits before it."""

    rates: dict[str, float]
    loss: float
    hits: tuple[float, int] | None


def plain_objective(task: Task, precision: Precision) -> Objective:
    """Return the objective that is the task's own loss."""

    def objective(module: nn.Module, batch: Batch) -> Outcome:
        with precision.autocast():
            output = task.forward(module, batch.inputs)
        return Outcome(task.loss(output, batch), output)

    return objective


@dataclass
class _Sums:
    """What the parts of an update add up to, over all processes.

    `weight` is what the mean loss is a mean over: samples, or tokens, or pixels.
    """

    loss: float = 0.0
    weight: float = 0.0
    hits: tuple[float, int] | None = None

    @property
    def mean(self) -> float:
        """The mean loss of the update."""
        return self.loss / self.weight if self.weight else self.loss


@dataclass
class Stepper:
    """Makes updates of a stage's weights, one after the other.

    The samples of an update go through the network in parts of `ladder.size`, whose gradients add
    up to those of the whole; where memory runs out, the parts become smaller. Several processes
    share each part, and the update is that of one.
    """

    task: Task
    precision: Precision
    objective: Objective
    ladder: MemoryLadder
    strategy: Strategy = field(default_factory=Strategy)

    def step(self, active: ActiveStage, indices: Tensor, factor: float) -> Step:
        """Make one update with every rate times a factor.

        The weights stay as they are when the loss is not finite; the caller decides.

        Raises:
            RunError: the memory is not enough for a single sample.
        """
        rates = set_rates(active.optimizer, factor)
        while True:
            states = random_states()
            active.optimizer.zero_grad(set_to_none=True)
            try:
                sums = self._gradients(active, indices)
                if is_finite(sums.mean):
                    self._update(active)
                return Step(rates, sums.mean, sums.hits)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            # Outside of the handler the failed part is forgotten and its memory is free.
            restore_random(states)
            active.optimizer.zero_grad(set_to_none=True)
            self.ladder.descend(active.module, len(indices), self.strategy.world)

    def _gradients(self, active: ActiveStage, indices: Tensor) -> _Sums:
        sums = _Sums()
        parts = self.ladder.parts(indices)
        for number, part in enumerate(parts, start=1):
            own, counts = self.strategy.slice(part)
            with self.strategy.exchanging(active.runs, now=number == len(parts)):
                batch = self.task.weighed(active.train.take(own, train=True), own)
                outcome = self.objective(active.runs, batch)
                weight = self.task.weight(batch) if counts else 0.0
                self._add(sums, outcome, batch, weight)
                if not is_finite(sums.loss):
                    return sums
                # One part is divided by what is known now; of several, the sum is at the end.
                whole = sums.weight if len(parts) == 1 else float(len(indices))
                self._backward(outcome.loss, weight * self.strategy.world / (whole or 1.0))
        if len(parts) > 1 and sums.weight:
            _scale(active.parameters, len(indices) / sums.weight)
        return sums

    def _add(self, sums: _Sums, outcome: Outcome, batch: Batch, weight: float) -> None:
        """Add what all processes found; all of them come to know the same."""
        hits = self.task.hits(outcome.output, batch) if weight else None
        value = float(outcome.loss.detach()) if weight else 0.0
        own = (value * weight, weight, *(hits or (0.0, 0)))
        loss, weighed, hit, count = self.strategy.total(own)
        sums.loss += loss
        sums.weight += weighed
        if count:
            before = sums.hits or (0.0, 0)
            sums.hits = before[0] + hit, before[1] + int(count)

    def _backward(self, loss: Tensor, factor: float) -> None:
        scaler = self.precision.scaler
        scaled = loss if factor == 1 else loss * factor
        (scaled if scaler is None else scaler.scale(scaled)).backward()

    def _update(self, active: ActiveStage) -> None:
        scaler, limit = self.precision.scaler, active.stage.optimizer.max_grad_norm
        if scaler is not None:
            scaler.unscale_(active.optimizer)
        if limit is not None:
            nn.utils.clip_grad_norm_(active.parameters, limit)
        if scaler is None:
            active.optimizer.step()
        else:
            scaler.step(active.optimizer)
            scaler.update()


def _scale(parameters: Iterable[nn.Parameter], factor: float) -> None:
    if factor != 1:
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad.mul_(factor)


def is_finite(value: float) -> bool:
    """Return whether a number is neither infinite nor not a number."""
    return value - value == 0
