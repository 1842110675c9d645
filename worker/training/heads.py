"""Linear heads trained side by side on the same features: one matrix product serves them all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from worker.contract.failures import FailureCode, RunError
from worker.contract.manifest import SplitMetrics
from worker.contract.recipe import Recipe
from worker.contract.stages import Optimizer, Stage
from worker.contract.training import Imbalance
from worker.data.batches import Split
from worker.training.features import FeatureCache, Passes
from worker.training.loop import Trainer
from worker.training.optimizers import BETAS, EPSILON, SGD_MOMENTUM
from worker.training.sampling import epoch_seed
from worker.training.schedules import rate_factor
from worker.training.stage import begin_stage
from worker.training.step import is_finite

_RULES = "sgd", "adam", "adamw"


@dataclass
class TrainedHead:
    """What one of the heads reached: its measures after each epoch, and those of the test."""

    validation: list[SplitMetrics] = field(default_factory=list)
    test: SplitMetrics | None = None


def may_stack(recipe: Recipe) -> bool:
    """Return whether a recipe trains only a linear head, in a way that many can be trained at once.

    Whether the network's head is one is known only when it is built.
    """
    train, stages = recipe.train, recipe.stages
    if len(stages) != 1 or stages[0].train != ("head",) or not _is_plain_stage(stages[0]):
        return False
    ways = (train.early_stopping, train.model_ema_decay, train.l2_sp, recipe.distill)
    plain = train.loss == "cross_entropy" and train.gradient_accumulation_steps == 1
    blocks = (recipe.semi_supervised, recipe.model.adapter, recipe.export, recipe.explain)
    return (
        plain
        and not any(ways)
        and not any(blocks)
        and recipe.task in {"image-classification", "text-classification"}
        and recipe.data.imbalance == Imbalance()
        and recipe.augment.views > 0
        and train.batch_size != "auto"
    )


def _is_plain_stage(stage: Stage) -> bool:
    optimizer = stage.optimizer
    return (
        optimizer.name in _RULES
        and optimizer.lr != "auto"
        and optimizer.max_grad_norm is None
        and stage.epochs is not None
        and stage.cache_features == "auto"
        and stage.scheduler.name != "plateau"
        and not stage.lr_by_group
        and stage.layer_decay is None
    )


def train_heads(
    trainer: Trainer, settings: Sequence[Optimizer], test: Split | None
) -> list[TrainedHead] | None:
    """Train one head for each of the settings, as the trainer's plan says in all else.

    Returns:
        What each reached; None where the network's head is no single linear layer.

    Raises:
        RunError: a head's loss is not finite.
        StoppedError: the outside asked for it.
    """
    stage, head = trainer.plan.recipe.stages[0], trainer.network.head_module
    begin_stage(trainer.network, stage)
    passes = Passes(stage.epochs or 1, trainer.plan.recipe.augment.views)
    cache = trainer.features.for_stage(stage, passes)
    if cache is None or not isinstance(head, nn.Linear) or not _is_all(head, cache):
        return None
    heads = _Heads(head, settings, trainer.plan.recipe.train.label_smoothing)
    found = [TrainedHead() for _ in settings]
    for epoch in range(1, (stage.epochs or 1) + 1):
        _train_epoch(trainer, heads, cache, epoch)
        for one, measured in zip(found, _measure(trainer, heads, cache.validation), strict=True):
            if not is_finite(measured.loss):
                raise RunError(FailureCode.DIVERGED, f"validation loss is {measured.loss}.")
            one.validation.append(measured)
    judged = trainer.features.for_judging(test) if test is not None else None
    if judged is not None:
        for one, measured in zip(found, _measure(trainer, heads, judged[1]["test"]), strict=True):
            one.test = measured
    return found


def _is_all(head: nn.Linear, cache: FeatureCache) -> bool:
    """Return whether nothing but the head lies behind the features."""
    some = cache.train.plain[:2]
    if some.dim() != 2 or some.shape[1] != head.in_features:  # noqa: PLR2004 - samples by numbers
        return False
    with torch.no_grad():
        some = some.to(head.weight)
        return torch.equal(cache.tail(some), head(some))


def _train_epoch(trainer: Trainer, heads: "_Heads", cache: FeatureCache, epoch: int) -> None:
    stage, seed = trainer.plan.recipe.stages[0], trainer.plan.recipe.reproducibility.seed
    batches = trainer.ways.batches(cache.train, epoch)
    total = (stage.epochs or 1) * len(batches)
    torch.manual_seed(epoch_seed(seed, epoch))
    for number, indices in enumerate(batches):
        trainer.check()
        step = (epoch - 1) * len(batches) + number
        batch = cache.train.take(indices, train=True)
        factor = rate_factor(stage.scheduler, step, total, len(batches))
        heads.update(batch.inputs.float(), batch.targets, factor)


@torch.no_grad()
def _measure(trainer: Trainer, heads: "_Heads", split: Split) -> list[SplitMetrics]:
    meters = [trainer.task.meter(split) for _ in range(len(heads))]
    for indices in torch.arange(len(split)).split(1024):
        batch = split.take(indices, train=False)
        scores_KBC = heads.scores(batch.inputs.float())
        for meter, scores_BC in zip(meters, scores_KBC, strict=True):
            meter.add(scores_BC, batch)
    return [meter.result() for meter in meters]


class _Heads:
    """K heads of C classes on D features, all begun from the same weights."""

    def __init__(self, head: nn.Linear, settings: Sequence[Optimizer], smoothing: float) -> None:
        count, device = len(settings), head.weight.device
        self._weight_KDC = head.weight.detach().float().t().repeat(count, 1, 1)
        bias = head.bias if head.bias is not None else torch.zeros(head.out_features)
        self._bias_K1C = bias.detach().to(device).float().repeat(count, 1, 1)
        self._smoothing = smoothing

        def column(numbers: Sequence[float]) -> Tensor:
            return torch.tensor(numbers, device=device, dtype=torch.float32).view(-1, 1, 1)

        rates_K11 = column([one.rate for one in settings])
        momenta = [SGD_MOMENTUM if one.momentum is None else one.momentum for one in settings]
        build = _Sgd if settings[0].name == "sgd" else _Adam
        self._rules: list[Callable[[Tensor, Tensor, float], None]] = [
            build(tensor, rates_K11, column(decay), settings[0], column(momenta))
            for tensor, decay in (
                (self._weight_KDC, [one.weight_decay for one in settings]),
                (self._bias_K1C, [0.0] * count),
            )
        ]

    def __len__(self) -> int:
        return len(self._weight_KDC)

    def scores(self, features_BD: Tensor) -> Tensor:
        """Return what every head says (K, B, C)."""
        wide_KBD = features_BD.expand(len(self), -1, -1)
        return torch.baddbmm(self._bias_K1C, wide_KBD, self._weight_KDC)

    @torch.no_grad()
    def update(self, features_BD: Tensor, targets_B: Tensor, factor: float) -> None:
        """Make one update of every head by the cross-entropy of a batch."""
        scores_KBC = self.scores(features_BD)
        classes = scores_KBC.shape[2]
        wanted_BC = nn.functional.one_hot(targets_B, classes).to(scores_KBC)
        wanted_BC = wanted_BC * (1 - self._smoothing) + self._smoothing / classes
        slope_KBC = (scores_KBC.softmax(dim=2) - wanted_BC) / len(targets_B)
        self._rules[0](self._weight_KDC, features_BD.t() @ slope_KBC, factor)
        self._rules[1](self._bias_K1C, slope_KBC.sum(dim=1, keepdim=True), factor)


class _Sgd:
    """Stochastic gradient descent of K tensors, each with its own rate, decay and momentum."""

    def __init__(
        self, tensor: Tensor, rates: Tensor, decay: Tensor, settings: Optimizer, momenta: Tensor
    ) -> None:
        del settings
        self._rates, self._decay, self._momenta = rates, decay, momenta
        self._moments = torch.zeros_like(tensor)

    def __call__(self, tensor: Tensor, slope: Tensor, factor: float) -> None:
        slope = slope + self._decay * tensor
        self._moments.mul_(self._momenta).add_(slope)
        tensor.sub_(self._rates * factor * self._moments)


class _Adam:
    """Adam or AdamW of K tensors, each with its own rate and decay."""

    def __init__(
        self, tensor: Tensor, rates: Tensor, decay: Tensor, settings: Optimizer, momenta: Tensor
    ) -> None:
        del momenta
        self._rates, self._decay = rates, decay
        self._is_decoupled = settings.name == "adamw"
        self._betas = settings.betas or BETAS
        self._first, self._second = torch.zeros_like(tensor), torch.zeros_like(tensor)
        self._steps = 0

    def __call__(self, tensor: Tensor, slope: Tensor, factor: float) -> None:
        self._steps += 1
        rates, (one, two) = self._rates * factor, self._betas
        if self._is_decoupled:
            tensor.mul_(1 - rates * self._decay)
        else:
            slope = slope + self._decay * tensor
        self._first.lerp_(slope, 1 - one)
        self._second.mul_(two).addcmul_(slope, slope, value=1 - two)
        spread = (self._second / (1 - two**self._steps)).sqrt_().add_(EPSILON)
        tensor.sub_(rates / (1 - one**self._steps) * self._first / spread)
