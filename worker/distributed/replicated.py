"""DDP: every process holds all weights; gradients are exchanged while they are computed."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from worker.distributed.norms import part_norms, share_norms
from worker.distributed.strategy import Strategy

T = TypeVar("T")


class Replicated(Strategy):
    """Each process trains a copy of the network; the process group must have been joined."""

    name = "ddp"

    def __init__(self) -> None:
        self.rank = distributed.get_rank()
        self.world = distributed.get_world_size()
        self._counts, self._is_apart = True, False
        self._norms: list[nn.Module] = []

    def wrap(self, module: nn.Module) -> nn.Module:
        """Return the network with an exchange of gradients for what trains now.

        It lists the trained parameters once, so every stage needs its own: with that of the stage
        before, what thaws later would silently drift apart.
        """
        self._share_norms(module)
        return DistributedDataParallel(
            module,
            # A layer that the task does not ask, such as a pooler, gets no gradient.
            find_unused_parameters=True,
            # Statistics are kept over all processes, so buffers are equal as they are.
            forward_sync_buffers=False,
            gradient_as_bucket_view=True,
        )

    def _share_norms(self, module: nn.Module) -> None:
        self._norms = share_norms(module, lambda: self._counts)

    def unwrap(self, module: nn.Module) -> None:
        """Take the shared statistics out again; the exchange ends with its last reference."""
        del module
        part_norms(self._norms)
        self._norms = []

    def finish(self, module: nn.Module, device: torch.device) -> None:
        """Leave the others; every copy is whole."""
        del module, device
        self._leave()

    def _leave(self) -> None:
        self.wait()
        distributed.destroy_process_group()
        self._is_apart = True

    def slice(self, part: Tensor) -> tuple[Tensor, bool]:
        """Return this process's share of a part of a batch; shares differ by one sample at most."""
        own = part.tensor_split(self.world)[self.rank]
        self._counts = len(own) > 0
        return (own if self._counts else part[:1]), self._counts

    @contextmanager
    def exchanging(self, module: nn.Module, *, now: bool) -> Iterator[None]:
        """Exchange gradients in a block, or add them up here until the last one."""
        if now or not isinstance(module, DistributedDataParallel):
            yield
            return
        with module.no_sync():
            yield

    def total(self, values: tuple[float, ...]) -> tuple[float, ...]:
        """Return the sums, added in the order of the processes so that no bit differs."""
        if self._is_apart:
            return values
        own = torch.tensor(values, dtype=torch.float64)
        everyone = [torch.empty_like(own) for _ in range(self.world)]
        distributed.all_gather(everyone, own)
        return tuple(torch.stack(everyone).sum(dim=0).tolist())

    def same(self, value: T) -> T:
        """Return the main process's value."""
        if self._is_apart:
            return value
        box: list[Any] = [value]
        distributed.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        told: T = box[0]
        return told

    def collect(self, value: T) -> list[T]:
        """Return the values of all processes in their order."""
        if self._is_apart:
            return [value]
        boxes: list[Any] = [None] * self.world
        distributed.all_gather_object(boxes, value)
        return boxes

    def wait(self) -> None:
        """Wait until every process is here."""
        self.total((0.0,))

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Agree on nothing in a block."""
        self._is_apart = True
        try:
            yield
        finally:
            self._is_apart = False

    def in_turn(self, work: Callable[[], T | None]) -> T | None:
        """Do work in the main process first, then in the others."""
        with self.apart():
            done = work() if self.is_main else None
        self.wait()
        with self.apart():
            done = done if self.is_main else work()
        return None if self.any((done is None,))[0] else done

    def differs(self, module: nn.Module) -> bool:
        """Return whether the copies of the processes are not equal bit for bit."""
        return len(set(self.collect(_digest(module.state_dict())))) > 1


def _digest(state: dict[str, Tensor]) -> str:
    found = hashlib.blake2b(digest_size=16)
    for tensor in state.values():
        found.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
