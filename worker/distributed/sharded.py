"""FSDP2: every process holds a part of each weight, and of what the optimizer keeps for it."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from worker.distributed import tensors
from worker.distributed.blocks import blocks_of
from worker.distributed.replicated import Replicated


class Sharded(Replicated):
    """The network is divided once; what trains may change from stage to stage in place."""

    name = "fsdp2"
    holds_all = False

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self._mesh = init_device_mesh(device.type, (self.world,))
        self._plain: nn.Module | None = None

    def prepare(self, module: nn.Module) -> None:
        """Divide the weights of the blocks, then of what lies around them."""
        if self.is_main:
            self._plain = copy.deepcopy(module)
        for block in blocks_of(module):
            fully_shard(block, mesh=self._mesh)
        # Else what lies around the blocks would stay whole after measuring, and go stale.
        fully_shard(module, mesh=self._mesh, reshard_after_forward=True)

    def wrap(self, module: nn.Module) -> nn.Module:
        """Return the network itself: it looks up what trains at every step."""
        self._share_norms(module)
        return module

    def finish(self, module: nn.Module, device: torch.device) -> None:
        """Leave the others; in the main process the same object holds a plain network again."""
        weights = self.whole_state(module)
        self._leave()
        if self._plain is not None:
            self._plain.load_state_dict(weights)
            # Tasks hold on to the object, so its inside is changed, not the object.
            module.__class__, module.__dict__ = type(self._plain), self._plain.__dict__
            module.to(device)

    @contextmanager
    def exchanging(self, module: nn.Module, *, now: bool) -> Iterator[None]:
        """Exchange the gradients of every part: adding them up here would need them whole."""
        del module, now
        yield

    def differs(self, module: nn.Module) -> bool:
        """Return whether what is not divided, the buffers, differs."""
        return len(set(self.collect(_buffers(module)))) > 1

    def whole(self, tensors_by_name: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return copies of tensors, put together from all processes, on the CPU."""
        return {name: tensors.whole(tensor) for name, tensor in tensors_by_name.items()}

    def load(self, module: nn.Module, weights: Mapping[str, Tensor]) -> None:
        """Write whole weights into the network, each process its part."""
        tensors.fill(module, weights)

    def whole_moments(self, state: dict[str, Any]) -> dict[str, Any]:
        """Return an optimizer's state, put together from all processes."""
        whole: dict[str, Any] = tensors.whole_values(state)
        return whole

    def moments(self, state: dict[str, Any], parameters: list[nn.Parameter]) -> dict[str, Any]:
        """Return an optimizer's whole state, divided as the parameters are."""
        return tensors.moments_like(state, parameters)

    def part(self, full: Tensor, target: Tensor) -> Tensor:
        """Return this process's part of a whole tensor, divided as another one is."""
        return tensors.part_of(full, target)


def _buffers(module: nn.Module) -> tuple[float, ...]:
    return tuple(float(buffer.double().sum()) for buffer in module.buffers())
