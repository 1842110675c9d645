"""Image regression: square pictures in, one number out."""

from collections.abc import Mapping

import torch
from torch import Tensor

from worker.contract.manifest import Result, SplitMetrics
from worker.data.batches import Batch, FeatureSplit, Split
from worker.data.images import Decoder, ImageSet, read_pixels
from worker.data.inputs import ImageSplit
from worker.data.pixels import Pixels, measure_colors
from worker.data.samples import Samples
from worker.data.transforms import training_transform
from worker.evaluation.regression import NumberMeter
from worker.export.config import config_values, preprocessor_values
from worker.export.snippet import regression_snippet
from worker.modeling.network import Network, build_network
from worker.task import ModelFiles, Setting, Task
from worker.training.losses import TINY


class ImageRegression(Task):
    """Estimates a number from a picture; the network learns it in units of its spread."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._preprocessing = self.plan.images
        self._mean, self._std = 0.0, 1.0

    def build(self) -> Network:
        """Return the base network with one output."""
        return build_network(self.plan, self.setting.weights)

    def load(self, samples: Mapping[str, Samples]) -> dict[str, Split]:
        """Return the pictures of every split with their numbers."""
        numbers = {name: _targets(part) for name, part in samples.items()}
        self._mean = float(numbers["train"].mean())
        self._std = float(numbers["train"].std(correction=0).clamp_min(1e-9))
        sets = {
            name: ImageSet(
                self._pixels(name, part),
                ((numbers[name] - self._mean) / self._std).float(),
                part.names,
            )
            for name, part in samples.items()
        }
        if self.plan.recipe.data.normalize == "dataset":
            mean, std = measure_colors(sets["train"].images_NCHW)
            changes = {"mean": tuple(mean), "std": tuple(std)}
            self._preprocessing = self._preprocessing.model_copy(update=changes)
        return {name: self._split(name, images) for name, images in sets.items()}

    def _pixels(self, name: str, samples: Samples) -> Pixels:
        numbers = self._preprocessing
        # Room around the middle is only needed where crops are random.
        roomy = name == "train" and self.plan.has_random_augmentation
        side = round(numbers.image_size / numbers.crop_pct) if roomy else numbers.image_size
        decoder, folder = Decoder(numbers, side), self.setting.cache
        return read_pixels(samples.source, samples.facts, decoder, side, folder, self.notes.append)

    def _split(self, name: str, images: ImageSet) -> Split:
        transform = None
        if name == "train":
            stored, size = images.images_NCHW.shape[-1], self._preprocessing.image_size
            transform = training_transform(self.plan.recipe.augment, size, stored)
        split = ImageSplit(images, self._preprocessing, transform, self.setting.device)
        # Numbers are no classes.
        split.labels = None
        return split

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """Return the mean square error, in squares of the spread of training."""
        squares_B: Tensor = (output.float()[:, 0] - batch.targets).square()
        weights_B = batch.weights_B
        if weights_B is None:
            return squares_B.mean()
        total: Tensor = (squares_B * weights_B).sum()
        return total / weights_B.sum().clamp_min(TINY)

    def weight(self, batch: Batch) -> float:
        """Return the sum of the weights of a batch."""
        return float(batch.size if batch.weights_B is None else batch.weights_B.sum())

    def meter(self, split: Split) -> NumberMeter:
        """Return a meter of errors in the data's own unit."""
        while isinstance(split, FeatureSplit):
            split = split.source
        return NumberMeter(split.names, self._mean, self._std, self.loss)

    def files(self, network: Network, result: Result) -> ModelFiles:
        """Return the config, with what turns outputs into the data's own unit."""
        del result
        base, numbers = self.plan.base, self._preprocessing
        config = config_values(base, (), numbers, network.head, network.stem)
        config |= {
            "task": self.plan.recipe.task,
            "num_classes": 1,
            "labels": None,
            "label_names": None,
            "target_mean": self._mean,
            "target_std": self._std,
        }
        return ModelFiles(
            snippet=regression_snippet(base, numbers, network.replacements),
            jsons={"config.json": config, "preprocessor_config.json": preprocessor_values(numbers)},
        )

    def summary(self, metrics: SplitMetrics) -> str:
        """Return one sentence for the card."""
        guess = metrics.values["mae_of_mean"]
        return f"{super().summary(metrics)} Always guessing the mean is off by {guess:.4g}."


def _targets(samples: Samples) -> Tensor:
    values = [row.values["target"] for row in samples.rows]
    return torch.tensor([float(str(value)) for value in values], dtype=torch.float64)


TASK = ImageRegression
