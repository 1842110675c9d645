"""Answers as SQuAD measures them: exact match, and F1 of the words that two answers share."""

import re
import string
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from pydantic import JsonValue
from torch import Tensor
from torch.nn import functional

from worker.contract.manifest import SplitMetrics
from worker.data.batches import Batch
from worker.data.questions import QuestionSplit
from worker.evaluation.bootstrap import Bootstrap

_ARTICLES = re.compile(r"\b(a|an|the)\b")
# Scripts that are written without spaces: each character is a word of its own.
_SPACELESS = re.compile("[\u2e80-\u303f\u3040-\u30ff\u31f0-\u9fff\uf900-\ufaff\uff66-\uff9f]")
_LONGEST_ANSWER = 30
_SHOWN = 8


def normalized(answer: str) -> str:
    """Return an answer in small letters, without punctuation, articles and double spaces.

    Where it holds Chinese or Japanese, their punctuation goes too.
    """
    text = answer.lower()
    is_spaceless = _SPACELESS.search(text) is not None
    text = "".join(sign for sign in text if not _is_punctuation(sign, everywhere=is_spaceless))
    return " ".join(_ARTICLES.sub(" ", text).split())


def _is_punctuation(sign: str, *, everywhere: bool) -> bool:
    return sign in string.punctuation or (everywhere and unicodedata.category(sign).startswith("P"))


def words_of(answer: str) -> list[str]:
    """Return the words of an answer; each Chinese or Japanese character is one."""
    return _SPACELESS.sub(lambda found: f" {found[0]} ", normalized(answer)).split()


def is_exact(answer: str, right: str) -> bool:
    """Return whether two answers are the same but for spelling."""
    return normalized(answer) == normalized(right)


def f1_of(answer: str, right: str) -> float:
    """Return F1 of the words of two answers; no answer is only like no answer."""
    ours, theirs = words_of(answer), words_of(right)
    if not ours or not theirs:
        return float(ours == theirs)
    shared = (Counter(ours) & Counter(theirs)).total()
    return 2 * shared / (len(ours) + len(theirs))


class _Best(NamedTuple):
    score: float
    text: str


class AnswerMeter:
    """Collects scores of windows and measures the best answer of each question."""

    def __init__(self, split: QuestionSplit, *, may_be_none: bool) -> None:
        self._split, self._may_be_none = split, may_be_none
        self._best: dict[int, _Best] = {}
        self._none: dict[int, float] = defaultdict(lambda: float("inf"))
        self._seen, self._loss = 0, 0.0

    def add(self, output: Any, batch: Batch) -> None:
        """Take the scores of one batch in; batches come in the order of the split."""
        starts_BT = output.start_logits.float().cpu()
        ends_BT = output.end_logits.float().cpu()
        targets_B2 = batch.targets.cpu()
        self._loss += batch.size * float(span_loss(starts_BT, ends_BT, targets_B2))
        for starts_T, ends_T in zip(starts_BT, ends_BT, strict=True):
            self._take(self._seen, starts_T, ends_T)
            self._seen += 1

    def _take(self, window: int, starts_T: Tensor, ends_T: Tensor) -> None:
        owner, places = self._split.owners[window], self._split.places[window]
        none = float(starts_T[0] + ends_T[0])
        self._none[owner] = min(self._none[owner], none)
        inside = [token for token, place in enumerate(places) if place is not None]
        if not inside:
            return
        first, last = inside[0], inside[-1] + 1
        scores_SS = starts_T[first:last, None] + ends_T[None, first:last]
        band_SS = torch.ones_like(scores_SS).triu().tril(_LONGEST_ANSWER - 1).bool()
        best = int(scores_SS.masked_fill(~band_SS, float("-inf")).argmax())
        start, end = divmod(best, last - first)
        score = float(scores_SS[start, end])
        if owner not in self._best or score > self._best[owner].score:
            self._best[owner] = _Best(score, self._text(window, first + start, first + end))

    def _text(self, window: int, first: int, last: int) -> str:
        places = self._split.places[window]
        start, end = places[first], places[last]
        context = self._split.questions[self._split.owners[window]].context
        return context[start[0] : end[1]].strip() if start and end else ""

    def answers(self) -> list[str]:
        """Return the answer to each question; empty where the model says that there is none."""
        return [self._answer(owner) for owner in range(len(self._split.questions))]

    def _answer(self, owner: int) -> str:
        best = self._best.get(owner)
        if best is None or (self._may_be_none and self._none[owner] > best.score):
            return ""
        return best.text

    def result(self) -> SplitMetrics:
        """Return every measure of the split."""
        answers, questions = self.answers(), self._split.questions
        pairs = list(zip(answers, questions, strict=True))
        f1 = [max(f1_of(answer, right) for right in one.texts) for answer, one in pairs]
        exact = [
            float(any(is_exact(answer, right) for right in one.texts)) for answer, one in pairs
        ]
        estimate = Bootstrap().of_mean("f1_answer", f1)
        return SplitMetrics(
            size=len(questions),
            loss=self._loss / max(1, self._seen),
            metric="f1_answer",
            value=estimate.value,
            low=estimate.low,
            high=estimate.high,
            values={"f1_answer": estimate.value, "exact_match": sum(exact) / len(exact)},
            samples=tuple(self._samples(answers, f1)),
        )

    def _samples(self, answers: Sequence[str], f1: Sequence[float]) -> list[dict[str, JsonValue]]:
        """Return questions with their answers, wrong and right ones in turns."""
        by_score = sorted(range(len(f1)), key=lambda place: f1[place])
        half = _SHOWN // 2
        chosen = dict.fromkeys([*by_score[:half], *by_score[-half:]])
        return [
            {
                "question": self._split.questions[place].question,
                "found": answers[place],
                "true": list(self._split.questions[place].texts),
            }
            for place in chosen
        ]


def span_loss(starts_BT: Tensor, ends_BT: Tensor, targets_B2: Tensor) -> Tensor:
    """Return the mean cross-entropy of the two ends of answers, in nats."""
    return (
        functional.cross_entropy(starts_BT.float(), targets_B2[:, 0])
        + functional.cross_entropy(ends_BT.float(), targets_B2[:, 1])
    ) / 2
