"""Adapters of peft inside of a network: put in, kept apart from it, and merged at the end."""

import json
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pydantic import JsonValue
from safetensors.torch import save_file
from torch import nn

from worker.contract.adapters import ADAPTER, Adapter
from worker.contract.bases import PinnedBase
from worker.contract.failures import FailureCode, RunError
from worker.contract.plan import Plan
from worker.modeling.groups import HEAD, Group
from worker.modeling.network import Network

ADAPTER_FOLDER = "adapter"
_NAME = "default"
_PARTS = ("lora_", "ia3_")
_BASE_LAYER = ".base_layer."
_PREFIX = "base_model.model."
# Networks that peft's own tables do not name.
_MORE_TARGETS = {"whisper": ("q_proj", "v_proj")}
# peft's words for what a network does.
_TASK_TYPES = {
    "text-classification": "SEQ_CLS",
    "token-classification": "TOKEN_CLS",
    "question-answering": "QUESTION_ANS",
    "text-generation": "CAUSAL_LM",
}


def add_adapter(network: Network, adapter: Adapter, base: PinnedBase, seed: int) -> None:
    """Put an adapter beside the layers of a network; what it computes stays the same for now.

    Raises:
        RunError: no layer fits.
    """
    if adapter.type == "bitfit":
        return
    import torch
    from peft import inject_adapter_in_model

    torch.manual_seed(seed)
    targets = _targets(network, adapter, base)
    try:
        inject_adapter_in_model(_config(adapter, targets, base), network.module)
    except ValueError as error:
        reason = f"model.adapter: {str(error).splitlines()[0]}"
        raise RunError(FailureCode.RECIPE_INVALID, reason) from error
    network.groups = _regrouped(network)


def adapter_names(module: nn.Module) -> set[str]:
    """Return the names of an adapter's own parameters; of a plain network, its biases."""
    names = [name for name, _ in module.named_parameters()]
    own = {name for name in names if _is_own(name)}
    return own or {name for name in names if name.endswith(".bias")}


def _is_own(name: str) -> bool:
    return any(part.startswith(_PARTS) for part in name.split("."))


def _targets(network: Network, adapter: Adapter, base: PinnedBase) -> list[str]:
    """Return the full names of the layers that get an adapter."""
    body = [
        name
        for name, part in network.module.named_modules()
        if isinstance(part, nn.Linear | nn.Conv2d) and not _in(name, network.head_path)
    ]
    linear = [name for name in body if isinstance(network.module.get_submodule(name), nn.Linear)]
    asked = adapter.target_modules or _usual_targets(adapter, base.architecture)
    chosen = [name for name in body if any(_fits(name, pattern) for pattern in asked)]
    if not asked:
        chosen = linear
    if not chosen:
        shown = ", ".join(sorted({name.rpartition(".")[2] for name in linear})) or "none"
        raise RunError(
            FailureCode.RECIPE_INVALID,
            f"model.adapter: no layer fits; linear layers of this network end in: {shown}.",
        )
    return chosen


def _usual_targets(adapter: Adapter, architecture: str) -> tuple[str, ...]:
    """Return what peft takes for an architecture of transformers; nothing for others."""
    from peft.utils import constants

    low_rank = constants.TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING
    factors = constants.TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING
    known: Mapping[str, Sequence[str]] = factors if adapter.type == "ia3" else low_rank
    return tuple(known.get(architecture, _MORE_TARGETS.get(architecture, ())))


def _fits(name: str, pattern: str) -> bool:
    return name == pattern or name.endswith(f".{pattern}") or fnmatchcase(name, pattern)


def _in(name: str, path: str) -> bool:
    return name == path or name.startswith(f"{path}.")


def _config(adapter: Adapter, targets: list[str], base: PinnedBase) -> Any:
    import peft

    common: dict[str, Any] = {"target_modules": targets, "base_model_name_or_path": base.repo}
    if adapter.type == "ia3":
        known = peft.utils.constants.TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING
        ends = tuple(known.get(base.architecture, ()))
        inner = [name for name in targets if name.endswith(ends)] if ends else []
        return peft.IA3Config(**common, feedforward_modules=inner)
    return peft.LoraConfig(
        **common,
        r=adapter.r,
        lora_alpha=adapter.lora_alpha,
        lora_dropout=adapter.lora_dropout,
        use_dora=adapter.type == "dora",
    )


