"""Texts as token numbers, padded batch by batch to the longest of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from worker.contract.failures import FailureCode, RunError
from worker.data.batches import Batch

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "merges.txt",
    "vocab.json",
    "added_tokens.json",
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


@dataclass
class TextSplit:
    """Tokenised texts with one class each. `tokens` are ragged; padding happens in `take`."""

    tokens: Sequence[Tensor]
    labels_N: Tensor
    names: Sequence[str]
    pad_id: int
    device: torch.device

    def __post_init__(self) -> None:
        self.labels_N = self.labels_N.to(self.device)
        self.labels: Tensor | None = self.labels_N
        self.lengths: Tensor | None = torch.tensor([len(row) for row in self.tokens])

    def __len__(self) -> int:
        return len(self.names)

    def targets(self, indices: Tensor) -> Tensor:
        """Return class numbers."""
        return self.labels_N[indices.to(self.device)]

    def take(self, indices: Tensor, *, train: bool) -> Batch:
        """Return the padded texts, with a mask that tells words from padding."""
        del train
        rows = [self.tokens[index] for index in indices.tolist()]
        return Batch(padded(rows, self.pad_id, self.device), self.targets(indices), len(rows))


def padded(rows: Sequence[Tensor], pad_id: int, device: torch.device) -> dict[str, Tensor]:
    """Return `input_ids` and `attention_mask` (both (B, T)) of texts padded to the longest."""
    input_ids_BT = torch.nn.utils.rnn.pad_sequence(
        list(rows), batch_first=True, padding_value=pad_id
    )
    lengths_B1 = torch.tensor([[len(row)] for row in rows])
    mask_BT = torch.arange(input_ids_BT.shape[1])[None] < lengths_B1
    return {"input_ids": input_ids_BT.to(device), "attention_mask": mask_BT.long().to(device)}


def encode(
    tokenizer: "PreTrainedTokenizerBase", texts: Sequence[str], max_length: int
) -> list[Tensor]:
    """Return the token numbers of texts, cut to a length with the special tokens kept."""
    found = tokenizer(list(texts), truncation=True, max_length=max_length)["input_ids"]
    return [torch.tensor(row, dtype=torch.int64) for row in found]


def text_length(asked: int | None, positions: object, longest: int = 512) -> int:
    """Return how many tokens are read: what the recipe asks for, within what the base can take."""
    most = positions if isinstance(positions, int) and positions > 0 else longest
    return min(asked or longest, most)
