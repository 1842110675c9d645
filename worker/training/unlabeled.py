"""Learning from samples without a label, beside those that have one."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from worker.contract.strategies import SemiSupervised
from worker.data.batches import Batch
from worker.data.unlabeled import Unlabeled
from worker.evaluation.predict import evaluating
from worker.training.averaging import WeightAverage
from worker.training.step import Objective, Outcome

# Pseudo-labels and a mean teacher know nothing at first: their weight rises over this part.
_RISING_PART = 0.4


@dataclass
class Used:
    """How many unlabelled samples were sure enough to be learned from, of how many seen."""

    sure: float = 0.0
    seen: int = 0

    def line(self) -> str:
        """Return what the log says of an epoch, and begin again."""
        share = self.sure / max(1, self.seen)
        text = f"of {self.seen} unlabelled samples, {share:.0%} were sure enough to learn from."
        self.sure, self.seen = 0.0, 0
        return text


@dataclass
class WithoutLabels:
    """Adds the loss of unlabelled samples to that of a labelled batch.

    `forward` gives class scores; `part` how much of the stage is done, from 0 to 1.
    """

    settings: SemiSupervised
    samples: Unlabeled
    forward: Callable[[nn.Module, Tensor], Tensor]
    average: WeightAverage
    part: Callable[[], float]
    used: Used

    def around(self, objective: Objective) -> Objective:
        """Return an objective that learns from both."""

        def both(module: nn.Module, batch: Batch) -> Outcome:
            slightly, strongly = self.samples.views(batch.size * self.settings.uratio)
            # Before anything has a graph: the mean takes the place of the weights for this.
            answers_BC = self._answers(module, slightly)
            outcome = objective(module, batch)
            extra = self._loss(module, slightly, strongly, answers_BC)
            return Outcome(outcome.loss + self._weight() * extra, outcome.output)

        return both

    def _weight(self) -> float:
        ratio = self.settings.ulb_loss_ratio
        if self.settings.method == "fixmatch":
            return ratio
        return ratio * min(1.0, self.part() / _RISING_PART)

    def _loss(
        self, module: nn.Module, slightly: Tensor, strongly: Tensor, answers_BC: Tensor
    ) -> Tensor:
        if self.settings.method == "mean-teacher":
            self._count(torch.ones(len(answers_BC)))
            own_BC = self.forward(module, strongly).float().softmax(dim=1)
            return functional.mse_loss(own_BC, answers_BC)
        seen = strongly if self.settings.method == "fixmatch" else slightly
        sure_B = (answers_BC.max(dim=1).values >= self.settings.p_cutoff).float()
        self._count(sure_B)
        scores_BC = self.forward(module, seen).float()
        losses_B = functional.cross_entropy(scores_BC, self._targets(answers_BC), reduction="none")
        return (losses_B * sure_B).mean()

    @torch.no_grad()
    def _answers(self, module: nn.Module, slightly: Tensor) -> Tensor:
        """Return probabilities, of the network itself or of the running mean of its weights."""
        is_mean = self.settings.method == "mean-teacher"
        with evaluating(module), self.average.in_place() if is_mean else nullcontext():
            return self.forward(module, slightly).float().softmax(dim=1)

    def _targets(self, answers_BC: Tensor) -> Tensor:
        temperature = self.settings.T
        if temperature is None:
            return answers_BC.argmax(dim=1)
        sharp_BC = answers_BC ** (1 / temperature)
        return sharp_BC / sharp_BC.sum(dim=1, keepdim=True)

    def _count(self, sure_B: Tensor) -> None:
        self.used.sure += float(sure_B.sum())
        self.used.seen += len(sure_B)
