"""Networks of transformers that compute texts without their padding, each text on its own.

The blocks of the network get the tokens of all texts of a batch in one row; before the first and
after the last block everything is as transformers has it, so heads and losses notice nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.hooks import RemovableHandle

from worker.modeling.sequences import Sequences

_NAME = "texts_in_one_row"
_BLOCKS = frozenset({"layer", "layers", "h", "block", "blocks"})
# Kinds of attention in which a token does not see all of its text.
_WINDOWS = ("sliding_window", "local_attention", "attention_window", "attention_chunk_size")
_MASK_DIMS = 4
Hooked = tuple[tuple[Any, ...], dict[str, Any]]


def attention_in_row(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Return the attention (1, N, heads, size) of every token to its own text.

    Without texts in one row this is what transformers does. Attention itself drops nothing.
    """
    from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward

    sequences: Sequences | None = kwargs.pop(_NAME, None)
    if sequences is None:
        given: Any = sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
        return given[0], None
    times = query.shape[1] // key.shape[1]
    found = _by_text(
        [query, repeat_kv(key, times), repeat_kv(value, times)],
        sequences,
        is_causal=_is_causal(module, kwargs),
        scale=kwargs.get("scaling"),
    )
    if sequences.is_narrow:
        # Told to the layer behind, which runs again when blocks are computed twice.
        vars(module)[_NAME] = sequences
        row = found.new_zeros((1, query.shape[2], *found.shape[2:]))
        found = row.index_copy(1, sequences.firsts, found)
    return found, None


def _is_causal(module: nn.Module, kwargs: dict[str, Any]) -> bool:
    said = kwargs.get("is_causal")
    return bool(getattr(module, "is_causal", True) if said is None else said)


def _by_text(values: list[Tensor], sequences: Sequences, **settings: Any) -> Tensor:
    # Splitting, not slicing: the gradient of a slice is as large as the whole.
    queries, keys, others = (value.split(sequences.lengths, dim=2) for value in values)
    if sequences.is_narrow:
        queries = tuple(query[:, :, :1] for query in queries)
    attend = functional.scaled_dot_product_attention
    texts = zip(queries, keys, others, strict=True)
    return torch.cat([attend(q, k, v, **settings).transpose(1, 2) for q, k, v in texts], dim=1)


@dataclass
class Packing:
    """Lets a network compute texts in one row, from `install` to `remove`.

    With `is_narrow` the last block computes only the first token of each text behind attention,
    for heads that look at nothing else.
    """

    module: nn.Module
    blocks: list[nn.Module]
    is_narrow: bool = False
    _handles: list[RemovableHandle] = field(default_factory=list)
    _before: str = ""
    _current: Sequences | None = None

    def install(self) -> None:
        """Begin."""
        from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask
        from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

        ALL_ATTENTION_FUNCTIONS.register(_NAME, attention_in_row)
        ALL_MASK_ATTENTION_FUNCTIONS.register(_NAME, sdpa_mask)
        self._before = self._use(_NAME)
        self._handles = [
            self.module.register_forward_pre_hook(self._begin, with_kwargs=True),
            self.module.register_forward_hook(self._end, always_call=True),
            *(b.register_forward_pre_hook(self._enter, with_kwargs=True) for b in self.blocks),
            self.blocks[-1].register_forward_hook(self._leave),
        ]
        if self.is_narrow:
            attention, behind = _last_attention(self.blocks[-1])
            self._handles.append(behind.register_forward_pre_hook(partial(_narrow, attention)))

    def remove(self) -> None:
        """Leave the network as it was."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._use(self._before)

    def _use(self, name: str) -> str:
        """Set how attention is computed; return how it was before."""
        config: Any = self.module.config
        before = str(config._attn_implementation)  # noqa: SLF001 - there is no other way to read it
        config._attn_implementation = name  # noqa: SLF001 - nor to take any back as it was
        return before

    def _begin(self, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Hooked | None:
        mask, positions = kwargs.get("attention_mask"), kwargs.get("position_ids")
        # What goes on from tokens read before is one text a row, and has no padding to save.
        if kwargs.get("past_key_values") is not None or kwargs.get("use_cache"):
            return None
        if isinstance(mask, Tensor):
            self._current = Sequences.of_mask(mask)
            return args, {**kwargs, "attention_mask": None}
        if isinstance(positions, Tensor):
            self._current = Sequences.of_positions(positions)
        return None

    def _end(self, *_: object) -> None:
        self._current = None

    def _enter(self, block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._current is None:
            return None
        sequences = self._current
        if self.is_narrow and block is self.blocks[-1]:
            sequences = replace(sequences, is_narrow=True)
        values = [_packed(sequences, value) for value in args]
        named = {key: _packed(sequences, value) for key, value in kwargs.items()}
        device = values[0].device.type
        if torch.is_autocast_enabled(device):
            # Sums and norms between the products then take half the memory traffic as well.
            values[0] = values[0].to(torch.get_autocast_dtype(device))
        return tuple(values), {**named, _NAME: sequences}

    def _leave(self, _: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        del args
        if self._current is None:
            return None
        sequences = replace(self._current, is_narrow=self.is_narrow)
        if isinstance(output, tuple):
            return (sequences.unpack(output[0]), *output[1:])
        return sequences.unpack(output)


def _packed(sequences: Sequences, value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_packed(sequences, part) for part in value)
    if isinstance(value, Tensor) and value.ndim == _MASK_DIMS:
        return None  # a mask, which the row does not need
    return sequences.pack(value) if sequences.fits(value) else value


def _narrow(attention: nn.Module, _: nn.Module, args: tuple[Tensor, ...]) -> Any:
    """Keep the first token of each text of what a layer is given."""
    sequences: Sequences | None = vars(attention).pop(_NAME, None)
    if sequences is None:
        return None
    return tuple(values.index_select(1, sequences.firsts) for values in args)


def _last_attention(block: nn.Module) -> tuple[nn.Module, nn.Module]:
    """Return a block's attention and the layer that is given its result and its input."""
    return block.get_submodule("attention.self"), block.get_submodule("attention.output")


