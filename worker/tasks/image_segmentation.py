"""Image segmentation: pictures in, the class of every pixel out."""

from collections.abc import Mapping

from torch import Tensor
from torch.nn import functional

from worker.contract.formats.masks import IGNORED
from worker.contract.manifest import Result
from worker.data.batches import Batch, Split
from worker.data.dense import MaskSplit, load_masks
from worker.data.samples import Samples
from worker.evaluation.segmentation import MaskMeter
from worker.export.snippets_vision import segmentation_snippet
from worker.modeling.dense import WIDTH
from worker.modeling.network import Network
from worker.task import ModelFiles
from worker.tasks.dense import DenseTask


class ImageSegmentation(DenseTask):
    """Names the class of every pixel."""

    kind = "segmenter"

    def load(self, samples: Mapping[str, Samples]) -> dict[str, Split]:
        """Return the pictures of every split with their masks."""
        return {
            name: MaskSplit(
                pictures,
                self.preprocessing,
                self.transform(name),
                self.setting.device,
                load_masks(samples[name], self.side, len(self.plan.classes)),
            )
            for name, pictures in self.pictures(dict(samples)).items()
        }

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """Return the cross-entropy of all pixels that belong to a class."""
        smoothing = self.plan.recipe.train.label_smoothing
        total = functional.cross_entropy(
            output.float(),
            batch.targets,
            ignore_index=IGNORED,
            label_smoothing=smoothing,
            reduction="sum",
        )
        mean: Tensor = total / (batch.targets != IGNORED).sum().clamp_min(1)
        return mean

    def weight(self, batch: Batch) -> float:
        """Return how many pixels of a batch belong to a class."""
        return float((batch.targets != IGNORED).sum())

    def hits(self, output: Tensor, batch: Batch) -> None:
        """Return nothing: the mean over classes needs more than one batch."""
        del output, batch

    def meter(self, split: Split) -> MaskMeter:
        """Return a meter of mean IoU."""
        split = self.origin(split)
        assert isinstance(split, MaskSplit)  # noqa: S101 - load() gives only these
        return MaskMeter(self.plan.classes, split.pictures)

    def files(self, network: Network, result: Result) -> ModelFiles:
        """Return the config of the segmenter, and the code that runs it."""
        del network, result
        return self.model_files(segmentation_snippet(self.spec, self.preprocessing, WIDTH), WIDTH)


TASK = ImageSegmentation
