"""Assembling the network of a plan: architecture, its own surgery, weights, then the recipe's."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import nn

from worker.contract.bases import PinnedBase
from worker.contract.failures import FailureCode, RunError
from worker.contract.plan import Plan
from worker.contract.recipe import Head, Stem
from worker.modeling.architectures import build_architecture
from worker.modeling.groups import Group, divide
from worker.modeling.heads import apply, head_path, last_linear_path, plan_head
from worker.modeling.layers import Replacement
from worker.modeling.stems import apply_stem, plan_stem
from worker.modeling.weights import load_weights, read_weights


@dataclass
class Network:
    """A network ready for training, and how a plain one is turned into it.

    `head` and `stem` describe the surgery from the plain architecture, for config.json;
    `replacements` are the same as layers, for the code on the card. `undo` takes back what only
    makes it faster.
    """

    module: nn.Module
    head_path: str
    groups: list[Group]
    head: Head
    stem: Stem
    replacements: list[Replacement]
    undo: list[Callable[[], None]] = field(default_factory=list)

    def restore(self) -> None:
        """Bring the network back to how it was built, before it is written or changed."""
        while self.undo:
            self.undo.pop()()

    @property
    def head_module(self) -> nn.Module:
        """The part that turns features into class scores."""
        return self.module.get_submodule(self.head_path)

    @property
    def total_count(self) -> int:
        """The number of parameters."""
        return sum(parameter.numel() for parameter in self.module.parameters())

    def divided_anew(self) -> "Network":
        """Return the same network with its groups listed again, after something was added."""
        return replace(self, groups=divide(self.module, self.head_path))


def build_base(
    base: PinnedBase, drop_path: float | None = None
) -> tuple[nn.Module, list[Replacement]]:
    """Return the network of a base model with random weights, its own head and stem included."""
    network = build_architecture(base.library, base.architecture, drop_path)
    replacements = plan_stem(network, base.stem)
    apply(network, replacements)
    linear = network.get_submodule(last_linear_path(network))
    assert isinstance(linear, nn.Linear)  # noqa: S101 - last_linear_path finds only these
    if base.head != Head() or linear.out_features != base.num_classes:
        head = plan_head(network, base.head, base.num_classes, base.preprocessing.image_size)
        apply(network, head)
        replacements += head
    return network, replacements


def build_network(plan: Plan, weights: Path | None, outputs: int | None = None) -> Network:
    """Return the network that a plan starts from.

    Args:
        plan: the plan.
        weights: the file with the base's weights; not read when the plan asks for random ones.
        outputs: how many numbers the head gives; one for each class of the plan if not given.

    Raises:
        RunError: the weights are missing or do not fit, or the surgery is not possible.
    """
    torch.manual_seed(plan.recipe.reproducibility.seed)
    base, recipe = plan.base, plan.recipe
    network, replacements = build_base(base, recipe.model.drop_path)
    if base.weights == "pretrained":
        if weights is None:
            raise RunError(FailureCode.BASE_NOT_FOUND, f"There are no weights for {base.repo}.")
        load_weights(network, read_weights(weights), weights.name)
    stem = plan_stem(network, recipe.model.stem)
    apply_stem(network, stem, "random" if base.weights == "random" else recipe.model.stem.init)
    head, kept = _head(plan, network, outputs or max(1, len(plan.classes)))
    apply(network, head)
    done = {item.path: item for item in [*replacements, *stem, *head]}
    path = head_path(network) if kept.type != "mlp" else _mlp_path(network, recipe.model.head, head)
    return Network(
        module=network,
        head_path=path,
        groups=divide(network, path),
        head=kept,
        stem=Stem(replace={**base.stem.replace, **recipe.model.stem.replace}),
        replacements=_outermost(list(done.values())),
    )


def _mlp_path(network: nn.Module, asked: Head, planned: list[Replacement]) -> str:
    """Return the path of a new mlp head as a whole; of an old one only its last layer is new."""
    return planned[-1].path if asked.type == "mlp" else last_linear_path(network)


def _head(plan: Plan, network: nn.Module, outputs: int) -> tuple[list[Replacement], Head]:
    """Return the new head's layers, and the head as seen from the plain architecture."""
    asked, base = plan.recipe.model.head, plan.base
    if asked.type == "keep":
        if base.labels != plan.classes:
            raise RunError(
                FailureCode.RECIPE_INVALID,
                "model.head.type keep needs the checkpoint's own classes, and they differ.",
            )
        return [], base.head
    planned = plan_head(network, asked, outputs, plan.image_size or base.preprocessing.image_size)
    if asked.type == "auto" and asked.dropout == 0:
        return planned, base.head
    return planned, asked


def _outermost(replacements: list[Replacement]) -> list[Replacement]:
    """Keep the order, but set what a later replacement of a parent would throw away aside."""
    kept: list[Replacement] = []
    for item in replacements:
        kept = [old for old in kept if not old.path.startswith(f"{item.path}.")]
        kept.append(item)
    return kept