def _regrouped(network: Network) -> list[Group]:
    """Return the groups with the new names; an adapter belongs to the group of its layer."""
    names = [name for name, _ in network.module.named_parameters()]
    plain = {name.replace(_BASE_LAYER, "."): name for name in names}
    owner = {name: group.name for group in network.groups for name in group.names}
    layers = {name.rpartition(".")[0]: group for name, group in owner.items()}
    found: dict[str, list[str]] = {group.name: [] for group in network.groups}
    for old, name in plain.items():
        group = owner.get(old) or layers[_layer_of(name)]
        found[group].append(name)
    return [Group(name, tuple(members)) for name, members in found.items()]


def _layer_of(name: str) -> str:
    parts = name.split(".")
    first = next(place for place, part in enumerate(parts) if part.startswith(_PARTS))
    return ".".join(parts[:first])


def _beside(network: Network, plan: Plan) -> set[str]:
    """Return what was trained besides the adapter: the new head, and whole groups like a pooler."""
    named = {part for stage in plan.recipe.stages for part in stage.train} - {ADAPTER}
    if plan.recipe.spec.keeps_head:
        named -= {HEAD}
    names = {name for group in network.groups if group.name in named for name in group.names}
    return {name for name in names if _BASE_LAYER not in name and not _is_own(name)}


def save_adapter(folder: Path, network: Network, adapter: Adapter, plan: Plan) -> None:
    """Write an adapter and what trained beside it into a folder that plain peft reads.

    Biases (bitfit) are no adapter of peft: they are written under their own names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = adapter_names(network.module) | _beside(network, plan)
    tensors = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in network.module.named_parameters()
        if name in wanted
    }
    if adapter.type == "bitfit":
        save_file(tensors, folder / "biases.safetensors", metadata={"format": "pt"})
        return
    named = {f"{_PREFIX}{_saved(name)}": tensor for name, tensor in tensors.items()}
    save_file(named, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    _write_config(folder, network, adapter, plan)


def _saved(name: str) -> str:
    """Return the name that peft gives a tensor in files: without that of the adapter."""
    return name.replace("lora_magnitude_vector.default.weight", "lora_magnitude_vector").replace(
        f".{_NAME}", ""
    )


def _write_config(folder: Path, network: Network, adapter: Adapter, plan: Plan) -> None:
    layers = [
        name.replace(_BASE_LAYER, ".").removesuffix(".weight")
        for name, _ in network.module.named_parameters()
        if _BASE_LAYER in name and name.endswith(".weight")
    ]
    config = _config(adapter, sorted(layers), plan.base)
    config.inference_mode = True
    config.task_type = _TASK_TYPES.get(plan.recipe.task)
    # peft keeps whole modules: the innermost ones around what was trained.
    beside = {name.rpartition(".")[0] for name in _beside(network, plan)}
    config.modules_to_save = sorted(beside) or None
    values: dict[str, JsonValue] = {
        key: sorted(value) if isinstance(value, set) else value
        for key, value in config.to_dict().items()
    }
    text = json.dumps(values, indent=2, ensure_ascii=False, default=str) + "\n"
    (folder / "adapter_config.json").write_text(text, encoding="utf-8")


def merge_adapter(network: Network) -> None:
    """Add an adapter's change to the layers themselves and take the adapter out."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    module = network.module
    tuned = [(name, part) for name, part in module.named_modules() if _is_tuned(part)]
    for name, part in tuned:
        assert isinstance(part, BaseTunerLayer)  # noqa: S101 - _is_tuned() says so
        part.merge()
        _put(module, name, part.get_base_layer())
    network.groups = [
        Group(
            group.name,
            tuple(name.replace(_BASE_LAYER, ".") for name in group.names if not _is_own(name)),
        )
        for group in network.groups
    ]


def _is_tuned(part: nn.Module) -> bool:
    from peft.tuners.tuners_utils import BaseTunerLayer

    return isinstance(part, BaseTunerLayer)


def _put(module: nn.Module, name: str, part: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(module.get_submodule(parent), last, part)


def keep_adapter(network: Network, plan: Plan, folder: Path, say: Callable[[str], None]) -> None:
    """Write the trained adapter into a result's folder, and merge it into the network."""
    adapter, place = plan.recipe.model.adapter, folder / ADAPTER_FOLDER
    if adapter is None:
        return
    save_adapter(place, network, adapter, plan)
    if adapter.type != "bitfit":
        merge_adapter(network)
    size = sum(file.stat().st_size for file in place.iterdir())
    say(f"The adapter alone is {size / 1000:,.0f} kB; it is merged into the weights.")
