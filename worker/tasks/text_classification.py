"""Text classification: one text in, one class out."""

from collections import Counter
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from worker.contract.manifest import Result
from worker.data.batches import Batch, Split
from worker.data.samples import Samples
from worker.data.texts import TextSplit, encode, load_tokenizer, text_length, tokenizer_texts
from worker.evaluation.classification import ClassMeter
from worker.export.snippets_text import classification_snippet
from worker.modeling.language import build_language, config_of
from worker.modeling.network import Network
from worker.task import ModelFiles, Setting, Task
from worker.training.losses import build_loss, class_weights

KIND = "AutoModelForSequenceClassification"


class TextClassification(Task):
    """Tells classes of texts apart with encoders of transformers."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._loss = nn.CrossEntropyLoss()
        positions = self.plan.base.config.get("max_position_embeddings")
        self._length = text_length(self.plan.recipe.data.max_length, positions)

    def build(self) -> Network:
        """Return the encoder with a new classification head."""
        classes = self.plan.classes
        return build_language(
            self.plan.base,
            KIND,
            self.setting.weights,
            self.plan.recipe.reproducibility.seed,
            id2label={str(number): label for number, label in enumerate(classes)},
            label2id={label: number for number, label in enumerate(classes)},
        )

    def load(self, samples: Mapping[str, Samples]) -> dict[str, Split]:
        """Return the tokenised texts of every split."""
        recipe, counts = self.plan.recipe, Counter(fact.label for fact in samples["train"].facts)
        weights = class_weights(recipe.data.imbalance, self.plan.classes, counts)
        self._loss = build_loss(weights, recipe.train.label_smoothing).to(self.setting.device)
        tokenizer = load_tokenizer(self.setting.base)
        number = {label: index for index, label in enumerate(self.plan.classes)}
        return {
            name: TextSplit(
                encode(tokenizer, [str(row.values["text"]) for row in part.rows], self._length),
                torch.tensor([number[row.label] for row in part.rows]),
                part.names,
                int(tokenizer.pad_token_id or 0),
                self.setting.device,
            )
            for name, part in samples.items()
        }

    def forward(self, module: nn.Module, inputs: dict[str, Tensor] | Tensor) -> Tensor:
        """Return class scores, of texts or of features computed before."""
        if isinstance(inputs, Tensor):
            scores: Tensor = module(inputs)
            return scores
        logits: Tensor = module(**inputs).logits
        return logits

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """Return the cross-entropy, weighted and smoothed as the recipe says."""
        loss: Tensor = self._loss(output.float(), batch.targets)
        return loss

    def hits(self, output: Tensor, batch: Batch) -> tuple[float, int]:
        """Return how many of a batch were right."""
        return float((output.argmax(dim=1) == batch.targets).sum()), batch.size

    def meter(self, split: Split) -> ClassMeter:
        """Return a meter of accuracy, and of everything per class."""
        return ClassMeter(self.plan.classes, split.names)

    def files(self, network: Network, result: Result) -> ModelFiles:
        """Return the config that transformers reads, and the tokenizer."""
        del result
        labels = "".join(f"{label}\n" for label in self.plan.classes)
        return ModelFiles(
            snippet=classification_snippet(self._length),
            jsons={"config.json": config_of(network.module)},
            texts={"labels.txt": labels, **tokenizer_texts(self.setting.base)},
        )


TASK = TextClassification
