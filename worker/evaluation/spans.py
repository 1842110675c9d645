"""Spans of tagged sentences: a span counts when its kind and both of its ends are right."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from pydantic import JsonValue
from torch.nn import functional

from worker.contract.manifest import ClassMetrics, SplitMetrics
from worker.data.batches import Batch
from worker.data.tagged import IGNORED, OUTSIDE, TaggedSplit

_SHOWN = 8
_RESAMPLES = 500


class Span(NamedTuple):
    """A run of words of one kind, from `start` up to `end`, which is not part of it."""

    kind: str
    start: int
    end: int


class Counts(NamedTuple):
    """How many spans were found and right, found at all, and there to find."""

    right: int
    found: int
    true: int


def spans_of(tags: Sequence[str]) -> list[Span]:
    """Return the spans of B-, I- and O tags; an I- that continues nothing begins a span.

    A tag that is neither is a span of one word.
    """
    spans: list[Span] = []
    for place, tag in enumerate(tags):
        if tag == OUTSIDE:
            continue
        part, kind = (tag[0], tag[2:]) if tag.startswith(("B-", "I-")) else ("B", tag)
        last = spans[-1] if spans else None
        if part == "I" and last is not None and last.end == place and last.kind == kind:
            spans[-1] = last._replace(end=place + 1)
        else:
            spans.append(Span(kind, place, place + 1))
    return spans


def scores(counts: Counts) -> tuple[float, float, float]:
    """Return (precision, recall, F1); what is undefined is 0."""
    right, found, true = counts
    precision = right / found if found else 0.0
    recall = right / true if true else 0.0
    return precision, recall, 2 * right / (found + true) if found + true else 0.0


class SpanMeter:
    """Collects tags and measures spans; words that were cut off count as tagged O."""

    def __init__(self, split: TaggedSplit, tags: Sequence[str]) -> None:
        self._split, self._tags = split, tags
        self._predicted: list[list[str]] = []
        self._loss = 0.0
        self._right = self._count = 0

    def add(self, output: Any, batch: Batch) -> None:
        """Take the scores of one batch in; batches come in the order of the split."""
        logits_BTC, targets_BT = output.logits.float(), batch.targets
        known_BT = targets_BT != IGNORED
        chosen_BT = logits_BTC.argmax(-1)
        self._loss += float(
            functional.cross_entropy(logits_BTC[known_BT], targets_BT[known_BT], reduction="sum")
        )
        self._right += int((chosen_BT == targets_BT)[known_BT].sum())
        self._count += int(known_BT.sum())
        for row in chosen_BT.tolist():
            place = len(self._predicted)
            tags = [OUTSIDE] * len(self._split.tags[place])
            for token, word in self._split.firsts[place]:
                tags[word] = self._tags[row[token]]
            self._predicted.append(tags)

    def result(self) -> SplitMetrics:
        """Return every measure of the split."""
        true = [set(spans_of(tags)) for tags in self._split.tags]
        found = [set(spans_of(tags)) for tags in self._predicted]
        rows = [
            Counts(len(ours & theirs), len(ours), len(theirs))
            for ours, theirs in zip(found, true, strict=True)
        ]
        precision, recall, f1 = scores(Counts(*(sum(part) for part in zip(*rows, strict=True))))
        low, high = _interval(rows)
        return SplitMetrics(
            size=len(rows),
            loss=self._loss / max(1, self._count),
            metric="f1_span",
            value=f1,
            low=low,
            high=high,
            values={
                "f1_span": f1,
                "precision_span": precision,
                "recall_span": recall,
                "token_accuracy": self._right / max(1, self._count),
            },
            per_class=tuple(_per_kind(found, true)),
            samples=tuple(self._samples(found, true)),
        )

    def _samples(
        self, found: Sequence[set[Span]], true: Sequence[set[Span]]
    ) -> list[dict[str, JsonValue]]:
        """Return the sentences that have spans, those with mistakes first."""
        places = [place for place in range(len(true)) if true[place] or found[place]]
        places.sort(key=lambda place: found[place] == true[place])
        return [
            {
                "text": " ".join(self._split.words[place]),
                "found": self._shown(place, found[place]),
                "true": self._shown(place, true[place]),
            }
            for place in places[:_SHOWN]
        ]

    def _shown(self, place: int, spans: set[Span]) -> JsonValue:
        words = self._split.words[place]
        return [
            f"{' '.join(words[span.start : span.end])} ({span.kind})"
            for span in sorted(spans, key=lambda span: span.start)
        ]


def _per_kind(found: Sequence[set[Span]], true: Sequence[set[Span]]) -> list[ClassMetrics]:
    kinds = sorted({span.kind for part in (*found, *true) for span in part})
    rows = []
    for kind in kinds:
        ours = [{span for span in part if span.kind == kind} for part in found]
        theirs = [{span for span in part if span.kind == kind} for part in true]
        right = sum(len(a & b) for a, b in zip(ours, theirs, strict=True))
        counts = Counts(right, sum(map(len, ours)), sum(map(len, theirs)))
        precision, recall, f1 = scores(counts)
        row = ClassMetrics(
            label=kind, precision=precision, recall=recall, f1=f1, support=counts.true
        )
        rows.append(row)
    return rows


def _interval(rows: Sequence[Counts]) -> tuple[float, float]:
    """Return the 95 % interval of F1 over draws of whole sentences."""
    counts_N3 = np.array(rows, dtype=np.float64)
    random = np.random.default_rng(0)
    weights_RN = random.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), _RESAMPLES)
    right_R, found_R, true_R = (weights_RN @ counts_N3).T
    f1_R = 2 * right_R / np.maximum(1, found_R + true_R)
    low, high = np.quantile(f1_R, (0.025, 0.975))
    return float(low), float(high)


def masked_loss(logits: torch.Tensor, targets: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Return the mean cross-entropy of the tokens that have a target, in nats; 0 for none."""
    flat = logits.float().flatten(0, -2)
    total = functional.cross_entropy(
        flat, targets.flatten(), ignore_index=IGNORED, label_smoothing=smoothing, reduction="sum"
    )
    return total / (targets != IGNORED).sum().clamp(min=1)
