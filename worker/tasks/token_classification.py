"""Token classification: names and other spans are found in sentences."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from worker.contract.failures import FailureCode, RunError
from worker.contract.manifest import Result, SplitMetrics
from worker.data.batches import Batch, Split
from worker.data.samples import Samples
from worker.data.tagged import (
    IGNORED,
    OUTSIDE,
    TaggedSplit,
    encode_tagged,
    has_spans,
    tag_names,
    tags_of,
    words_of,
)
from worker.data.texts import cut_note
from worker.evaluation.spans import SpanMeter, masked_loss
from worker.export.snippets_text import token_snippet
from worker.modeling.network import Network
from worker.task import ModelFiles, Setting
from worker.tasks.language import LanguageTask


class TokenClassification(LanguageTask):
    """Gives every word a tag, and reads spans from them."""

    kind = "AutoModelForTokenClassification"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._tags = tag_names(self.plan.classes)

    def look(self, samples: Mapping[str, Samples]) -> None:
        """See whether tags name spans, or each stands for itself as parts of speech do."""
        rows = [row for part in samples.values() for row in part.rows]
        if not any(has_spans(row) for row in rows):
            self._tags = [OUTSIDE, *(kind for kind in self.plan.classes if kind != OUTSIDE)]

    def build(self) -> Network:
        """Return the encoder with a new layer that tells tags apart."""
        return self.network(self._tags)

    def load(self, samples: Mapping[str, Samples]) -> dict[str, Split]:
        """Return the tokenised sentences of every split."""
        splits = {name: self._split(part) for name, part in samples.items()}
        self.notes += cut_note(splits["train"].encoded, self.max_length)
        for name, split in splits.items():
            if not any(split.firsts):
                raise RunError(FailureCode.DATA_INVALID, f"No word of {name} has a tag.")
        return dict(splits)

    def _split(self, samples: Samples) -> TaggedSplit:
        encoded, firsts = encode_tagged(self.tokenizer, samples.rows, self.max_length)
        return TaggedSplit(
            encoded,
            samples.names,
            self.pad_id,
            self.setting.device,
            tags=[tags_of(row) for row in samples.rows],
            words=[words_of(row) for row in samples.rows],
            firsts=firsts,
            numbers={tag: number for number, tag in enumerate(self._tags)},
        )

    def forward(self, module: nn.Module, inputs: Any) -> Any:
        """Return what the network gives; sentences differ in length, so nothing is cached."""
        return module(**inputs)

    def loss(self, output: Any, batch: Batch) -> Tensor:
        """Return the mean cross-entropy of the words."""
        smoothing = self.plan.recipe.train.label_smoothing
        return masked_loss(output.logits, batch.targets, smoothing)

    def weight(self, batch: Batch) -> float:
        """Return how many tokens of a batch have a target."""
        return float((batch.targets != IGNORED).sum())

    def meter(self, split: Split) -> SpanMeter:
        """Return a meter of F1 of spans."""
        assert isinstance(split, TaggedSplit)  # noqa: S101 - load() made it
        return SpanMeter(split, self._tags)

    def files(self, network: Network, result: Result) -> ModelFiles:
        """Return the config that transformers reads, the tokenizer and the tags."""
        del result
        tags = "".join(f"{tag}\n" for tag in self._tags)
        return self.model_files(network, token_snippet(self.max_length), **{"labels.txt": tags})

    def summary(self, metrics: SplitMetrics) -> str:
        """Return one sentence for the card."""
        base, kinds = self.plan.base, [kind for kind in self.plan.classes if kind != "O"]
        return (
            f"`{base.library}/{base.architecture}` fine-tuned to find {len(kinds)} kinds of spans. "
            f"F1 of whole spans **{metrics.value:.2%}** on {metrics.size} sentences."
        )


TASK = TokenClassification
