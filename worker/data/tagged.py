"""Sentences with a tag for each word, as tokens of a network: parts of words have no tag."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from worker.contract.items import Item
from worker.data.texts import Encoded, TextRows, stacked

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# What the loss leaves out: special tokens, padding, and all but the first part of a word.
IGNORED = -100
OUTSIDE = "O"
# Beside the inputs of training: which tokens are to be guessed.
WANTED = "wanted"


def tag_names(kinds: Sequence[str]) -> list[str]:
    """Return the tags of kinds of spans, by their number in the network."""
    return [OUTSIDE, *(f"{part}-{kind}" for kind in kinds if kind != OUTSIDE for part in "BI")]


def tags_of(row: Item) -> list[str]:
    """Return the tags of a sentence: B-, I- and O, or plain classes of words."""
    tags = row.values["tags"]
    assert isinstance(tags, list)  # noqa: S101 - every row of the task has them
    return [str(tag) for tag in tags]


def has_spans(row: Item) -> bool:
    """Return whether a sentence has a tag that begins or continues a span."""
    return any(tag.startswith(("B-", "I-")) for tag in tags_of(row))


@dataclass
class TaggedSplit(TextRows):
    """Tokenised sentences. `firsts` are (token, word) for each word that was read."""

    tags: Sequence[Sequence[str]]
    words: Sequence[Sequence[str]]
    firsts: Sequence[Sequence[tuple[int, int]]]
    numbers: Mapping[str, int]

    def __post_init__(self) -> None:
        super().__post_init__()
        self._targets = [self._numbered(place) for place in range(len(self.names))]

    def targets(self, indices: Tensor) -> Tensor:
        """Return the numbers of the tags (B, T), -100 where there is none."""
        return stacked([self._targets[place] for place in indices.tolist()], IGNORED, self.device)

    def _numbered(self, place: int) -> Tensor:
        targets_T = torch.full_like(self.encoded.tokens[place], IGNORED)
        for token, word in self.firsts[place]:
            # A tag that only the test has is no class of the network; it counts as missed.
            targets_T[token] = self.numbers.get(self.tags[place][word], IGNORED)
        return targets_T


def encode_tagged(
    tokenizer: "PreTrainedTokenizerBase", rows: Sequence[Item], max_length: int
) -> tuple[Encoded, list[list[tuple[int, int]]]]:
    """Return sentences as token numbers, and (token, word) of the first part of each word."""
    words = [words_of(row) for row in rows]
    found = tokenizer(words, is_split_into_words=True, truncation=True, max_length=max_length)
    firsts = [_firsts(found, place) for place in range(len(words))]
    return Encoded.of({"input_ids": found["input_ids"]}), firsts


def words_of(row: Item) -> list[str]:
    """Return the words of a sentence."""
    tokens = row.values["tokens"]
    assert isinstance(tokens, list)  # noqa: S101 - every row of the task has them
    return [str(token) for token in tokens]


def _firsts(found: Any, place: int) -> list[tuple[int, int]]:
    firsts, before = [], None
    for token, word in enumerate(found.word_ids(place)):
        if word is not None and word != before:
            firsts.append((token, word))
        before = word
    return firsts
