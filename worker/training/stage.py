"""Setting up one stage: what trains, with which rates, on which inputs."""

from dataclasses import dataclass

from torch import nn, optim

from worker.contract.run_events import StageCount
from worker.contract.stages import Stage
from worker.data.batches import Split
from worker.modeling.freezing import set_modes, set_trainable
from worker.modeling.network import Network
from worker.modeling.param_groups import RateGroup, rate_groups
from worker.training.optimizers import build_optimizer


@dataclass
class ActiveStage:
    """A stage in motion. `module` is what trains: the whole network, or its head on features.

    `runs` is the same as it is called for training, where processes exchange gradients.
    """

    index: int
    stage: Stage
    module: nn.Module
    runs: nn.Module
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
