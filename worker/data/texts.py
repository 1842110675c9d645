"""Texts as token numbers, padded batch by batch to the longest of them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from worker.contract.failures import FailureCode, RunError
from worker.data.batches import Batch
from worker.data.ragged import Ragged
from worker.data.token_noise import with_noise

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Texts that are tokenised at once.
_TOGETHER = 1000
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "merges.txt",
    "vocab.json",
    "added_tokens.json",
    "chat_template.jinja",
)


def load_tokenizer(base: Path | None) -> "PreTrainedTokenizerBase":
    """Return the tokenizer that lies beside the base's weights.

    Raises:
        RunError: there is none, or it cannot be read.
    """
    from transformers import AutoTokenizer

    if base is None or not any((base / name).is_file() for name in TOKENIZER_FILES):
        raise RunError(
            FailureCode.BASE_INVALID, "The base model has no tokenizer.json beside its weights."
        )
    try:
        return AutoTokenizer.from_pretrained(str(base), local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"The tokenizer cannot be read: {error}"
        raise RunError(FailureCode.BASE_INVALID, reason) from error


def tokenizer_texts(base: Path | None) -> dict[str, str]:
    """Return the tokenizer's files as they are, for the repository of the result."""
    if base is None:
        return {}
    found = [name for name in TOKENIZER_FILES if (base / name).is_file()]
    return {name: (base / name).read_text(encoding="utf-8") for name in found}


@dataclass(frozen=True)
class Encoded:
    """Texts as token numbers, ragged. `segments` say which of two texts a token is of, if asked."""

    tokens: Sequence[Tensor]
    segments: Sequence[Tensor] | None = None

    @property
    def lengths(self) -> Tensor:
        """How many tokens each has."""
        if isinstance(self.tokens, Ragged):
            return self.tokens.lengths
        return torch.tensor([len(row) for row in self.tokens])

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> "Encoded":
        """Return what a tokenizer gave for a list of texts."""
        segments = found.get("token_type_ids")
        return cls(Ragged(found["input_ids"]), Ragged(segments) if segments else None)


@dataclass
class TextRows(ABC):
    """Tokenised texts; padding happens in `take`. Each task says what their targets are."""

    encoded: Encoded
    names: Sequence[str]
    pad_id: int
    device: torch.device

    def __post_init__(self) -> None:
        self.labels: Tensor | None = None
        self.lengths: Tensor | None = self.encoded.lengths

    def __len__(self) -> int:
        return len(self.names)

    @abstractmethod
    def targets(self, indices: Tensor) -> Any:
        """Return what is to be learned."""

    def take(self, indices: Tensor, *, train: bool) -> Batch:
        """Return the padded texts, with a mask that tells words from padding."""
        del train
        return Batch(self.inputs(indices), self.targets(indices), len(indices))

    def inputs(self, indices: Tensor) -> dict[str, Tensor]:
        """Return what the network is fed; each tensor is (B, T)."""
        return self.some_of(indices)

    def some_of(self, indices: Tensor, chosen: Sequence[Tensor] = ()) -> dict[str, Tensor]:
        """Return the same of some tokens alone.

        Args:
            indices: which texts.
            chosen: which of each text's tokens, and in which order; all of them without.
        """
        places, encoded = indices.tolist(), self.encoded

        def rows(numbers: Sequence[Tensor]) -> list[Tensor]:
            whole = [numbers[place] for place in places]
            return [row[some] for row, some in zip(whole, chosen, strict=True)] if chosen else whole

        found = padded(rows(encoded.tokens), self.pad_id, self.device)
        if encoded.segments is not None:
            found["token_type_ids"] = stacked(rows(encoded.segments), 0, self.device)
        return found


@dataclass
class TextSplit(TextRows):
    """Tokenised texts with one class each. `shown` is how each begins, for people.

    `noise` is the part of the tokens that training leaves out or moves, but never `special` ones.
    """

    labels_N: Tensor
    shown: Sequence[str] = ()
    noise: float = 0.0
    special: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))

    def __post_init__(self) -> None:
        super().__post_init__()
        self.labels_N = self.labels_N.to(self.device)
        self.labels = self.labels_N

    def take(self, indices: Tensor, *, train: bool) -> Batch:
        """Return the padded texts, changed at random in training if that was asked for."""
        if not (train and self.noise):
            return super().take(indices, train=train)
        chosen = [
            with_noise(self.encoded.tokens[place], self.special, self.noise)
            for place in indices.tolist()
        ]
        return Batch(self.some_of(indices, chosen), self.targets(indices), len(indices))

    def targets(self, indices: Tensor) -> Tensor:
        """Return class numbers."""
        return self.labels_N[indices.to(self.device)]


def stacked(rows: Sequence[Tensor], filling: int, device: torch.device) -> Tensor:
    """Return ragged rows as one tensor (B, T), filled up to the longest."""
    pad = torch.nn.utils.rnn.pad_sequence
    return pad(list(rows), batch_first=True, padding_value=filling).to(device)


def padded(rows: Sequence[Tensor], pad_id: int, device: torch.device) -> dict[str, Tensor]:
    """Return `input_ids` and `attention_mask` (both (B, T)) of texts padded to the longest."""
    input_ids_BT = stacked(rows, pad_id, device)
    lengths_B1 = torch.tensor([[len(row)] for row in rows])
    mask_BT = torch.arange(input_ids_BT.shape[1])[None] < lengths_B1
    return {"input_ids": input_ids_BT, "attention_mask": mask_BT.long().to(device)}


def encode(
    tokenizer: "PreTrainedTokenizerBase",
    texts: Sequence[str],
    max_length: int,
    pairs: Sequence[str] | None = None,
) -> Encoded:
    """Return the token numbers of texts, cut to a length with the special tokens kept.

    Args:
        tokenizer: that of the base.
        texts: what is read.
        max_length: tokens that are read of each, special ones included.
        pairs: a second text for each; the longer of the two is cut first.
    """

    def rows(name: str) -> Iterator[Sequence[int]]:
        # Some at a time: as Python's own numbers the tokens of all would take ten times the room.
        for start in range(0, len(texts), _TOGETHER):
            part = slice(start, start + _TOGETHER)
            second = list(pairs[part]) if pairs is not None else None
            found = tokenizer(list(texts[part]), second, truncation=True, max_length=max_length)
            yield from found[name]

    # With a single text every segment is the first one, which is what networks assume anyway.
    has_segments = pairs is not None and "token_type_ids" in tokenizer.model_input_names
    return Encoded(
        Ragged(rows("input_ids")), Ragged(rows("token_type_ids")) if has_segments else None
    )


def pad_id_of(tokenizer: "PreTrainedTokenizerBase") -> int:
    """Return the number that padding has; it is never looked at."""
    return int(tokenizer.pad_token_id or 0)


def cut_note(encoded: Encoded, max_length: int) -> list[str]:
    """Return a line for the log on how many texts are as long as is read, or none."""
    cut = int((encoded.lengths >= max_length).sum())
    if not cut:
        return []
    share = cut / len(encoded.tokens)
    return [f"{cut} of {len(encoded.tokens)} texts ({share:.1%}) fill all {max_length} tokens."]


def text_length(asked: int | None, positions: object, longest: int = 512) -> int:
    """Return how many tokens are read: what the recipe asks for, within what the base can take."""
    most = positions if isinstance(positions, int) and positions > 0 else longest
    return min(asked or longest, most)
