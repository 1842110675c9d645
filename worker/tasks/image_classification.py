"""Image classification: square pictures in, one class out."""

from collections.abc import Mapping

from torch import Tensor

from worker.contract.bases import Preprocessing
from worker.contract.manifest import Result, SplitMetrics
from worker.data.batches import Batch, Split
from worker.data.images import Decoder, ImageSet, load_images
from worker.data.inputs import ImageSplit
from worker.data.pixels import measure_colors
from worker.data.samples import Samples
from worker.data.transforms import Transform, training_transform
from worker.data.unlabeled import Unlabeled, unlabeled_views
from worker.evaluation.classification import ClassMeter
from worker.export.config import config_values, preprocessor_values
from worker.export.snippet import usage_snippet
from worker.modeling.network import Network, build_network
from worker.task import ModelFiles, Setting, Task
from worker.training.losses import ClassLoss, class_loss


class ImageClassification(Task):
    """Tells classes of images apart with networks of torchvision and timm."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._preprocessing = self.plan.images
        self._loss = ClassLoss()

    def build(self) -> Network:
        """Return the base network with its stem and head changed."""
        return build_network(self.plan, self.setting.weights)

    def load(self, samples: Mapping[str, Samples]) -> dict[str, Split]:
        """Return the decoded images of every split."""
        decoded = {name: self._decode(name, part) for name, part in samples.items()}
        self._preprocessing = self._measured(decoded["train"])
        recipe, train = self.plan.recipe, samples["train"]
        imbalance = recipe.data.imbalance
        loss = class_loss(recipe.train, imbalance, self.plan.classes, train)
        self._loss = loss.to(self.setting.device)
        if "unlabeled" in decoded:
            self.unlabeled = self._views(decoded.pop("unlabeled"))
        return {name: self._split(name, images) for name, images in decoded.items()}

    def _views(self, images: ImageSet) -> Unlabeled:
        weak = self._transform(images)
        return unlabeled_views(images, self._preprocessing, weak, self.setting.device)

    def _decode(self, name: str, samples: Samples) -> ImageSet:
        numbers = self._preprocessing
        # Room around the middle is only needed where crops are random.
        roomy = name in {"train", "unlabeled"} and self.plan.recipe.augment.changes_images
        side = round(numbers.image_size / numbers.crop_pct) if roomy else numbers.image_size
        decoder, folder = Decoder(numbers, side), self.setting.cache
        classes, say = self.plan.classes, self.notes.append
        return load_images(samples.source, samples.facts, classes, decoder, folder, say)

    def _measured(self, images: ImageSet) -> Preprocessing:
        if self.plan.recipe.data.normalize != "dataset":
            return self._preprocessing
        mean, std = measure_colors(images.images_NCHW)
        changes = {"mean": tuple(mean), "std": tuple(std)}
        return self._preprocessing.model_copy(update=changes)

    def _split(self, name: str, images: ImageSet) -> Split:
        transform = self._transform(images) if name == "train" else None
        return ImageSplit(images, self._preprocessing, transform, self.setting.device)

    def _transform(self, images: ImageSet) -> Transform | None:
        stored = images.images_NCHW.shape[-1]
        size = self._preprocessing.image_size
        return training_transform(self.plan.recipe.augment, size, stored)

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """Return the cross-entropy, weighted and smoothed as the recipe says."""
        loss: Tensor = self._loss(output.float(), batch.targets, batch.weights_B)
        return loss

    def weight(self, batch: Batch) -> float:
        """Return the samples of a batch, each as often as it is weighed; blended ones are not."""
        augment = self.plan.recipe.augment
        if augment.mixup_alpha or augment.cutmix_alpha:
            return float(batch.size)
        return self._loss.weight(batch.targets, batch.weights_B)

    def hits(self, output: Tensor, batch: Batch) -> tuple[float, int]:
        """Return how many of a batch were right."""
        return float((output.argmax(dim=1) == batch.targets).sum()), batch.size

    def meter(self, split: Split) -> ClassMeter:
        """Return a meter of accuracy, and of everything per class."""
        return ClassMeter(self.plan.classes, split.names)

    def files(self, network: Network, result: Result) -> ModelFiles:
        """Return config and preprocessing for timm and transformers, and the labels."""
        del result
        plan, numbers = self.plan, self._preprocessing
        config = config_values(plan.base, plan.classes, numbers, network.head, network.stem)
        return ModelFiles(
            snippet=usage_snippet(plan.base, numbers, network.replacements),
            jsons={"config.json": config, "preprocessor_config.json": preprocessor_values(numbers)},
            texts={"labels.txt": "".join(f"{label}\n" for label in plan.classes)},
        )

    def summary(self, metrics: SplitMetrics) -> str:
        """Return one sentence for the card."""
        base = self.plan.base
        return (
            f"`{base.library}/{base.architecture}` fine-tuned to tell {len(self.plan.classes)} "
            f"classes apart. Accuracy **{metrics.value:.2%}** on {metrics.size} images "
            f"(95 % interval {metrics.low:.1%} to {metrics.high:.1%})."
        )


TASK = ImageClassification
