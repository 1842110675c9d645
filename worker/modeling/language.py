"""Networks of transformers: built from a pinned config, their own weights put in, divided."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import JsonValue
from torch import Tensor, nn

from worker.contract.bases import PinnedBase
from worker.contract.failures import FailureCode, RunError
from worker.contract.recipe import Head, Stem
from worker.modeling.groups import HEAD, Group
from worker.modeling.network import Network
from worker.modeling.weights import read_weights

_BLOCK = re.compile(r"(?:^|\.)(?:layers?|h|blocks?|block)\.(\d+)\.")
_HEADS = (
    *("classifier", "score", "qa_outputs", "lm_head", "cls", "classification_head"),
    "proj_out",
    *("vocab_projector", "predictions", "generator_lm_head", "logits_proj", "qa_classifier"),
)
# Layers in front of the last one that are as new as it is.
_BEFORE_HEADS = (
    *("pre_classifier", "vocab_transform", "vocab_layer_norm", "generator_predictions"),
    *("sequence_summary", "mask_predictions"),
)
# How configs call the share of attention that is dropped in training.
_ATTENTION_DROPOUT = ("attention_probs_dropout_prob", "attention_dropout", "attn_pdrop")
# Keys that would make transformers run code from a repository, or fetch kernels from a hub.
_CODE_KEYS = (
    "auto_map",
    "custom_pipelines",
    "quantization_config",
    "attn_implementation",
    "_attn_implementation",
    "experts_implementation",
    "_experts_implementation",
)


def build_language(
    base: PinnedBase,
    kind: str,
    weights: Path | None,
    seed: int,
    *,
    keeps_head: bool,
    config: Mapping[str, JsonValue],
) -> Network:
    """Return a network of transformers, in fp32 and without dropout inside of attention.

    Args:
        base: the pinned base; its `config` is the repository's config.json.
        kind: the class that gives it a head, such as `AutoModelForSequenceClassification`.
        weights: the file with the base's weights; None for random ones.
        seed: of the new head's weights.
        keeps_head: whether the base's own head is put in where it fits, or a new one is wanted.
        config: values of the config to change, such as `id2label`.

    Raises:
        RunError: the architecture is not known, or the weights do not fit it.
    """
    import transformers
    from huggingface_hub.errors import StrictDataclassError

    values = {key: value for key, value in base.config.items() if key not in _CODE_KEYS}
    values |= dict.fromkeys(attention_dropouts(base), 0.0) | {"dtype": "float32"}
    values.pop("torch_dtype", None)
    name = values.pop("model_type", base.architecture)
    torch.manual_seed(seed)
    try:
        settings = transformers.AutoConfig.for_model(str(name), **{**values, **config})
        module: nn.Module = getattr(transformers, kind).from_config(settings)
    except (ValueError, KeyError, TypeError, StrictDataclassError) as error:
        raise RunError(
            FailureCode.BASE_INVALID, f"{base.repo} cannot be built as {kind}: {error}."
        ) from error
    if base.weights == "pretrained":
        if weights is None:
            raise RunError(FailureCode.BASE_NOT_FOUND, f"There are no weights for {base.repo}.")
        tensors = read_weights(weights)
        if not keeps_head:
            tensors = {name: part for name, part in tensors.items() if not _in_head(name)}
        load_backbone(module, tensors, weights.name)
    head = language_head(module)
    return Network(module, head, divide_language(module, head), Head(), Stem(), [])


def attention_dropouts(base: PinnedBase) -> list[str]:
    """Return the keys of a base's config that drop attention; fused kernels do not support it."""
    values = {key: base.config.get(key) for key in _ATTENTION_DROPOUT}
    return [key for key, value in values.items() if isinstance(value, int | float) and value > 0]


def config_of(module: nn.Module) -> dict[str, JsonValue]:
    """Return the config.json of a network of transformers."""
    config: Any = module.config
    values: dict[str, JsonValue] = config.to_dict()
    return values


def load_backbone(module: nn.Module, tensors: dict[str, Tensor], source: str) -> None:
    """Put weights into a network; only its head may stay as it is, and only a head be left over.

    Raises:
        RunError: a part of the backbone is missing or has another shape.
    """
    own = module.state_dict()
    prefix = f"{getattr(module, 'base_model_prefix', '')}."
    inside = any(name.startswith(prefix) for name in tensors)
    named = {
        name if inside or name in own else f"{prefix}{name}": tensor.float()
        for name, tensor in tensors.items()
    }
    fitting = {
        name: tensor
        for name, tensor in named.items()
        if name in own and (own[name].shape == tensor.shape or not _in_head(name))
    }
    wrong = [name for name, tensor in fitting.items() if own[name].shape != tensor.shape]
    missing = [
        name for name in dict(module.named_parameters()) if name not in fitting and _is_body(name)
    ]
    if wrong or missing:
        name = (wrong or missing)[0]
        raise RunError(FailureCode.BASE_INVALID, f"{source} has no {name} that fits.")
    module.load_state_dict(fitting, strict=False)


def _in_head(name: str) -> bool:
    return any(part in _HEADS or part in _BEFORE_HEADS for part in name.split("."))


def _is_body(name: str) -> bool:
    # A pooler is often left out of checkpoints; like a head it is then new.
    return not _in_head(name) and "pooler" not in name.split(".")


def language_head(module: nn.Module) -> str:
    """Return the path of the part that is new for the task.

    Raises:
        RunError: the network has no head that is known.
    """
    for name in _HEADS:
        if isinstance(getattr(module, name, None), nn.Module):
            return name
    raise RunError(FailureCode.BASE_INVALID, "The network has no head that is known.")


def divide_language(module: nn.Module, head: str) -> list[Group]:
    """Return the groups from the embeddings over every block to the head."""
    blocks: dict[str, list[str]] = {}
    last = ""
    for name, _ in module.named_parameters():
        found = _BLOCK.search(name)
        if name.startswith(f"{head}.") or name.split(".")[0] in _BEFORE_HEADS:
            key = HEAD
        elif found:
            key = last = f"layer.{found[1]}"
        else:
            key = _plain_part(name, last)
        blocks.setdefault(key, []).append(name)
    head_names = tuple(blocks.pop(HEAD, ()))
    return [*(Group(key, tuple(names)) for key, names in blocks.items()), Group(HEAD, head_names)]


def _plain_part(name: str, last: str) -> str:
    """Name what is no block: the pooler, what comes before the blocks, and a norm after them."""
    if "pooler" in name.split("."):
        return "pooler"
    return last or "embeddings"
