"""Measures of a classifier, computed from its probabilities."""

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from worker.contract.manifest import (
    MAX_WRONG_PER_CELL,
    ClassMetrics,
    SplitMetrics,
    WrongSample,
)
from worker.data.batches import Batch
from worker.evaluation.metrics import accuracy_interval


class ClassMeter:
    """Collects class scores and measures them together.

    `texts` are how the samples begin, where they are texts; wrong ones are shown with them.
    """

    def __init__(
        self, classes: Sequence[str], names: Sequence[str], texts: Sequence[str] = ()
    ) -> None:
        self._classes = classes
        self._names = names
        self._texts = texts
        self._logits: list[Tensor] = []
        self._labels: list[Tensor] = []

    def add(self, output: Tensor, batch: Batch) -> None:
        """Take the scores of one batch in; batches come in the order of the split."""
        self._logits.append(output.float().cpu())
        self._labels.append(batch.targets.cpu())

    def result(self) -> SplitMetrics:
        """Return every measure of the split."""
        logits_NC, labels_N = torch.cat(self._logits), torch.cat(self._labels)
        return split_metrics(logits_NC, labels_N, self._classes, self._names, self._texts)


def split_metrics(
    logits_NC: Tensor,
    labels_N: Tensor,
    classes: Sequence[str],
    paths: Sequence[str],
    texts: Sequence[str] = (),
) -> SplitMetrics:
    """Return every measure of one split. Loss is the plain cross-entropy, in nats."""
    logits_NC = logits_NC.double()
    predicted_N = logits_NC.argmax(dim=1)
    count = len(classes)
    confusion_CC = torch.zeros(count, count, dtype=torch.int64)
    confusion_CC.index_put_((labels_N, predicted_N), torch.ones_like(labels_N), accumulate=True)
    correct = int(confusion_CC.diagonal().sum())
    low, high = accuracy_interval(correct, len(labels_N))
    per_class = _per_class(confusion_CC, classes)
    seen = [item for item in per_class if item.support]
    return SplitMetrics(
        size=len(labels_N),
        loss=float(functional.cross_entropy(logits_NC, labels_N)),
        metric="accuracy",
        value=correct / len(labels_N),
        low=low,
        high=high,
        values={
            "accuracy": correct / len(labels_N),
            "balanced_accuracy": sum(item.recall for item in seen) / len(seen),
            "f1_macro": sum(item.f1 for item in seen) / len(seen),
        },
        per_class=tuple(per_class),
        confusion=tuple(tuple(row) for row in confusion_CC.tolist()),
        wrong=tuple(_wrong(logits_NC, labels_N, classes, paths, texts)),
    )


def _per_class(confusion_CC: Tensor, classes: Sequence[str]) -> list[ClassMetrics]:
    found = []
    for index, label in enumerate(classes):
        hits = int(confusion_CC[index, index])
        support, guessed = int(confusion_CC[index].sum()), int(confusion_CC[:, index].sum())
        precision = hits / guessed if guessed else 0.0
        recall = hits / support if support else 0.0
        f1 = 2 * hits / (support + guessed) if support + guessed else 0.0
        found.append(
            ClassMetrics(label=label, precision=precision, recall=recall, f1=f1, support=support)
        )
    return found


def _wrong(
    logits_NC: Tensor,
    labels_N: Tensor,
    classes: Sequence[str],
    paths: Sequence[str],
    texts: Sequence[str],
) -> list[WrongSample]:
    """Return the wrong samples, the most confident first, at most 20 for each cell."""
    probabilities_N, predicted_N = logits_NC.softmax(dim=1).max(dim=1)
    wrong = (predicted_N != labels_N).nonzero().flatten().tolist()
    wrong.sort(key=lambda index: float(probabilities_N[index]), reverse=True)
    taken: dict[tuple[int, int], int] = defaultdict(int)
    samples = []
    for index in wrong:
        cell = (int(labels_N[index]), int(predicted_N[index]))
        taken[cell] += 1
        if taken[cell] <= MAX_WRONG_PER_CELL:
            samples.append(
                WrongSample(
                    path=paths[index],
                    true=classes[cell[0]],
                    predicted=classes[cell[1]],
                    probability=float(probabilities_N[index]),
                    text=texts[index] if texts else "",
                )
            )
    return samples
