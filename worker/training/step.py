"""One update of the weights: from samples to their loss, from the loss to new weights."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from worker.data.batches import Batch
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
    """What the parts of an update add up to."""

    loss: float = 0.0
    hits: list[tuple[float, int]] = field(default_factory=list)

    @property
    def both(self) -> tuple[float, int] | None:
        """The hits of all parts, where the task counts them."""
        if not self.hits:
            return None
        return sum(hit for hit, _ in self.hits), sum(count for _, count in self.hits)


@dataclass
class Stepper:
    """Makes updates of a stage's weights, one after the other.

    The samples of an update go through the network in parts of `ladder.size`, whose gradients add
    up to those of the whole; where memory runs out, the parts become smaller.
    """

    task: Task
    precision: Precision
    objective: Objective
    ladder: MemoryLadder

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
                if is_finite(sums.loss):
                    self._update(active)
                return Step(rates, sums.loss, sums.both)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            # Outside of the handler the failed part is forgotten and its memory is free.
            restore_random(states)
            active.optimizer.zero_grad(set_to_none=True)
            self.ladder.descend(active.module, len(indices))

    def _gradients(self, active: ActiveStage, indices: Tensor) -> _Sums:
        sums = _Sums()
        for part in self.ladder.parts(indices):
            batch = active.train.take(part, train=True)
            outcome = self.objective(active.module, batch)
            share = len(part) / len(indices)
            value = float(outcome.loss.detach())
            sums.loss += value * share
            if not is_finite(value):
                return sums
            self._backward(outcome.loss * share if share < 1 else outcome.loss)
            hits = self.task.hits(outcome.output, batch)
            if hits is not None:
                sums.hits.append(hits)
        return sums

    def _backward(self, loss: Tensor) -> None:
        scaler = self.precision.scaler
        (loss if scaler is None else scaler.scale(loss)).backward()

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


def is_finite(value: float) -> bool:
    """Return whether a number is neither infinite nor not a number."""
    return value - value == 0
