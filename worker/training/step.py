"""One update of the weights: from a batch to its loss, from the loss to new weights."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from worker.data.batches import Batch
from worker.task import Task
from worker.training.optimizers import set_rates
from worker.training.precision import Precision
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
class Stepper:
    """Makes updates of a stage's weights, one after the other."""

    task: Task
    precision: Precision
    objective: Objective

    def step(self, active: ActiveStage, batch: Batch, factor: float) -> Step:
        """Make one update with every rate times a factor.

        The weights stay as they are when the loss is not finite; the caller decides.
        """
        rates = set_rates(active.optimizer, factor)
        active.optimizer.zero_grad(set_to_none=True)
        outcome = self.objective(active.module, batch)
        value = float(outcome.loss.detach())
        if is_finite(value):
            self._update(active, outcome.loss)
        return Step(rates, value, self.task.hits(outcome.output, batch))

    def _update(self, active: ActiveStage, loss: Tensor) -> None:
        scaler, limit = self.precision.scaler, active.stage.optimizer.max_grad_norm
        if scaler is None:
            loss.backward()
        else:
            scaler.scale(loss).backward()
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
