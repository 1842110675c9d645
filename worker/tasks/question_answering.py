"""Question answering: the part of a text that answers a question, or that there is none."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from worker.contract.manifest import Result
from worker.data.batches import Batch, Split
from worker.data.questions import QuestionSplit, answer_targets, question_of, windows
from worker.data.samples import Samples
from worker.evaluation.answers import AnswerMeter, span_loss
from worker.export.snippets_text import answer_snippet
from worker.modeling.network import Network
from worker.task import ModelFiles, Setting
from worker.tasks.language import LanguageTask

_USUAL_LENGTH = 384


class QuestionAnswering(LanguageTask):
    """Finds the first and the last word of an answer in a text."""

    kind = "AutoModelForQuestionAnswering"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        data = self.plan.recipe.data
        if data.max_length is None:
            self.max_length = min(self.max_length, _USUAL_LENGTH)
        usual = self.max_length // 4
        self._stride = min(usual if data.stride is None else data.stride, self.max_length // 2)
        self._may_be_none = False

    def build(self) -> Network:
        """Return the encoder with a new layer for the two ends of an answer."""
        return self.network()

    def load(self, samples: Mapping[str, Samples]) -> dict[str, Split]:
        """Return the windows of every split."""
        splits = {name: self._split(part) for name, part in samples.items()}
        self._may_be_none = any(not one.answers for one in splits["train"].questions)
        for name, split in splits.items():
            line = f"{name}: {len(split.questions)} questions are read in {len(split)} windows"
            self.notes.append(f"{line} of {self.max_length} tokens.")
        return dict(splits)

    def _split(self, samples: Samples) -> QuestionSplit:
        named = zip(samples.rows, samples.names, strict=True)
        questions = [question_of(row, name) for row, name in named]
        encoded, owners, places = windows(self.tokenizer, questions, self.max_length, self._stride)
        return QuestionSplit(
            encoded,
            [questions[owner].name for owner in owners],
            self.pad_id,
            self.setting.device,
            questions=questions,
            owners=owners,
            places=places,
            targets_N2=answer_targets(questions, owners, places),
        )

    def forward(self, module: nn.Module, inputs: Any) -> Any:
        """Return what the network gives; windows differ in length, so nothing is cached."""
        return module(**inputs)

    def loss(self, output: Any, batch: Batch) -> Tensor:
        """Return the mean cross-entropy of the two ends."""
        return span_loss(output.start_logits, output.end_logits, batch.targets)

    def meter(self, split: Split) -> AnswerMeter:
        """Return a meter of exact match and F1."""
        assert isinstance(split, QuestionSplit)  # noqa: S101 - load() made it
        return AnswerMeter(split, may_be_none=self._may_be_none)

    def files(self, network: Network, result: Result) -> ModelFiles:
        """Return the config that transformers reads, and the tokenizer."""
        del result
        return self.model_files(network, answer_snippet(self.max_length, self._stride))


TASK = QuestionAnswering