def can_narrow(blocks: list[nn.Module]) -> bool:
    """Return whether the last block is built as BERT's are."""
    names = {name for name, _ in blocks[-1].named_modules()}
    return {"attention.self", "attention.output.LayerNorm"} <= names


def blocks_of(module: nn.Module) -> list[nn.Module]:
    """Return the blocks of a network of transformers, or none where texts cannot be in one row."""
    config: Any = getattr(module, "config", None)
    if config is None or getattr(config, "is_encoder_decoder", False):
        return []
    if any(getattr(config, name, None) for name in _WINDOWS):
        return []
    lists = [
        part
        for name, part in module.named_modules()
        if isinstance(part, nn.ModuleList) and name.rpartition(".")[2] in _BLOCKS
    ]
    return list(lists[0]) if len(lists) == 1 else []


def try_packing(module: nn.Module, forward: Callable[[], Any], real_BT: Tensor) -> Packing | None:
    """Install what gives the same answers as the network itself, and return it; or None.

    Args:
        module: the network, in eval mode.
        forward: runs it on a few texts of several lengths.
        real_BT: which tokens of these texts are no padding.
    """
    blocks = blocks_of(module)
    if not blocks:
        return None
    expected = _tensors(forward())
    # Answers for each token need all of them.
    for_tokens = any(part.shape[:2] == real_BT.shape for part in expected)
    for is_narrow in (False,) if for_tokens or not can_narrow(blocks) else (True, False):
        packing = Packing(module, blocks, is_narrow)
        packing.install()
        try:
            if _agree(expected, _tensors(forward()), real_BT):
                return packing
        except (RuntimeError, TypeError, ValueError, LookupError, AttributeError):
            pass  # a network of another build; it runs as it is
        packing.remove()
    return None


def _tensors(output: Any) -> list[Tensor]:
    """Return the numbers of an output: a tensor, or what transformers and dictionaries hold."""
    parts = output.values() if isinstance(output, Mapping) else [output]
    return [part for part in parts if isinstance(part, Tensor)]


def _agree(expected: list[Tensor], found: list[Tensor], real_BT: Tensor) -> bool:
    if not expected or [part.shape for part in expected] != [part.shape for part in found]:
        return False
    pairs = zip(expected, found, strict=True)
    return all(_is_near(one, other, real_BT) for one, other in pairs)


def _is_near(one: Tensor, other: Tensor, real_BT: Tensor) -> bool:
    if one.shape[:2] == real_BT.shape:
        one, other = one[real_BT], other[real_BT]
    return torch.allclose(one, other, rtol=1e-3, atol=1e-4)
