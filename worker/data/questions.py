"""Questions about texts: a long text is read in windows that overlap, each a sample of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from worker.contract.items import Item
from worker.data.texts import Encoded, TextRows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Place = tuple[int, int]


@dataclass(frozen=True)
class Question:
    """A question, its text and the answers that are right: (characters from, answer). Or none."""

    name: str
    question: str
    context: str
    answers: tuple[tuple[int, str], ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The right answers as text; one empty text where the right answer is none."""
        return tuple(text for _, text in self.answers) or ("",)


@dataclass
class QuestionSplit(TextRows):
    """Windows of questions. `owners` say which question each is of.

    `places` are, for each token, where its characters stand in the text; None outside of it.
    `targets_N2` are the first and last token of the answer, or twice the first token of the window
    where the answer is not in it.
    """

    questions: Sequence[Question]
    owners: Sequence[int]
    places: Sequence[Sequence[Place | None]]
    targets_N2: Tensor

    def targets(self, indices: Tensor) -> Tensor:
        """Return first and last token of the answers (B, 2)."""
        return self.targets_N2[indices].to(self.device)


def question_of(row: Item, name: str) -> Question:
    """Return the question of a row."""
    values: Any = row.values
    answers = tuple((int(a["start"]), str(a["text"])) for a in values["answers"])
    return Question(name, str(values["question"]).strip(), str(values["context"]), answers)


def windows(
    tokenizer: "PreTrainedTokenizerBase", questions: Sequence[Question], length: int, stride: int
) -> tuple[Encoded, list[int], list[list[Place | None]]]:
    """Return the windows as token numbers, their questions, and where their tokens stand.

    The question is never cut: where it leaves less than half of a window to the text, its end is.
    """
    asked = [_shortened(tokenizer, one.question, length // 2) for one in questions]
    found = tokenizer(
        asked,
        [one.context for one in questions],
        truncation="only_second",
        max_length=length,
        stride=stride,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    owners = list(found["overflow_to_sample_mapping"])
    places = [
        [
            (int(place[0]), int(place[1])) if part == 1 else None
            for place, part in zip(offsets, found.sequence_ids(number), strict=True)
        ]
        for number, offsets in enumerate(found["offset_mapping"])
    ]
    return Encoded.of(found), owners, places


def _shortened(tokenizer: "PreTrainedTokenizerBase", question: str, most: int) -> str:
    offsets = tokenizer(question, add_special_tokens=False, return_offsets_mapping=True)
    kept = offsets["offset_mapping"][: max(1, most - 4)]
    return question[: kept[-1][1]] if kept else question


def answer_targets(
    questions: Sequence[Question],
    owners: Sequence[int],
    places: Sequence[Sequence[Place | None]],
) -> Tensor:
    """Return first and last token of the first answer in each window (N, 2), or 0 and 0."""
    return torch.tensor(
        [_tokens(questions[owner], tokens) for owner, tokens in zip(owners, places, strict=True)]
    )


def _tokens(question: Question, places: Sequence[Place | None]) -> Place:
    if not question.answers:
        return 0, 0
    start, text = question.answers[0]
    end = start + len(text)
    inside = [token for token, place in enumerate(places) if place is not None]
    first = [token for token in inside if _holds(places[token], start)]
    last = [token for token in inside if _holds(places[token], end - 1)]
    return (first[0], last[-1]) if first and last else (0, 0)


def _holds(place: Place | None, character: int) -> bool:
    return place is not None and place[0] <= character < place[1]
