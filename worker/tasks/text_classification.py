"""Text classification: one text in, one class out."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from worker.contract.failures import FailureCode, RunError
from worker.contract.manifest import Result
from worker.data.batches import Batch, Split
from worker.data.samples import Samples
from worker.data.texts import TextSplit, cut_note, encode
from worker.evaluation.classification import ClassMeter
from worker.export.snippets_text import classification_snippet
from worker.modeling.network import Network
from worker.task import ModelFiles, Setting
from worker.tasks.language import LanguageTask
from worker.training.losses import ClassLoss, class_loss

_SHOWN_CHARS = 300


class TextClassification(LanguageTask):
    """Tells classes of texts, or of pairs of texts, apart."""

    kind = "AutoModelForSequenceClassification"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._loss = ClassLoss()

    def build(self) -> Network:
        """Return the encoder with a new classification head, or with its own where that is asked.

        Raises:
            RunError: the head shall stay and tells other classes apart.
        """
        if self.plan.recipe.model.head.type == "keep" and self.plan.base.labels != (
            self.plan.classes
        ):
            raise RunError(
                FailureCode.RECIPE_INVALID,
                "model.head.type keep needs the checkpoint's own classes, and they differ.",
            )
        return self.network(list(self.plan.classes))

    def load(self, samples: Mapping[str, Samples]) -> dict[str, Split]:
        """Return the tokenised texts of every split."""
        recipe, train = self.plan.recipe, samples["train"]
        imbalance = recipe.data.imbalance
        loss = class_loss(recipe.train, imbalance, self.plan.classes, train)
        self._loss = loss.to(self.setting.device)
        splits = {name: self._split(part) for name, part in samples.items()}
        self.notes += cut_note(splits["train"].encoded, self.max_length)
        return dict(splits)

    def _split(self, samples: Samples) -> TextSplit:
        number = {label: index for index, label in enumerate(self.plan.classes)}
        rows = samples.rows
        texts = [str(row.values["text"]) for row in rows]
        pairs = [str(row.values.get("text_pair") or "") for row in rows]
        return TextSplit(
            encode(self.tokenizer, texts, self.max_length, pairs if any(pairs) else None),
            samples.names,
            self.pad_id,
            self.setting.device,
            labels_N=torch.tensor([number[row.label] for row in rows]),
            shown=[text[:_SHOWN_CHARS] for text in texts],
            noise=self.plan.recipe.augment.token_noise,
            special=torch.tensor(sorted(self.tokenizer.all_special_ids)),
        )

    def forward(self, module: nn.Module, inputs: dict[str, Tensor] | Tensor) -> Tensor:
        """Return class scores, of texts or of features computed before."""
        if isinstance(inputs, Tensor):
            scores: Tensor = module(inputs)
            return scores
        logits: Tensor = module(**inputs).logits
        return logits

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
        shown = split.shown if isinstance(split, TextSplit) else ()
        return ClassMeter(self.plan.classes, split.names, shown)

    def files(self, network: Network, result: Result) -> ModelFiles:
        """Return the config that transformers reads, the tokenizer and the classes."""
        del result
        labels = "".join(f"{label}\n" for label in self.plan.classes)
        snippet = classification_snippet(self.max_length)
        return self.model_files(network, snippet, **{"labels.txt": labels})


TASK = TextClassification
