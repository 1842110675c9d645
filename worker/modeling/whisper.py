"""Whisper reads a picture of sound and writes down, token by token, what is said."""

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import JsonValue
from torch import Tensor, nn

from worker.contract.bases import PinnedBase
from worker.modeling.groups import HEAD, Group
from worker.modeling.language import build_language
from worker.modeling.network import Network

# Two convolutions make one position of two columns of the picture.
COLUMNS_PER_POSITION = 2
POSITIONS_PER_SECOND = 50
_KIND = "AutoModelForSpeechSeq2Seq"
_POSITIONS = "model.encoder.embed_positions"
# The scores of tokens are the embeddings again: they are one tensor.
_TOKENS = "model.decoder.embed_tokens"
# What the encoder made of recordings is kept up to this size.
_KEPT_BYTES = 2 * 1024**3


def build_whisper(base: PinnedBase, weights: Path | None, seed: int, positions: int) -> Network:
    """Return a Whisper that hears `positions` fiftieths of a second at a time.

    Raises:
        RunError: the weights do not fit.
    """
    # Masks of its own would come on top of the recipe's; old configs force tokens in two places.
    config: dict[str, JsonValue] = {"apply_spec_augment": False, "forced_decoder_ids": None}
    network = build_language(base, _KIND, weights, seed, keeps_head=True, config=config)
    _hear_no_longer_than(network.module, positions)
    network.groups = divide_whisper(network.module)
    return network


def _hear_no_longer_than(module: Any, positions: int) -> None:
    """Keep the first positions of the encoder, as a buffer: waves that are never learned."""
    places = module.get_submodule(_POSITIONS)
    kept = places.weight.detach()[:positions].clone()
    del places.weight
    places.register_buffer("weight", kept)
    places.num_embeddings = len(kept)
    module.config.max_source_positions = len(kept)


def divide_whisper(module: nn.Module) -> list[Group]:
    """Return the groups: what hears, block by block, then what writes; the tokens are the head."""
    found: dict[str, list[str]] = {}
    for name, _ in module.named_parameters():
        found.setdefault(_group_of(name), []).append(name)
    head = found.pop(HEAD, [])
    return [*(Group(key, tuple(names)) for key, names in found.items()), Group(HEAD, tuple(head))]


def _group_of(name: str) -> str:
    """Return `encoder.stem`, `encoder.layer.0` and so on; a norm belongs to the last block."""
    if name.startswith((f"{_TOKENS}.", "proj_out.")):
        return HEAD
    _, side, part, *rest = name.split(".")
    if part == "layers":
        return f"{side}.layer.{rest[0]}"
    return f"{side}.norm" if part == "layer_norm" else f"{side}.stem"


class Listener:
    """Runs a Whisper; what a frozen encoder makes of a recording is computed once.

    It holds as long as nothing in the encoder changes and the recording is always the same.
    """

    def __init__(self) -> None:
        self._kept: dict[Hashable, Tensor] = {}
        self._state: Hashable = None
        self._bytes = 0

    def heard(self, module: Any, pictures_BMT: Tensor, recordings: Sequence[int] | None) -> Tensor:
        """Return what the encoder makes of pictures (B, S, D).

        Args:
            module: the Whisper.
            pictures_BMT: the pictures.
            recordings: a number for each, its own; None where pictures differ from time to time.
        """
        encoder = module.model.encoder
        if recordings is None or any(part.requires_grad for part in encoder.parameters()):
            states_BSD: Tensor = encoder(pictures_BMT).last_hidden_state
            return states_BSD
        self._forget_what_changed(encoder, pictures_BMT.device)
        missing = [row for row, number in enumerate(recordings) if number not in self._kept]
        fresh: dict[int, Tensor] = {}
        if missing:
            with torch.no_grad():
                made = encoder(pictures_BMT[missing]).last_hidden_state
            fresh = {recordings[row]: made[place] for place, row in enumerate(missing)}
            self._keep(fresh)
        return torch.stack([fresh[n] if n in fresh else self._kept[n] for n in recordings])

    def _forget_what_changed(self, encoder: nn.Module, device: torch.device) -> None:
        tensors = (*encoder.parameters(), *encoder.buffers())
        numbers = torch.get_autocast_dtype(device.type) if _is_mixed(device) else None
        # A tensor counts the writes to it.
        state = (numbers, *((part.data_ptr(), part._version) for part in tensors))  # noqa: SLF001 - torch's own, in no public form
        if state != self._state:
            self._kept.clear()
            self._state, self._bytes = state, 0

    def _keep(self, fresh: dict[int, Tensor]) -> None:
        for number, states_SD in fresh.items():
            size = states_SD.numel() * states_SD.element_size()
            if self._bytes + size <= _KEPT_BYTES:
                # A copy: a view would hold the whole batch.
                self._kept[number] = states_SD.clone()
                self._bytes += size


def _is_mixed(device: torch.device) -> bool:
    return torch.is_autocast_enabled(device.type)


@torch.no_grad()
def write_greedily(
    module: Any, states_BSD: Tensor, prompt: Sequence[int], rules: "WritingRules"
) -> list[list[int]]:
    """Return the best token after the other for what was heard, until each row has ended.

    Args:
        module: the Whisper.
        states_BSD: what its encoder made of the recordings.
        prompt: the tokens that every text begins with; they are not returned.
        rules: what is never written, what ends a text, and how long one may be.
    """
    last_BT = torch.tensor([list(prompt)] * len(states_BSD), device=states_BSD.device)
    rows: list[Tensor] = []
    ended_B = torch.zeros(len(states_BSD), dtype=torch.bool, device=states_BSD.device)
    cache = None
    for place in range(rules.most):
        output = module(
            encoder_outputs=(states_BSD,),
            decoder_input_ids=last_BT,
            past_key_values=cache,
            use_cache=True,
        )
        cache = output.past_key_values
        best_B = rules.allowed(output.logits[:, -1].float(), first=place == 0).argmax(1)
        best_B = best_B.masked_fill(ended_B, rules.end)
        rows.append(best_B)
        ended_B |= best_B == rules.end
        if bool(ended_B.all()):
            break
        last_BT = best_B[:, None]
    return [_until(row, rules.end) for row in torch.stack(rows, dim=1).tolist()]


def _until(tokens: list[int], end: int) -> list[int]:
    return tokens[: tokens.index(end)] if end in tokens else tokens


class WritingRules:
    """What is never written, `end` that ends a text, and the `most` tokens of one."""

    def __init__(
        self, end: int, most: int, never: Sequence[int] = (), not_first: Sequence[int] = ()
    ) -> None:
        self.end, self.most = end, most
        self.never, self.not_first = sorted(set(never)), sorted(set(not_first))

    def allowed(self, scores_BV: Tensor, *, first: bool) -> Tensor:
        """Return scores in which what must not be written is never the best."""
        refused = [*self.never, *(self.not_first if first else [])]
        scores_BV = scores_BV.clone()
        scores_BV[:, refused] = float("-inf")
        return scores_BV
