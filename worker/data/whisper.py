"""Recordings as Whisper hears them, and what is said in them as its tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from worker.contract.failures import FailureCode, RunError
from worker.data.batches import Batch
from worker.data.samples import Samples
from worker.data.sounds import each_wave, spec_augmented
from worker.data.speech import plain_words
from worker.data.texts import stacked

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, WhisperFeatureExtractor

RATE = 16_000
# Windows of its Fourier transform are this long, in samples; silence lies between them.
_WINDOW, _HOP = 400, 160
# What no loss is computed of.
UNSEEN = -100
_START, _END, _NO_TIMES = "<|startoftranscript|>", "<|endoftext|>", "<|notimestamps|>"


def extractor_of(n_mels: int, seconds: int) -> "WhisperFeatureExtractor":
    """Return what makes pictures of sound for a Whisper of `n_mels` bands and a window."""
    from transformers import WhisperFeatureExtractor

    kind: Any = WhisperFeatureExtractor
    extractor: WhisperFeatureExtractor = kind(
        feature_size=n_mels, sampling_rate=RATE, chunk_length=seconds
    )
    return extractor


def load_whisper_pictures(samples: Samples, extractor: Any) -> list[Tensor]:
    """Return the picture (M, T) of every recording, up to the first columns of silence after it.

    Raises:
        RunError: a recording cannot be read; it is named.
    """
    return each_wave(samples, RATE, extractor.chunk_length, lambda wave: picture(wave, extractor))


def picture(wave_T: Tensor, extractor: Any) -> Tensor:
    """Return the picture (M, T) of a sound; where it ends early, its last column is silence."""
    # All columns after two windows of silence are alike: they are added batch by batch.
    heard = -(-(len(wave_T) + 2 * _WINDOW) // _HOP) * _HOP
    length = min(extractor.n_samples, heard)
    found = extractor(wave_T.numpy(), sampling_rate=RATE, padding="max_length", max_length=length)
    return torch.from_numpy(found["input_features"][0])


def padded_picture(picture_MT: Tensor, columns: int, silence: float) -> Tensor:
    """Return a picture of a whole window: silence goes on to its end."""
    return functional.pad(picture_MT, (0, columns - picture_MT.shape[1]), value=silence)


def prompt_of(tokenizer: "PreTrainedTokenizerBase", language: str | None) -> list[int]:
    """Return the tokens that every text begins with: that it begins, its language, no times.

    Raises:
        RunError: the tokenizer does not know one of them.
    """
    names = [_START, *([f"<|{language}|>", "<|transcribe|>"] if language else []), _NO_TIMES]
    return [token_of(tokenizer, name) for name in names]


def end_of(tokenizer: "PreTrainedTokenizerBase") -> int:
    """Return the token that every text ends with."""
    return token_of(tokenizer, _END)


def token_of(tokenizer: "PreTrainedTokenizerBase", name: str) -> int:
    """Return the number of a token with a meaning of its own.

    Raises:
        RunError: the tokenizer does not know it.
    """
    known = tokenizer.get_vocab()
    if name not in known:
        raise RunError(FailureCode.BASE_INVALID, f"The tokenizer of the base has no {name}.")
    return int(known[name])


def encode_transcripts(
    tokenizer: "PreTrainedTokenizerBase", texts: Sequence[str], prompt: Sequence[int]
) -> list[Tensor]:
    """Return the tokens of transcripts, from the prompt to the end."""
    end = end_of(tokenizer)
    # Whisper writes a space before the first word.
    found = tokenizer([f" {text.strip()}" for text in texts], add_special_tokens=False)
    return [torch.tensor([*prompt, *row, end]) for row in found["input_ids"]]


@dataclass
class Dictated:
    """What was said in the recordings of a batch; tokens (B, T) of no interest are `UNSEEN`."""

    texts: list[str]
    tokens_BT: Tensor


@dataclass
class DictationSplit:
    """Pictures with the tokens of what is said; each token is guessed from those before it.

    `columns` is the width of a picture, `prompt` the number of tokens that are given, and `first`
    the number of the first recording: no two recordings of a run share one.
    """

    pictures: Sequence[Tensor]
    texts: Sequence[str]
    tokens: Sequence[Tensor]
    names: Sequence[str]
    columns: int
    prompt: int
    first: int
    augment: bool
    device: torch.device

    def __post_init__(self) -> None:
        self.labels: Tensor | None = None
        self.lengths: Tensor | None = torch.tensor([len(row) for row in self.tokens])
        self._plain = [plain_words(text) for text in self.texts]

    def __len__(self) -> int:
        return len(self.names)

    def targets(self, indices: Tensor) -> Dictated:
        """Return what is said, with the tokens to guess."""
        places = indices.tolist()
        rows = [self.tokens[place][1:].clone() for place in places]
        for row in rows:
            row[: self.prompt - 1] = UNSEEN
        return Dictated(
            [self._plain[place] for place in places], stacked(rows, UNSEEN, self.device)
        )

    def take(self, indices: Tensor, *, train: bool) -> Batch:
        """Return pictures and the tokens before each to guess; bands are hidden if asked."""
        places = indices.tolist()
        changed = train and self.augment
        pictures = [self._picture(place, changed) for place in places]
        before = [self.tokens[place][:-1] for place in places]
        inputs: dict[str, Any] = {
            "pictures": torch.stack(pictures).to(self.device),
            # What stands behind the end is never looked at, whatever it is.
            "tokens": stacked(before, int(self.tokens[0][-1]), self.device),
        }
        if not changed:
            inputs["recordings"] = indices + self.first
        return Batch(inputs, self.targets(indices), len(places))

    def _picture(self, place: int, changed: bool) -> Tensor:  # noqa: FBT001 - private
        found = self.pictures[place]
        # Bands are hidden of what was said only: silence fills most of a window.
        shown = spec_augmented(found[None])[0] if changed else found
        return padded_picture(shown, self.columns, float(found[0, -1]))
