"""Filling in masks: an encoder goes on learning the language of one's own texts."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from worker.contract.failures import FailureCode, RunError
from worker.contract.manifest import Result, SplitMetrics
from worker.data.batches import Batch, Split
from worker.data.masking import MaskedSplit
from worker.data.samples import Samples
from worker.data.tagged import IGNORED
from worker.data.texts import Encoded
from worker.evaluation.guesses import GuessMeter, Sample, guess_loss
from worker.export.snippets_text import mask_snippet
from worker.modeling.network import Network
from worker.task import ModelFiles, Setting
from worker.tasks.language import LanguageTask

_USUAL_LENGTH = 128
_SHOWN = 6


class FillMask(LanguageTask):
    """Guesses hidden tokens; the result is a base for other tasks on such texts."""

    kind = "AutoModelForMaskedLM"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        if self.plan.recipe.data.max_length is None:
            self.max_length = min(self.max_length, _USUAL_LENGTH)

    def build(self) -> Network:
        """Return the encoder with its own layers for guessing, or with new ones."""
        return self.network()

    def load(self, samples: Mapping[str, Samples]) -> dict[str, Split]:
        """Return the tokenised texts of every split; long ones in several pieces.

        Raises:
            RunError: the tokenizer has no mask.
        """
        if self.tokenizer.mask_token_id is None:
            repo = self.plan.base.repo
            raise RunError(
                FailureCode.BASE_INVALID,
                f"The tokenizer of {repo} has no mask; fill-mask needs an encoder such as BERT.",
            )
        return {name: self._split(part) for name, part in samples.items()}

    def _split(self, samples: Samples) -> MaskedSplit:
        found = self.tokenizer(
            [str(row.values["text"]) for row in samples.rows],
            truncation=True,
            max_length=self.max_length,
            return_overflowing_tokens=True,
        )
        owners = found["overflow_to_sample_mapping"]
        return MaskedSplit(
            Encoded.of({"input_ids": found["input_ids"]}),
            [samples.names[owner] for owner in owners],
            self.pad_id,
            self.setting.device,
            probability=self.plan.recipe.data.mask_probability,
            mask_id=int(self.tokenizer.mask_token_id),
            vocabulary=len(self.tokenizer),
            special_ids=torch.tensor(sorted(self.tokenizer.all_special_ids)),
        )

    def forward(self, module: nn.Module, inputs: Any) -> Any:
        """Return what the network gives; what is hidden changes, so nothing is cached."""
        return self.guesses(module, inputs)

    def loss(self, output: Any, batch: Batch) -> Tensor:
        """Return the mean cross-entropy of the hidden tokens."""
        return guess_loss(output.logits, batch.targets, self.plan.recipe.train.label_smoothing)

    def weight(self, batch: Batch) -> float:
        """Return how many tokens of a batch have a target."""
        return float((batch.targets != IGNORED).sum())

    def meter(self, split: Split) -> GuessMeter:
        """Return a meter of perplexity, with a few texts as the model fills them in."""
        return GuessMeter(len(split), self._guesses)

    def _guesses(self, output: Any, batch: Batch) -> list[Sample]:
        samples: list[Sample] = []
        chosen_BT = output.logits.argmax(-1)
        for row in range(min(_SHOWN, batch.size)):
            mask_T = batch.inputs["attention_mask"][row] == 1
            ids_T, targets_T = batch.inputs["input_ids"][row][mask_T], batch.targets[row][mask_T]
            hidden_T = targets_T != IGNORED
            samples.append(
                {
                    "text": str(self.tokenizer.decode(ids_T)),
                    "found": self._words(chosen_BT[row][mask_T][hidden_T]),
                    "true": self._words(targets_T[hidden_T]),
                }
            )
        return samples

    def _words(self, ids_N: Tensor) -> list[Any]:
        return [str(self.tokenizer.decode([number])).strip() for number in ids_N.tolist()]

    def files(self, network: Network, result: Result) -> ModelFiles:
        """Return the config that transformers reads, and the tokenizer."""
        del result
        return self.model_files(network, mask_snippet())

    def summary(self, metrics: SplitMetrics) -> str:
        """Return one sentence for the card."""
        base = self.plan.base
        return (
            f"`{base.library}/{base.architecture}` that went on learning the language of "
            f"`{self.plan.data.repo}`; a base for other tasks on such texts. Perplexity of hidden "
            f"tokens **{metrics.value:.4g}** on {metrics.size} texts."
        )


TASK = FillMask
