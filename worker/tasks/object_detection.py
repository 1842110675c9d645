"""Object detection: pictures in, boxes with classes out."""

from collections.abc import Mapping

from torch import Tensor

from worker.contract.manifest import Result
from worker.data.batches import Batch, Split
from worker.data.dense import BoxSplit, boxes_of_row
from worker.data.samples import Samples
from worker.evaluation.detection import DetectionMeter
from worker.export.snippets_vision import detection_snippet
from worker.modeling.dense import WIDTH
from worker.modeling.network import Network
from worker.task import ModelFiles
from worker.tasks.dense import DenseTask
from worker.training.detection import detection_loss, places_of


class ObjectDetection(DenseTask):
    """Finds objects of known kinds, each with a box."""

    kind = "detector"

    def load(self, samples: Mapping[str, Samples]) -> dict[str, Split]:
        """Return the pictures of every split with their boxes."""
        number = {label: index for index, label in enumerate(self.plan.classes)}
        found: dict[str, Split] = {}
        for name, pictures in self.pictures(dict(samples)).items():
            objects = [
                boxes_of_row(row.values, number, self.side / max(size))
                for row, size in zip(samples[name].rows, pictures.sizes, strict=True)
            ]
            found[name] = BoxSplit(
                pictures, self.preprocessing, self.transform(name), self.setting.device, objects
            )
        return found

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """Return the loss of classes, boxes and centredness together."""
        places = places_of(self.side, self.spec.strides, output.device)
        return detection_loss(output.float(), batch.targets, places)

    def meter(self, split: Split) -> DetectionMeter:
        """Return a meter of mean average precision."""
        split = self.origin(split)
        assert isinstance(split, BoxSplit)  # noqa: S101 - load() gives only these
        return DetectionMeter(self.plan.classes, split.pictures, self.side, self.loss)

    def files(self, network: Network, result: Result) -> ModelFiles:
        """Return the config of the detector, and the code that runs it."""
        del network, result
        return self.model_files(detection_snippet(self.spec, self.preprocessing, WIDTH), WIDTH)


TASK = ObjectDetection
