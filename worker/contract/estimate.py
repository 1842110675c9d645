"""What a plan will need, before it runs: memory at its peak and time, as ranges with reasons."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from worker.contract.base import Wire
from worker.contract.facts import FileFact
from worker.contract.networks import (
    Footprint,
    picture_footprint,
    sound_footprint,
    text_footprint,
)
from worker.contract.plan import Plan
from worker.contract.stages import Optimizer, Stage

_FLOAT_BYTES = 4
_GIB = 1024.0**3
_MIB = 1024.0**2
# Above this, pictures lie on disk (worker.data.pixels).
PICTURES_IN_MEMORY = _GIB
_FEATURES_IN_MEMORY = 2 * _GIB
# What a run holds before any sample: interpreter, torch, the libraries of networks. Read from the
# resident memory of runs on tiny data with 1 to 16 threads.
_BARE = {"image": (0.7, 0.95), "text": (0.75, 1.15), "audio": (0.6, 0.95)}
_BARE_ON_GPU = (2.0, 4.5)
_GPU_CONTEXT = (0.3, 0.8)
# Gradients of the largest layer, and copies in the layout a kernel wants.
_WORKSPACE = (2.0, 4.0)
_MEASURING_BATCH = 64
# Characters of a token: at most in languages with spaces, at least in those without.
_CHARACTERS_PER_TOKEN = (1.4, 5.0)
_USUAL_TOKENS = 512
_STATES = {"adafactor": 0.1, "sgd": 1.0, "rmsprop": 1.0, "muon": 1.0}
_BACKWARD = 3.0


class Span(Wire):
    """A number that is known only so far."""

    low: float
    high: float

    def __add__(self, other: "Span") -> "Span":
        return Span(low=self.low + other.low, high=self.high + other.high)

    def __mul__(self, factor: float) -> "Span":
        return Span(low=self.low * factor, high=self.high * factor)

    @property
    def middle(self) -> float:
        """The middle of a range whose ends are factors away."""
        return float((max(self.low, 0.0) * max(self.high, 0.0)) ** 0.5)


NOTHING = Span(low=0.0, high=0.0)
PartName = Literal["programs", "weights", "activations", "data", "features"]
Basis = Literal["same", "other", "usual"]


class Part(Wire):
    """One thing that takes memory, in bytes."""

    name: PartName
    size: Span


class Estimate(Wire):
    """What a plan will need. Memory in bytes at the peak; `gpu_memory` where a GPU does the work.

    `basis` says how the time is known: from runs of the same kind of network, size and trained
    part; from other runs on the same queue, by the work they did; or from usual machines.
    `batch_bytes` is what each sample of a batch adds to the peak.
    """

    memory: Span
    gpu_memory: Span | None = None
    seconds: Span | None = None
    basis: Basis = "usual"
    parts: tuple[Part, ...] = ()
    batch_bytes: float = Field(default=0.0, description="Bytes that a sample of a batch adds.")


@dataclass(frozen=True)
class Amounts:
    """How much data there is: samples, and what decides how large one of them is.

    `characters` are those of each text, `seconds` of each recording, at the mean and the longest.
    """

    samples: int
    characters: tuple[float, float] = (0.0, 0.0)
    seconds: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def of(cls, facts: Sequence[FileFact]) -> "Amounts":
        """Return the amounts of a data set."""
        count = max(1, len(facts))
        lengths, seconds = [f.length for f in facts], [f.seconds for f in facts]
        return cls(
            len(facts),
            (sum(lengths) / count, float(max(lengths, default=0))),
            (sum(seconds) / count, max(seconds, default=0.0)),
        )


@dataclass(frozen=True)
class Pace:
    """How fast work goes: samples a second of stages of the same kind, else operations a second.

    `samples` are by `stage_kind`; `flops` are the slowest and fastest that earlier runs reached.
    """

    samples: dict[str, float]
    flops: tuple[float, float] | None = None
    cpu_count: int = 2


def stage_kind(plan: Plan, stage: Stage) -> str:
    """Return what decides the pace of a stage: network, what trains, sizes, fresh images."""
    trained = stage.train if isinstance(stage.train, str) else ",".join(sorted(stage.train))
    fresh = "fresh" if plan.has_random_augmentation else "same"
    size = plan.image_size or plan.recipe.data.max_length or 0
    return f"{plan.recipe.task} {plan.base.architecture} {trained} {size} {fresh}"


def footprint_of(plan: Plan, amounts: Amounts, weights_bytes: int, *, longest: bool) -> Footprint:
    """Return the footprint of a usual sample of a plan, or of its longest."""
    recipe = plan.recipe
    if plan.image_size is not None:
        found = picture_footprint(plan.base, plan.image_size, weights_bytes)
        is_dense = recipe.spec.needs[-1] in {"mask", "objects"}
        return found.times(1.4) if is_dense else found
    if recipe.spec.modality == "audio":
        limit = recipe.data.max_seconds or 30.0
        # Every recording is brought to the length of the longest.
        heard = min(limit, max(1.0, amounts.seconds[1]))
        return sound_footprint(heard, weights_bytes)
    tokens = _tokens(plan, amounts.characters[1 if longest else 0])
    guesses = recipe.task in {"text-generation", "fill-mask"}
    return text_footprint(
        plan.base, tokens.high if longest else tokens.middle, guesses_words=guesses
    )


def _tokens(plan: Plan, characters: float) -> Span:
    most = plan.recipe.data.max_length or _USUAL_TOKENS
    few, many = (characters / size + 2 for size in reversed(_CHARACTERS_PER_TOKEN))
    return Span(low=max(4.0, min(most, few)), high=max(4.0, min(most, many)))


def estimate(
    plan: Plan, amounts: Amounts, weights_bytes: int, pace: Pace, *, on_gpu: bool
) -> Estimate | None:
    """Return what a plan will need; None for agents and choices, which are small.

    Peak memory is the programs, the weights with gradients and the optimizer's state, what a batch
    keeps for the way back (counted on each kind of network), the data and cached features.

    Args:
        plan: the plan.
        amounts: how much data there is.
        weights_bytes: size of the base's weights file; 0 where there is none.
        pace: what is known of the machine's speed.
        on_gpu: whether the work is done on a GPU.
    """
    if plan.recipe.spec.modality not in _BARE:
        return None
    usual = footprint_of(plan, amounts, weights_bytes, longest=False)
    longest = footprint_of(plan, amounts, weights_bytes, longest=True)
    weights, each = _weights(plan, usual), _each_sample(plan, longest, on_gpu=on_gpu)
    at_work = _activations(plan, longest, each)
    data, features = _data(plan, amounts), _features(plan, usual)
    seconds, basis = _seconds(plan, usual, pace, on_gpu=on_gpu)
    parts = [("weights", weights), ("activations", at_work), ("data", data), ("features", features)]
    bare = _BARE_ON_GPU if on_gpu else _BARE[plan.recipe.spec.modality]
    programs = Span(low=bare[0] * _GIB, high=bare[1] * _GIB)
    held = Span(low=0.3 * weights.low, high=weights.high) if on_gpu else weights + at_work
    context = Span(low=_GPU_CONTEXT[0] * _GIB, high=_GPU_CONTEXT[1] * _GIB)
    return Estimate(
        memory=programs + held + data + features,
        gpu_memory=context + weights + at_work if on_gpu else None,
        seconds=seconds,
        basis=basis,
        parts=tuple(
            Part.model_validate({"name": name, "size": size})
            for name, size in [("programs", programs), *parts]
        ),
        batch_bytes=each.middle,
    )


def _reach(stage: Stage) -> Span:
    """Return how much of the way back a stage goes: 0 for the head alone, 1 to the first layer."""
    if stage.train == "all" or {"bias", "norm", "adapter"} & set(stage.train):
        return Span(low=1.0, high=1.0)
    return NOTHING if stage.train == ("head",) else Span(low=0.1, high=0.7)


def _states(optimizer: Optimizer) -> float:
    """Return how many numbers an optimizer keeps of each one that trains."""
    return 0.0 if optimizer.momentum == 0 else _STATES.get(optimizer.name, 2.0)


def _weights(plan: Plan, network: Footprint) -> Span:
    train = plan.recipe.train
    own = network.parameters * _FLOAT_BYTES
    copies = 1.0 + (train.model_ema_decay is not None) + (train.l2_sp > 0)
    copies += train.early_stopping is not None and train.early_stopping.restore_best
    copies += plan.teacher is not None
    trained = [_reach(stage) * (1 + _states(stage.optimizer)) for stage in plan.recipe.stages]
    # A file of weights is read beside the network it is put into.
    return Span(
        low=own * (copies + max(part.low for part in trained)),
        high=own * (copies + 1 + max(part.high for part in trained)),
    )


def _each_sample(plan: Plan, network: Footprint, *, on_gpu: bool) -> Span:
    """Return what each sample of a training batch adds."""
    kept = [_reach(stage) for stage in plan.recipe.stages]
    # Half the bits for most of what is kept; statistics and losses stay as they are.
    short = 0.6 if on_gpu and plan.recipe.train.mixed_precision != "no" else 1.0
    if plan.recipe.train.gradient_checkpointing:
        short *= 0.35
    low = network.saved * max(part.low for part in kept) + _WORKSPACE[0] * network.largest
    high = network.saved * max(part.high for part in kept) + _WORKSPACE[1] * network.largest
    return Span(low=low * short / network.doubt, high=high * short * network.doubt)


def _activations(plan: Plan, network: Footprint, each: Span) -> Span:
    train, count = plan.recipe.train, plan.split_sizes.get("train", 0)
    in_training = each * min(train.batch_for(count), max(1, count))
    others = sum(plan.split_sizes.values()) - count
    batch = min(train.eval_batch_size or _MEASURING_BATCH, max(1, others))
    return Span(
        low=max(in_training.low, batch * network.largest / network.doubt),
        high=max(in_training.high, 1.5 * batch * network.largest * network.doubt),
    )


def _data(plan: Plan, amounts: Amounts) -> Span:
    samples = sum(plan.split_sizes.values())
    facts = samples * 3_000.0
    if plan.image_size is not None:
        stored = samples * 3.0 * plan.image_size**2
        room = stored / plan.images.crop_pct**2 if plan.has_random_augmentation else stored
        held = min(PICTURES_IN_MEMORY * len(plan.split_sizes), room)
        return Span(low=facts / 3 + 0.8 * held, high=facts + 1.2 * held)
    if plan.recipe.spec.modality == "audio":
        held = samples * 64 * 100 * amounts.seconds[0] * _FLOAT_BYTES
        return Span(low=facts / 3 + 0.8 * held, high=facts + 1.5 * held)
    tokens = _tokens(plan, amounts.characters[0])
    text = samples * amounts.characters[0]
    return Span(low=facts / 3 + text + samples * tokens.low * 4, high=facts + 3 * text)


def _features(plan: Plan, network: Footprint) -> Span:
    """Return what outputs of a frozen front take where they are kept."""
    stages = [stage for stage in plan.recipe.stages if is_kept(plan, stage)]
    if not stages:
        return NOTHING
    samples = sum(plan.split_sizes.get(name, 0) for name in ("train", "validation"))
    vectors = samples * network.width * _FLOAT_BYTES
    maps = min(_FEATURES_IN_MEMORY, samples * network.largest / 2)
    only_heads = all(stage.train == ("head",) for stage in stages)
    return Span(low=vectors / 2, high=2 * vectors if only_heads else max(2 * vectors, maps))


def is_kept(plan: Plan, stage: Stage) -> bool:
    """Return whether a stage may run on outputs of its frozen front that were computed once."""
    views, fresh = plan.recipe.augment.views, plan.recipe.distill or plan.recipe.semi_supervised
    if not views or fresh or stage.cache_features == "off":
        return False
    # Several views pay only where there are more passes than views.
    return _reach(stage).low < 1 and (views == 1 or stage.epochs is None or stage.epochs > views)


# Operations a second of one core and of one GPU, where no run has told. From networks that wait
# for memory (MobileNet, 3 on a busy core) to those that multiply large matrices.
_USUAL_CORE = (3e9, 4e10)
_USUAL_GPU = (1e12, 6e13)
_START_S = (4.0, 25.0)
_START_GPU_S = (8.0, 40.0)
_DECODING_S = (0.0005, 0.01)
_KNOWN_PACE = (0.7, 1.5)


def _seconds(plan: Plan, usual: Footprint, pace: Pace, *, on_gpu: bool) -> tuple[Span, Basis]:
    rate, basis = _rate(pace, on_gpu=on_gpu)
    start = _START_GPU_S if on_gpu else _START_S
    samples = sum(plan.split_sizes.values())
    total = Span(
        low=start[0] + samples * _DECODING_S[0] / pace.cpu_count,
        high=start[1] + samples * _DECODING_S[1],
    )
    known = []
    for stage in plan.recipe.stages:
        spent, is_known = _stage_seconds(plan, stage, usual, pace, rate)
        total += spent
        known.append(is_known)
    last = sum(size for name, size in plan.split_sizes.items() if name in {"validation", "test"})
    total += _forward(usual, last, rate)
    if plan.recipe.evaluate.baseline is not False:
        total += Span(low=0.0, high=30.0 + 0.5 * total.middle)
    return total, "same" if all(known) else basis


def _rate(pace: Pace, *, on_gpu: bool) -> tuple[Span, Basis]:
    if pace.flops is not None:
        return Span(low=pace.flops[0] / 2, high=pace.flops[1] * 2), "other"
    if on_gpu:
        return Span(low=_USUAL_GPU[0], high=_USUAL_GPU[1]), "usual"
    cores = max(1, pace.cpu_count)
    return Span(low=_USUAL_CORE[0], high=_USUAL_CORE[1] * cores), "usual"


def _forward(network: Footprint, count: float, rate: Span) -> Span:
    work = network.flops * count
    return Span(low=work / network.doubt / rate.high, high=work * network.doubt / rate.low)


def _stage_seconds(
    plan: Plan, stage: Stage, usual: Footprint, pace: Pace, rate: Span
) -> tuple[Span, bool]:
    train, count = plan.recipe.train, max(1, plan.split_sizes.get("train", 0))
    validating = plan.split_sizes.get("validation", 0)
    size = train.batch_for(count) * train.gradient_accumulation_steps
    trained = stage.epochs * count if stage.epochs else (stage.max_steps or 0) * size
    passes = max(1.0, trained / count)
    views = max(1, plan.recipe.augment.views)
    once = _forward(usual, views * count + validating, rate)
    samples_per_s = pace.samples.get(stage_kind(plan, stage))
    if samples_per_s:
        # A stage on kept features tells the pace behind them; they are made once before.
        spent = trained / samples_per_s
        known = Span(low=spent * _KNOWN_PACE[0], high=spent * _KNOWN_PACE[1])
        measured = once if is_kept(plan, stage) else _forward(usual, passes * validating, rate)
        return known + measured, True
    reach = _reach(stage)
    fresh = Span(low=1 + (_BACKWARD - 1) * reach.low, high=1 + (_BACKWARD - 1) * reach.high)
    forward = _forward(usual, trained, rate)
    whole = Span(low=forward.low * fresh.low, high=forward.high * fresh.high)
    whole += _forward(usual, passes * validating, rate)
    if not is_kept(plan, stage):
        return whole, False
    return Span(low=min(once.low, whole.low), high=min(whole.high, once.high + whole.high)), False


def work_of(plan: Plan, stage: Stage, amounts: Amounts, weights_bytes: int) -> float | None:
    """Return the operations of training on one sample in a stage; None where part is not done."""
    reach = _reach(stage)
    if is_kept(plan, stage) or reach.low != reach.high:
        return None
    network = footprint_of(plan, amounts, weights_bytes, longest=False)
    return network.flops * (1 + (_BACKWARD - 1) * reach.low)
