"""The part of a network that stands still, and the part behind it that learns."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from worker.modeling.cutting import Cut, changes_output, cut_network
from worker.modeling.folding import folded
from worker.modeling.network import Network

Forward = Callable[[nn.Module, Any], Any]


class Front(Protocol):
    """What lies before the first part that moves: it gives each sample the same in every pass.

    `tail` is the rest; its output on what the front gives is the network's.
    """

    @property
    def name(self) -> str: ...

    @property
    def tail(self) -> nn.Module: ...

    def run(self, inputs: Any) -> Tensor | None:
        """Return what the tail is given, None where that is not one tensor."""

    def run_fast(self, inputs: Any) -> Tensor | None:
        """Return the same up to rounding, in the least time."""

    def tensors(self) -> dict[str, Tensor]:
        """Return everything the front computes with."""


@dataclass
class _CutFront:
    """A front that can run alone."""

    cut: Cut

    @cached_property
    def _fast(self) -> nn.Module:
        """A copy that rounds otherwise, made where features are not there yet."""
        return folded(self.cut.prefix) or self.cut.prefix

    @property
    def name(self) -> str:
        """Its last operation."""
        return self.cut.name

    @property
    def tail(self) -> nn.Module:
        """What lies behind it."""
        return self.cut.tail

    def run(self, inputs: Any) -> Tensor | None:
        """Run it alone."""
        given = self.cut.prefix(inputs)
        return given if isinstance(given, Tensor) else None

    def run_fast(self, inputs: Any) -> Tensor | None:
        """Run its copy."""
        given = self._fast(inputs)
        return given if isinstance(given, Tensor) else None

    def tensors(self) -> dict[str, Tensor]:
        """Return its weights and statistics."""
        return self.cut.frozen_tensors()


@dataclass
class _HeadFront:
    """Everything in front of the head, in a network whose operations cannot be listed."""

    network: Network
    forward: Forward

    @property
    def name(self) -> str:
        """Where it ends."""
        return self.network.head_path

    @property
    def tail(self) -> nn.Module:
        """The head."""
        return self.network.head_module

    def run(self, inputs: Any) -> Tensor | None:
        """Run the whole network and keep what the head was given."""
        caught: list[Any] = []
        handle = self.tail.register_forward_pre_hook(lambda _, values: caught.append(values))
        try:
            self.forward(self.network.module, inputs)
        finally:
            handle.remove()
        if len(caught) != 1 or len(caught[0]) != 1 or not isinstance(caught[0][0], Tensor):
            return None
        return caught[0][0].clone()

    def run_fast(self, inputs: Any) -> Tensor | None:
        """Run it as it is."""
        return self.run(inputs)

    def tensors(self) -> dict[str, Tensor]:
        """Return all weights but the head's."""
        prefix = f"{self.network.head_path}."
        state = self.network.module.state_dict()
        return {name: state[name] for name in sorted(state) if not name.startswith(prefix)}


def front_of(network: Network, forward: Forward) -> Front | None:
    """Return what stands still in front of everything that moves; None where nothing does.

    Args:
        network: frozen and set to the modes of a stage.
        forward: runs a module on the inputs of a batch.
    """
    cut = cut_network(network.module)
    if cut is not None:
        return _CutFront(cut)
    return _HeadFront(network, forward) if _is_only_head(network) else None


def why_moving(network: Network) -> str:
    """Return which frozen layer differs from pass to pass all the same; empty if none does."""
    for name, part in network.module.named_modules():
        parameters = list(part.parameters())
        is_frozen = bool(parameters) and not any(one.requires_grad for one in parameters)
        if is_frozen and part.training and changes_output(part):
            return str(name)
    return ""


def _is_only_head(network: Network) -> bool:
    prefix = f"{network.head_path}."
    body = [(n, p) for n, p in network.module.named_parameters() if not n.startswith(prefix)]
    if any(parameter.requires_grad for _, parameter in body):
        return False
    head = set(network.head_module.modules())
    moving = (part for part in network.module.modules() if part not in head and part.training)
    return not any(changes_output(part) for part in moving)


def digest_of(front: Front) -> str:
    """Return what a front computes with as one number: equal fronts give equal features."""
    found = hashlib.blake2b(front.name.encode(), digest_size=16)
    for name, tensor in front.tensors().items():
        found.update(name.encode())
        plain = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        found.update(plain.numpy().tobytes())
    return found.hexdigest()
