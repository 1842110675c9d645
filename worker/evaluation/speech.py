"""How far what a network wrote down is from what was said."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from torch import Tensor
from torch.nn import functional

from worker.contract.manifest import SplitMetrics
from worker.data.batches import Batch
from worker.data.speech import Spoken, plain_words
from worker.data.whisper import UNSEEN, Dictated

SHOWN = 12
Output = tuple[Tensor, Tensor]


def edit_distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the fewest insertions, deletions and replacements that turn one into the other."""
    before = list(range(len(other) + 1))
    for row, left in enumerate(one, start=1):
        current = [row]
        for column, right in enumerate(other, start=1):
            replaced = before[column - 1] + (left != right)
            current.append(min(before[column] + 1, current[-1] + 1, replaced))
        before = current
    return before[-1]


def error_rate(said: Sequence[Sequence[str]], written: Sequence[Sequence[str]]) -> float:
    """Return all edits over the length of all that was said; it may exceed 1."""
    edits = sum(edit_distance(one, other) for one, other in zip(said, written, strict=True))
    return edits / max(1, sum(len(one) for one in said))


def greedy(scores_TV: Tensor, characters: str) -> str:
    """Return the best character at each step, repeats and pauses taken out."""
    numbers = [number for number, _ in groupby(scores_TV.argmax(dim=1).tolist())]
    text = "".join(characters[number - 1] for number in numbers if number)
    return " ".join(text.split())


def ctc_loss(output: Output, spoken: Spoken) -> Tensor:
    """Return the mean loss of a character, in nats; what is too short for its text counts 0."""
    scores_BTV, lengths_B = output
    logs_TBV = scores_BTV.float().log_softmax(dim=2).transpose(0, 1)
    # On the CPU: the loss of CUDA is not deterministic, and it is a small part of the work.
    return functional.ctc_loss(
        logs_TBV.cpu(),
        spoken.numbers,
        lengths_B.cpu(),
        spoken.lengths_B,
        zero_infinity=True,
    )


class _Transcripts:
    """Collects what was written down and compares it with what was said."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._said: list[str] = []
        self._written: list[str] = []
        self._loss = 0.0

    def _take(self, said: Sequence[str], written: Sequence[str], loss: float) -> None:
        self._said += said
        self._written += written
        self._loss += loss * len(said)

    def result(self) -> SplitMetrics:
        """Return the error rates, with the first recordings as samples."""
        said, written = self._said, self._written
        cer = error_rate(said, written)
        wer = error_rate([text.split() for text in said], [text.split() for text in written])
        rows = zip(self._names, said, written, strict=True)
        return SplitMetrics(
            size=len(said),
            loss=self._loss / len(said),
            metric="cer",
            value=cer,
            values={"cer": cer, "wer": wer},
            samples=tuple(
                {"path": name, "true": true, "predicted": guess} for name, true, guess in rows
            )[:SHOWN],
        )


class SpeechMeter(_Transcripts):
    """Measures what a network wrote down character by character."""

    def __init__(self, characters: str, names: Sequence[str]) -> None:
        super().__init__(names)
        self._characters = characters

    def add(self, output: Output, batch: Batch) -> None:
        """Take one batch in; batches come in the order of the split."""
        scores_BTV, lengths_B = output
        rows = zip(scores_BTV.float().cpu(), lengths_B.tolist(), strict=True)
        written = [greedy(row[:length], self._characters) for row, length in rows]
        self._take(batch.targets.texts, written, float(ctc_loss(output, batch.targets)))


class DictationMeter(_Transcripts):
    """Measures what a network wrote down token by token; `write` makes texts of what it heard."""

    def __init__(self, names: Sequence[str], write: Callable[[Tensor], list[str]]) -> None:
        super().__init__(names)
        self._write = write

    def add(self, output: Any, batch: Batch) -> None:
        """Take one batch in; batches come in the order of the split."""
        written = [plain_words(text) for text in self._write(output.encoder_last_hidden_state)]
        self._take(batch.targets.texts, written, float(dictation_loss(output, batch.targets)))


def dictation_loss(output: Any, dictated: Dictated) -> Tensor:
    """Return the mean cross-entropy of a token, in nats, each guessed from the true ones before."""
    scores_BTV = output.logits.float()
    return functional.cross_entropy(
        scores_BTV.flatten(0, 1), dictated.tokens_BT.flatten(), ignore_index=UNSEEN
    )
