"""The tasks that can be fine-tuned, and the measures that tell how well each is done."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

Modality = Literal["image", "text", "audio", "table", "environment"]
TaskName = Literal["image-classification", "text-classification"]


class Measure(NamedTuple):
    """A number a model is judged by. A share lies in [0, 1] and is shown in per cent."""

    title: str
    is_share: bool
    higher_is_better: bool


class TaskSpec(NamedTuple):
    """What a task needs and how it is judged.

    `needs` names the fields every row must have; `metric` is the headline among `metrics`.
    `libraries` are those whose networks can do it.
    """

    title: str
    modality: Modality
    needs: tuple[str, ...]
    metrics: tuple[str, ...]
    libraries: tuple[str, ...]
    has_classes: bool = True

    @property
    def metric(self) -> str:
        """The headline measure."""
        return self.metrics[0]


MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "accuracy": Measure("Accuracy", is_share=True, higher_is_better=True),
        "balanced_accuracy": Measure("Balanced accuracy", is_share=True, higher_is_better=True),
        "f1_macro": Measure("F1, mean of classes", is_share=True, higher_is_better=True),
        "loss": Measure("Loss", is_share=False, higher_is_better=False),
    }
)

TASKS: Mapping[TaskName, TaskSpec] = MappingProxyType(
    {
        "image-classification": TaskSpec(
            title="Image classification",
            modality="image",
            needs=("image", "label"),
            metrics=("accuracy", "balanced_accuracy", "f1_macro"),
            libraries=("torchvision", "timm"),
        ),
        "text-classification": TaskSpec(
            title="Text classification",
            modality="text",
            needs=("text", "label"),
            metrics=("accuracy", "balanced_accuracy", "f1_macro"),
            libraries=("transformers",),
        ),
    }
)
