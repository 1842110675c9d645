"""Recordings with what is said in them, padded batch by batch to the longest."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from worker.data.batches import Batch
from worker.data.sounds import spec_augmented


def plain_text(text: str) -> str:
    """Return a transcript as it is learned: small letters, one space between words."""
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def plain_words(text: str) -> str:
    """Return what is said without how it is written: no capitals, marks and double spaces.

    An apostrophe inside of a word is part of it.
    """
    kept = [sign if _is_spoken(sign) else " " for sign in plain_text(text).replace("\u2019", "'")]
    return " ".join(word.strip("'") for word in "".join(kept).split() if word.strip("'"))


def _is_spoken(sign: str) -> bool:
    return sign == "'" or unicodedata.category(sign)[0] in "LMN"


def characters_of(texts: Iterable[str]) -> str:
    """Return the characters of transcripts, sorted; the position plus one is a number."""
    return "".join(sorted({character for text in texts for character in plain_text(text)}))


def numbered(text: str, characters: str) -> Tensor:
    """Return the numbers of a transcript's characters; unknown ones are left out."""
    places = {character: place for place, character in enumerate(characters, start=1)}
    found = [places[character] for character in plain_text(text) if character in places]
    return torch.tensor(found, dtype=torch.int64)


@dataclass
class Spoken:
    """What was said in the recordings of a batch: texts, and their numbers one after the other."""

    texts: list[str]
    numbers: Tensor
    lengths_B: Tensor


@dataclass
class SpeechSplit:
    """Log-mel pictures (M, T) of different lengths with their transcripts."""

    pictures: Sequence[Tensor]
    texts: Sequence[str]
    characters: str
    names: Sequence[str]
    augment: bool
    device: torch.device

    def __post_init__(self) -> None:
        self.labels: Tensor | None = None
        self.lengths: Tensor | None = torch.tensor([part.shape[1] for part in self.pictures])
        self._numbers = [numbered(text, self.characters) for text in self.texts]

    def __len__(self) -> int:
        return len(self.names)

    def targets(self, indices: Tensor) -> Spoken:
        """Return what is said."""
        rows = [self._numbers[index] for index in indices.tolist()]
        lengths_B = torch.tensor([len(row) for row in rows])
        texts = [self.texts[index] for index in indices.tolist()]
        return Spoken(texts, torch.cat(rows), lengths_B)

    def take(self, indices: Tensor, *, train: bool) -> Batch:
        """Return padded pictures with their lengths; for training masked if asked."""
        rows = [self.pictures[index].T for index in indices.tolist()]
        padded_BTM = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        pictures_BMT = padded_BTM.transpose(1, 2)
        if train and self.augment:
            pictures_BMT = spec_augmented(pictures_BMT)
        lengths_B = torch.tensor([len(row) for row in rows])
        inputs = {
            "pictures": pictures_BMT.contiguous().to(self.device),
            "lengths": lengths_B.to(self.device),
        }
        return Batch(inputs, self.targets(indices), len(rows))
