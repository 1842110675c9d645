"""Setting up one stage: what trains, with which rates, on which inputs."""

from dataclasses import dataclass

from torch import nn, optim
from torch.nn.modules.batchnorm import _BatchNorm

from worker.contract.run_events import StageCount
from worker.contract.stages import Stage
from worker.data.batches import FeatureSplit, Split
from worker.evaluation.predict import Predictor
from worker.modeling.freezing import set_modes, set_trainable
from worker.modeling.network import Network
from worker.modeling.param_groups import RateGroup, rate_groups
from worker.training.optimizers import build_optimizer


@dataclass
class ActiveStage:
    """A stage in motion. `module` is what runs: the whole network, or its head on features."""

    index: int
    stage: Stage
    module: nn.Module
    train: Split
    validation: Split
    optimizer: optim.Optimizer
    groups: list[RateGroup]
    trainable_count: int
    steps_per_epoch: int
    cached: bool

    @property
    def total_steps(self) -> int:
        """The number of updates if the stage is not stopped early."""
        return self.stage.max_steps or (self.stage.epochs or 1) * self.steps_per_epoch

    @property
    def total_epochs(self) -> int:
        """The number of passes, the last one perhaps cut short by max_steps."""
        return -(-self.total_steps // self.steps_per_epoch)

    @property
    def parameters(self) -> list[nn.Parameter]:
        """Everything that trains."""
        return [p for group in self.groups for p in [*group.decayed, *group.plain]]


@dataclass
class FeatureCache:
    """Features of the two splits; they stay true as long as the backbone does not change."""

    train: FeatureSplit
    validation: FeatureSplit


def begin_stage(network: Network, stage: Stage) -> tuple[int, list[RateGroup]]:
    """Freeze and thaw the network for a stage; return the trained count and the rate groups."""
    count = set_trainable(network, stage)
    set_modes(network, stage.batch_norm)
    return count, rate_groups(network, stage)


def count_stages(network: Network, stages: list[Stage]) -> list[StageCount]:
    """Return what each stage will train; every selector is checked before anything starts."""
    counts = []
    for index, stage in enumerate(stages, start=1):
        count, groups = begin_stage(network, stage)
        plans = tuple(group.plan for group in groups)
        counts.append(StageCount(index=index, name=stage.name, trainable_count=count, groups=plans))
    return counts


def optimizer_for(stage: Stage, groups: list[RateGroup]) -> optim.Optimizer:
    """Return the stage's own fresh optimizer."""
    return build_optimizer(stage.optimizer, groups)


def can_cache(network: Network, stage: Stage, *, augmented: bool) -> bool:
    """Return whether the frozen part gives the same features in every epoch of a stage."""
    if stage.cache_features == "off" or augmented:
        return False
    prefix = f"{network.head_path}."
    body = [(n, p) for n, p in network.module.named_parameters() if not n.startswith(prefix)]
    if any(parameter.requires_grad for _, parameter in body):
        return False
    head = set(network.head_module.modules())
    moving = (part for part in network.module.modules() if part not in head and part.training)
    return not any(_changes_output(part) for part in moving)


def _changes_output(part: nn.Module) -> bool:
    """Return whether a layer in train mode does something else than in eval mode."""
    if list(part.children()):
        return False
    return isinstance(part, _BatchNorm) or "drop" in type(part).__name__.lower()


def compute_cache(
    network: Network, predictor: Predictor, train: Split, validation: Split
) -> FeatureCache | None:
    """Return the features of both splits, or None where the network cannot be cut at its head."""
    features = []
    for split in (train, validation):
        found = predictor.head_inputs(network.module, network.head_module, split)
        if found is None:
            return None
        features.append(FeatureSplit(found, split))
    return FeatureCache(features[0], features[1])
