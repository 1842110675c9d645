"""What a frozen front of a network makes of each sample: computed once for a stage's every pass."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from worker.contract.base import digest
from worker.contract.feature_shelf import FEATURES_FOLDER
from worker.contract.plan import Plan
from worker.contract.stages import Stage
from worker.data.batches import FeatureSplit, Split
from worker.data.feature_files import FeatureFiles
from worker.evaluation.predict import Predictor, evaluating
from worker.modeling.fronts import Front, digest_of, front_of, why_moving
from worker.modeling.network import Network

# Rows of features, and the numbers of these rows; None where the front gives no such.
Part = tuple[Tensor, Tensor | None]
# So many samples must give the same with features as without.
_CHECKED = 4
# What rounding may change in all, relative: measured 5e-6 in fp32; bf16 keeps three digits.
_ROUNDING, _ROUNDING_SHORT = 1e-4, 3e-2


@dataclass
class FeatureCache:
    """Features of the two splits, and what runs on them.

    They stay true as long as the front computes the same; `key` says what it computes with.
    """

    key: str
    tail: nn.Module
    train: FeatureSplit
    validation: FeatureSplit

    @property
    def are_vectors(self) -> bool:
        """Whether a sample is one vector, as in front of a linear head."""
        return self.train.plain.dim() == 2  # noqa: PLR2004 - samples by numbers


@dataclass
class Passes:
    """How a stage goes over its training samples.

    `count` is how often it sees each; `views` in how many forms: one where every pass is the same,
    none where no number of forms stands for what changes from pass to pass.
    """

    count: float
    views: int


@dataclass
class FeatureMaker:
    """Makes the features of stages; those of the stage before are used again where they hold.

    `identity` says which samples the splits hold and how they are prepared, `test_identity` from
    which other data set those of the test come; `say` tells a line.
    """

    network: Network
    predictor: Predictor
    train: Split
    validation: Split
    files: FeatureFiles
    identity: str
    test_identity: str | None
    seed: int
    say: Callable[[str], None]
    last: FeatureCache | None = None

    def for_stage(self, stage: Stage, passes: Passes) -> FeatureCache | None:
        """Return the features of a stage whose freezing is set; None where each pass is needed."""
        last, self.last = self.last, None
        if stage.cache_features == "off" or passes.views == 0 or passes.count < passes.views:
            return None
        self._say_what_moves(stage)
        front = front_of(self.network, self.predictor.task.forward)
        if front is None:
            return None
        # With as many views as passes, fresh ones cost the same.
        if passes.count == passes.views > 1:
            return None
        key = self._key(front)
        if last is not None and last.key == key:
            # The same front, but what trains behind it is listed anew: modes are part of the list.
            last.tail = front.tail
            self.last = last
        else:
            self.last = self._made(front, key, passes.views)
        return self.last

    def for_judging(self, test: Split | None) -> tuple[nn.Module, dict[str, Split]] | None:
        """Return what the last stage trained, and the features of the splits a run is judged on.

        None where the front is no longer that of the features, as with an adapter merged into it.
        """
        front = front_of(self.network, self.predictor.task.forward) if self.last else None
        if self.last is None or front is None or self._key(front) != self.last.key:
            return None
        splits: dict[str, Split] = {"train": self.last.train, "validation": self.last.validation}
        if test is not None:
            rows_N = torch.arange(len(test))
            key = digest([self.last.key, self.test_identity, list(test.names)])
            plain = self._kept(key, len(test), lambda: self._plain(front, [(test, rows_N)]))
            if plain is None:
                return None
            splits["test"] = FeatureSplit(plain, rows_N, test, self.predictor.task.setting.device)
        return front.tail, splits

    def _key(self, front: Front) -> str:
        return digest([digest_of(front), self.identity])

    def _say_what_moves(self, stage: Stage) -> None:
        layer = why_moving(self.network)
        if layer:
            self.say(
                f"stage {stage.name}: from the frozen layer {layer} on, every pass runs all "
                "layers: its output differs from pass to pass; batch_norm: eval keeps it still."
            )

    def _made(self, front: Front, key: str, views: int) -> FeatureCache | None:
        # In the order of their names, so that folds and other seeds find the same file.
        names = sorted({*self.train.names, *self.validation.names})
        place = {name: number for number, name in enumerate(names)}
        rows = [
            (split, torch.tensor([place[name] for name in split.names]))
            for split in (self.train, self.validation)
        ]
        plain = self._kept(key, len(names), lambda: self._plain(front, rows))
        if plain is None:
            return None
        device = self.predictor.task.setting.device
        train, validation = (FeatureSplit(plain, rows_N, split, device) for split, rows_N in rows)
        if views > 1:
            changed = digest([key, list(self.train.names), self.seed, views])
            count = (views - 1) * len(self.train)
            train.views = self._kept(changed, count, lambda: self._changed(front, views - 1))
            if train.views is None:
                return None
            self.say(f"{views} views of each sample, one of them unchanged, are used in turn.")
        return FeatureCache(key, front.tail, train, validation)

    def _kept(self, key: str, count: int, parts: Callable[[], Iterator[Part]]) -> Tensor | None:
        """Return features from the files, or from the front where they are in none."""
        features = self.files.load(key)
        if features is None:
            return self._computed(key, count, parts())
        self.say(f"{count} samples were run through the frozen layers before; that is used again.")
        return features

    @torch.no_grad()
    def _computed(self, key: str, count: int, parts: Iterator[Part]) -> Tensor | None:
        room: Tensor | None = None
        with evaluating(self.network.module):
            for rows, part in parts:
                if part is None:
                    return None
                if room is None:
                    room = self.files.room(key, (count, *part.shape[1:]), part.dtype)
                if room is None or part.shape[1:] != room.shape[1:]:
                    return None
                room[rows] = part.cpu()
        if room is not None:
            self.files.seal(key, room)
        return room

    def _plain(self, front: Front, splits: Sequence[tuple[Split, Tensor]]) -> Iterator[Part]:
        """Yield what the front makes of every sample as it is, with its rows."""
        is_first = True
        for split, rows_N in splits:
            for indices in self.predictor.batches(split):
                inputs = split.take(indices, train=False).inputs
                part = self._run(front, inputs, len(indices))
                if is_first and not self._is_whole(front, split, indices[:_CHECKED]):
                    part = None
                is_first = False
                yield rows_N[indices], part

    def _changed(self, front: Front, count: int) -> Iterator[Part]:
        """Yield what the front makes of changed forms of the training samples, with their rows."""
        for form in range(count):
            with _seeded(self.seed + form):
                for indices in self.predictor.batches(self.train):
                    inputs = self.train.take(indices, train=True).inputs
                    yield indices + form * len(self.train), self._run(front, inputs, len(indices))

    def _run(self, front: Front, inputs: object, count: int) -> Tensor | None:
        with self.predictor.autocast():
            part = front.run_fast(inputs)
        return part if part is not None and len(part) == count else None

    def _is_whole(self, front: Front, split: Split, indices: Tensor) -> bool:
        """Return whether the tail makes of features just what the network makes of the inputs."""
        inputs = split.take(indices, train=False).inputs
        with self.predictor.autocast(), evaluating(front.tail):
            part, fast = front.run(inputs), front.run_fast(inputs)
            if part is None or fast is None or part.shape != fast.shape:
                return False
            whole = self.predictor.task.forward(self.network.module, inputs)
            return _same(front.tail(part), whole) and _close(part, fast)


def _same(one: object, other: object) -> bool:
    if not isinstance(one, Tensor) or not isinstance(other, Tensor) or one.shape != other.shape:
        return False
    return torch.equal(one, other)


def _close(part: Tensor, fast: Tensor) -> bool:
    """Return whether features differ by no more than rounding makes them."""
    off = float((part.float() - fast.float()).norm() / part.float().norm().clamp_min(1e-30))
    return off < (_ROUNDING if part.dtype == torch.float32 else _ROUNDING_SHORT)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Draw random numbers from a seed of their own for the length of a block."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def feature_maker(
    predictor: Predictor,
    network: Network,
    splits: tuple[Split, Split],
    numbers: str,
    say: Callable[[str], None],
) -> FeatureMaker:
    """Return the maker of a run's features.

    Args:
        predictor: runs the network without training it.
        network: the network.
        splits: what it trains on, and what it is judged on meanwhile.
        numbers: what it computes in.
        say: tells people a line.
    """
    setting = predictor.task.setting
    files = FeatureFiles(setting.cache / FEATURES_FOLDER, setting.shelf)
    identity = _identity(setting.plan, numbers, setting.device)
    plan = setting.plan
    test = plan.test_data.tree_sha256 if plan.test_data else None
    seed = plan.recipe.reproducibility.seed
    return FeatureMaker(network, predictor, *splits, files, identity, test, seed, say)


def _identity(plan: Plan, numbers: str, device: torch.device) -> str:
    """Return what features depend on besides the front: the samples and how they are prepared.

    How the samples are divided is no part of it, unless they are prepared by what is in training.
    """
    recipe = plan.recipe
    data = recipe.data.model_dump(mode="json")
    data["train"] = data["train"]["split"]
    divided = [data.pop("validation"), recipe.reproducibility.seed]
    for key in ("test", "unlabeled", "imbalance"):
        data.pop(key)
    return digest(
        [
            recipe.task,
            plan.base.model_dump(mode="json", exclude={"repo", "labels", "num_classes"}),
            recipe.model.stem.model_dump(mode="json"),
            plan.data.tree_sha256,
            data,
            divided if data["normalize"] == "dataset" else None,
            plan.preprocessing.model_dump(mode="json") if plan.preprocessing else None,
            recipe.augment.model_dump(mode="json", exclude={"cached_views"}),
            numbers,
            device.type,
            str(torch.__version__),
        ]
    )
