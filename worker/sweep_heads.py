"""Trials that differ only in how a linear head is trained: trained all at once, on one front."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from worker.alone import Search, keep_features, planned
from worker.contract.recipe import Recipe
from worker.contract.run_events import RunEvent
from worker.engine import open_trainer
from worker.training.heads import TrainedHead, may_stack, train_heads
from worker.training.reporting import Control

_FOLDER = "together"
# What heads that are trained side by side may differ in.
_OWN = {"lr", "weight_decay", "momentum"}


@dataclass(frozen=True)
class HeadSweep:
    """Where trials find their inputs, and who listens to them."""

    folders: Search
    weights: Path | None
    out: Path
    show: Callable[[RunEvent], None]
    control: Control

    def train(self, recipes: Sequence[Recipe]) -> Iterator[tuple[Recipe, TrainedHead]]:
        """Yield each recipe that could be trained beside others, with what its head reached.

        Raises:
            RunError: the data or the base cannot be used, or a head's loss is not finite.
            StoppedError: somebody asked to stop.
        """
        groups: dict[str, list[Recipe]] = defaultdict(list)
        for recipe in recipes:
            if may_stack(recipe):
                groups[_shared(recipe)].append(recipe)
        for alike in groups.values():
            if len(alike) > 1:
                found = self._trained(alike)
                yield from zip(alike, found, strict=True) if found else ()
        keep_features(self.out / _FOLDER)

    def _trained(self, alike: Sequence[Recipe]) -> list[TrainedHead] | None:
        # One folder for all groups: folds find the features that the first one computed.
        plan, places = planned(alike[0], self.folders, self.weights, self.out / _FOLDER)
        trainer, splits = open_trainer(plan, places, self.show, self.control)
        settings = [recipe.stages[0].optimizer for recipe in alike]
        return train_heads(trainer, settings, splits.get("test"))


def _shared(recipe: Recipe) -> str:
    """Return everything of a recipe that heads trained side by side have in common."""
    stage = recipe.stages[0]
    parts = [
        recipe.model_dump(mode="json", exclude={"name": True, "train": {"stages": True}}),
        stage.model_dump(mode="json", exclude={"optimizer"}),
        stage.optimizer.model_dump(mode="json", exclude=_OWN),
    ]
    return json.dumps(parts, sort_keys=True)
