"""Audio classification: one recording in, one class out."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from worker.contract.manifest import Result
from worker.data.batches import Batch, Split
from worker.data.samples import Samples
from worker.data.sounds import COLUMNS_PER_SECOND, Hearing, SoundSplit, load_pictures
from worker.evaluation.classification import ClassMeter
from worker.export.config import config_values
from worker.export.snippets_audio import sound_snippet
from worker.modeling.nets import LIBRARY
from worker.modeling.network import Network, build_network
from worker.task import ModelFiles, Setting, Task
from worker.training.losses import ClassLoss, class_loss


class AudioClassification(Task):
    """Tells classes of recordings apart, with networks for images or a small one of our own."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        data, base = self.plan.recipe.data, self.plan.base
        self._loss = ClassLoss()
        self._hearing = Hearing.of(base.config, data.sample_rate, data.max_seconds)
        on_images = base.library != LIBRARY
        self._side = (data.image_size or base.preprocessing.image_size) if on_images else None

    def build(self) -> Network:
        """Return the base network with a new head."""
        return build_network(self.plan, self.setting.weights)

    def load(self, samples: Mapping[str, Samples]) -> dict[str, Split]:
        """Return the pictures of every split; the longest of training is the window."""
        recipe, train = self.plan.recipe, samples["train"]
        imbalance = recipe.data.imbalance
        loss = class_loss(recipe.train, imbalance, self.plan.classes, train)
        self._loss = loss.to(self.setting.device)
        pictures = {name: load_pictures(part, self._hearing) for name, part in samples.items()}
        width = max(picture.shape[1] for picture in pictures["train"])
        self._hearing = replace(self._hearing, seconds=width / COLUMNS_PER_SECOND)
        number = {label: index for index, label in enumerate(self.plan.classes)}
        return {
            name: SoundSplit(
                pictures[name],
                torch.tensor([number[fact.label] for fact in part.facts]),
                part.names,
                width,
                self._side,
                name == "train" and recipe.augment.is_random,
                self.setting.device,
            )
            for name, part in samples.items()
        }

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """Return the cross-entropy, weighted and smoothed as the recipe says."""
        loss: Tensor = self._loss(output.float(), batch.targets, batch.weights_B)
        return loss

    def weight(self, batch: Batch) -> float:
        """Return the samples of a batch, each as often as it is weighed."""
        return self._loss.weight(batch.targets, batch.weights_B)

    def hits(self, output: Tensor, batch: Batch) -> tuple[float, int]:
        """Return how many of a batch were right."""
        return float((output.argmax(dim=1) == batch.targets).sum()), batch.size

    def meter(self, split: Split) -> ClassMeter:
        """Return a meter of accuracy, and of everything per class."""
        return ClassMeter(self.plan.classes, split.names)

    def files(self, network: Network, result: Result) -> ModelFiles:
        """Return the config, with how recordings become pictures, and the labels."""
        del result
        plan = self.plan
        config = config_values(plan.base, plan.classes, None, network.head, network.stem)
        config |= {"task": plan.recipe.task, "audio": {**self._hearing.values, "side": self._side}}
        if plan.base.library == LIBRARY:
            config["architecture"] = f"{LIBRARY}/{plan.base.architecture}"
        return ModelFiles(
            snippet=sound_snippet(plan.base, self._side, network.replacements),
            jsons={"config.json": config},
            texts={"labels.txt": "".join(f"{label}\n" for label in plan.classes)},
        )


TASK = AudioClassification
