"""What a frozen base sees in each sample: computed once for all that looks at it."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from worker.contract.base import digest
from worker.contract.failures import FailureCode, RunError
from worker.contract.inventory import FileFact
from worker.contract.plan import Plan
from worker.data.batches import Split
from worker.data.samples import Samples
from worker.modeling.heads import last_linear_path
from worker.modeling.network import Network, build_base
from worker.modeling.weights import load_weights, read_weights
from worker.task import Task
from worker.training.precision import Precision

_BATCH = 64
_TOKEN_DIMENSIONS = 3
# Only their own heads are known to be a linear layer over the same features.
_WITH_CLASSES = ("torchvision", "timm")


def feature_key(plan: Plan, facts: list[FileFact], precision: Precision) -> str:
    """Return the name of features: the same for equal weights, samples, size and numbers."""
    base = plan.base.model_dump(mode="json", exclude={"repo", "commit", "labels"})
    prepared = plan.preprocessing.model_dump(mode="json") if plan.preprocessing else None
    # Random weights are drawn from the seed; pretrained ones do not depend on it.
    seed = plan.recipe.reproducibility.seed if plan.base.weights == "random" else None
    samples = digest([[fact.key, fact.sha256] for fact in facts])
    device = precision.device.type
    return digest([base, prepared, seed, plan.data.tree_sha256, samples, precision.name, device])


def load_split(task: Task, samples: Samples) -> Split:
    """Return the samples as the task prepares them, in their order."""
    few = Samples(samples.facts[:1], samples.rows[:1], samples.source)
    return task.load({"train": samples, "validation": few})["train"]


@torch.no_grad()
def extract(
    task: Task, network: Network, split: Split, precision: Precision, tick: Callable[[], None]
) -> Tensor:
    """Return what the head is given for every sample (N, D), fp32 on the CPU.

    Hidden states of a sequence are averaged over its tokens.

    Raises:
        RunError: nothing reaches the head, or not numbers only.
    """
    caught: list[Tensor] = []
    network.module.eval()
    handle = network.head_module.register_forward_pre_hook(
        lambda _, values: caught.append(_flat(values[0]).float().cpu())
    )
    try:
        for indices in torch.arange(len(split)).split(_BATCH):
            tick()
            with precision.autocast():
                task.forward(network.module, split.take(indices, train=False).inputs)
    finally:
        handle.remove()
    if sum(len(part) for part in caught) != len(split):
        raise RunError(FailureCode.BASE_INVALID, "The head of this network is not fed once.")
    features_ND = torch.cat(caught)
    if not bool(features_ND.isfinite().all()):
        raise RunError(FailureCode.BASE_INVALID, "The network gives numbers that are not finite.")
    return features_ND


def _flat(values: Tensor) -> Tensor:
    if values.dim() == _TOKEN_DIMENSIONS:
        values = values.mean(dim=1)
    return values.flatten(1)


def own_head(plan: Plan, weights: Path | None) -> nn.Linear | None:
    """Return the layer that tells the base's own classes apart, or None where there is none.

    It takes the same features as the new head does.
    """
    has_one = plan.base.library in _WITH_CLASSES and plan.base.weights == "pretrained"
    if weights is None or not has_one or plan.base.num_classes < 2:  # noqa: PLR2004 - two classes
        return None
    network, _ = build_base(plan.base)
    load_weights(network, read_weights(weights), weights.name)
    linear = network.get_submodule(last_linear_path(network))
    return linear if isinstance(linear, nn.Linear) else None
