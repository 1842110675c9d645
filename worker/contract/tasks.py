"""The tasks that can be fine-tuned, and the measures that tell how well each is done."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

Modality = Literal["image", "text", "audio", "table", "environment"]
TaskName = Literal[
    "image-classification",
    "text-classification",
    "token-classification",
    "question-answering",
    "text-generation",
    "fill-mask",
    "object-detection",
    "image-segmentation",
    "image-regression",
    "audio-classification",
    "automatic-speech-recognition",
    "recommendation",
    "reinforcement-learning",
]


class Measure(NamedTuple):
    """A number a model is judged by. A share lies in [0, 1] and is shown in per cent."""

    title: str
    is_share: bool
    higher_is_better: bool


class TaskSpec(NamedTuple):
    """What a task needs and how it is judged.

    `needs` names the fields every row must have; `metric` is the headline among `metrics`.
    `libraries` are those whose networks can do it; with `keeps_head` the base's own last layers are
    trained on, and no new head is made.
    """

    title: str
    modality: Modality
    needs: tuple[str, ...]
    metrics: tuple[str, ...]
    libraries: tuple[str, ...]
    has_classes: bool = True
    keeps_head: bool = False

    @property
    def metric(self) -> str:
        """The headline measure."""
        return self.metrics[0]


MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "accuracy": Measure("Accuracy", is_share=True, higher_is_better=True),
        "balanced_accuracy": Measure("Balanced accuracy", is_share=True, higher_is_better=True),
        "f1_macro": Measure("F1, mean of classes", is_share=True, higher_is_better=True),
        "f1_span": Measure("F1 of spans", is_share=True, higher_is_better=True),
        "precision_span": Measure("Precision of spans", is_share=True, higher_is_better=True),
        "recall_span": Measure("Recall of spans", is_share=True, higher_is_better=True),
        "f1_answer": Measure("F1 of answers", is_share=True, higher_is_better=True),
        "exact_match": Measure("Exact answers", is_share=True, higher_is_better=True),
        "perplexity": Measure("Perplexity", is_share=False, higher_is_better=False),
        "token_accuracy": Measure("Tokens guessed right", is_share=True, higher_is_better=True),
        "map_50": Measure("mAP at IoU 0.5", is_share=True, higher_is_better=True),
        "map_50_95": Measure("mAP at IoU 0.5 to 0.95", is_share=True, higher_is_better=True),
        "mean_iou": Measure("Mean IoU", is_share=True, higher_is_better=True),
        "mean_dice": Measure("Mean Dice", is_share=True, higher_is_better=True),
        "pixel_accuracy": Measure("Pixel accuracy", is_share=True, higher_is_better=True),
        "mae": Measure("Mean absolute error", is_share=False, higher_is_better=False),
        "mae_of_mean": Measure(
            "Error of always guessing the mean", is_share=False, higher_is_better=False
        ),
        "r2": Measure("R²", is_share=False, higher_is_better=True),
        "wer": Measure("Word error rate", is_share=True, higher_is_better=False),
        "cer": Measure("Character error rate", is_share=True, higher_is_better=False),
        "hit_rate_10": Measure("Hit rate, first 10", is_share=True, higher_is_better=True),
        "ndcg_10": Measure("NDCG, first 10", is_share=True, higher_is_better=True),
        "popular_hit_rate_10": Measure(
            "Hit rate of the most popular", is_share=True, higher_is_better=True
        ),
        "popular_ndcg_10": Measure(
            "NDCG of the most popular", is_share=True, higher_is_better=True
        ),
        "cold_hit_rate_10": Measure(
            "Hit rate of new users, by their items", is_share=True, higher_is_better=True
        ),
        "mean_reward": Measure("Mean return", is_share=False, higher_is_better=True),
        "reward_spread": Measure("Spread of returns", is_share=False, higher_is_better=False),
        "episode_length": Measure("Steps of an episode", is_share=False, higher_is_better=True),
        "loss": Measure("Loss", is_share=False, higher_is_better=False),
    }
)


def measure_of(name: str) -> Measure:
    """Return a measure; `task/measure` is that of one of several tasks."""
    return MEASURES[name.rpartition("/")[2]]


def title_of(name: str) -> str:
    """Return the title of a measure, with the name of its task where there are several."""
    task, _slash, _measure = name.rpartition("/")
    title = measure_of(name).title
    return f"{title} ({task})" if task else title


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
        "token-classification": TaskSpec(
            title="Token classification",
            modality="text",
            needs=("tokens", "tags"),
            metrics=("f1_span", "precision_span", "recall_span", "token_accuracy"),
            libraries=("transformers",),
        ),
        "question-answering": TaskSpec(
            title="Question answering",
            modality="text",
            needs=("question", "context", "answers"),
            metrics=("f1_answer", "exact_match"),
            libraries=("transformers",),
            has_classes=False,
        ),
        "text-generation": TaskSpec(
            title="Text generation",
            modality="text",
            needs=("messages",),
            metrics=("perplexity", "token_accuracy"),
            libraries=("transformers",),
            has_classes=False,
            keeps_head=True,
        ),
        "fill-mask": TaskSpec(
            title="Fill in the mask",
            modality="text",
            needs=("text",),
            metrics=("perplexity", "token_accuracy"),
            libraries=("transformers",),
            has_classes=False,
            keeps_head=True,
        ),
        "object-detection": TaskSpec(
            title="Object detection",
            modality="image",
            needs=("image", "objects"),
            metrics=("map_50", "map_50_95"),
            libraries=("torchvision", "timm", "tuningfork"),
        ),
        "image-segmentation": TaskSpec(
            title="Image segmentation",
            modality="image",
            needs=("image", "mask"),
            metrics=("mean_iou", "mean_dice", "pixel_accuracy"),
            libraries=("torchvision", "timm", "tuningfork"),
        ),
        "image-regression": TaskSpec(
            title="Image regression",
            modality="image",
            needs=("image", "target"),
            metrics=("mae", "r2"),
            libraries=("torchvision", "timm"),
            has_classes=False,
        ),
        "audio-classification": TaskSpec(
            title="Audio classification",
            modality="audio",
            needs=("audio", "label"),
            metrics=("accuracy", "balanced_accuracy", "f1_macro"),
            libraries=("torchvision", "timm", "tuningfork"),
        ),
        "automatic-speech-recognition": TaskSpec(
            title="Speech recognition",
            modality="audio",
            needs=("audio", "text"),
            metrics=("cer", "wer"),
            libraries=("tuningfork", "transformers"),
            has_classes=False,
            keeps_head=True,
        ),
        "recommendation": TaskSpec(
            title="Recommendation",
            modality="table",
            needs=("user", "item"),
            metrics=(
                "hit_rate_10",
                "ndcg_10",
                "popular_hit_rate_10",
                "popular_ndcg_10",
                "cold_hit_rate_10",
            ),
            libraries=("tuningfork",),
            has_classes=False,
            keeps_head=True,
        ),
        "reinforcement-learning": TaskSpec(
            title="Reinforcement learning",
            modality="environment",
            needs=(),
            metrics=("mean_reward", "reward_spread", "episode_length"),
            libraries=("tuningfork",),
            has_classes=False,
            keeps_head=True,
        ),
    }
)


def fitting_tasks(fields: Collection[str], library: str = "") -> tuple[TaskName, ...]:
    """Return the tasks that data with some fields, and a base of a library, can be used for."""
    return tuple(
        name
        for name, spec in TASKS.items()
        if fields and set(spec.needs) <= set(fields) and (not library or library in spec.libraries)
    )
