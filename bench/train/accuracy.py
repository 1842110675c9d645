"""G10: is what is faster also as right? The same trainings from real weights, over several seeds.

Each seed trains the plain loop and ours on the same real data and measures the same test split.
Ours may be at most half a point worse on average; where the plain loop leaves BatchNorm in train
mode it must be 20 points better.
"""

import csv
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.train import made, recipes
from bench.train.contest import Track
from bench.train.jobs import Job
from bench.train.races import Loop, Ours, Race, Stage
from bench.train.recipes import Recipe

SEEDS = range(5)
_LOST = 0.005


@dataclass(frozen=True)
class Trial:
    """A training of which both sides are compared; `gain` is what ours must have more, or lack."""

    title: str
    job: Job
    recipe: Recipe
    gain: float
    weights: str = ""


def run(setting: Stage, track: Track, seeds: Sequence[int] = SEEDS) -> str:
    """Return a table of accuracies.

    Raises:
        SystemExit: there are no real data.
    """
    if setting.real is None:
        raise SystemExit("--accuracy needs --data: a folder with cifar10 and imdb.")
    rows = [
        "| training | seeds | plain loop | ours | ours minus plain | wanted | |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    rows += [_row(build(setting, setting.real), track, seeds) for build in _TRIALS]
    return "\n".join(rows)


def _row(trial: Trial, track: Track, seeds: Sequence[int]) -> str:
    pairs = [_pair(trial, track, seed) for seed in seeds]
    plain, ours = ([pair[side] for pair in pairs] for side in (0, 1))
    gains = [our - their for their, our in pairs]
    mean, deviation = statistics.fmean(gains), statistics.stdev(gains) if len(gains) > 1 else 0.0
    told = (
        trial.title,
        f"{len(pairs)}",
        *(f"{statistics.fmean(side):.3f}" for side in (plain, ours)),
        f"{mean:+.3f} ± {deviation / math.sqrt(len(gains)):.3f}",
        f"{trial.gain:+.3f}",
        "reached" if mean >= trial.gain else "missed",
    )
    return f"| {' | '.join(told)} |"


def _pair(trial: Trial, track: Track, seed: int) -> tuple[float, float]:
    recipe = trial.recipe | {"reproducibility": {"seed": seed}}
    race = Race(
        f"{trial.title}, seed {seed}",
        [Loop("seed", "seed", replace(trial.job, chance=seed), 1, whole=True)],
        [Ours("G10", recipe, 1, cold=True, weights=trial.weights)],
    )
    (found,) = track.run(race, 1).rounds
    plain, ours = found["seed"].accuracy, found["G10"].accuracy
    assert plain is not None
    assert ours is not None
    track.say(f"  plain {plain:.3f}, ours {ours:.3f}")
    return plain, ours


def _frozen(base: str, network: str) -> Callable[[Stage, Path], Trial]:
    def build(setting: Stage, real: Path) -> Trial:
        from worker.modeling.weights import wheel_weights

        count = setting.size(600, 60)
        data = made.small_pictures(setting.folder / "real-pictures", real / "cifar10", count)
        weights = str(wheel_weights(base))
        job = Job(str(data), "frozen_resnet", network, 4, trains="head", epochs=2, weights=weights)
        recipe = recipes.frozen_resnet(data.name, 2)
        recipe["model"] = {"base": {"repo": base}}
        return Trial(f"{network}, new last layer, {count} of CIFAR-10", job, recipe, 0.2, weights)

    return build


def _texts(setting: Stage, real: Path) -> Trial:
    """All of a BERT on film reviews; both sides read 512 tokens, ours without the padding."""
    count = setting.size(240, 48)
    data = _reviews(setting, real / "imdb", count, setting.size(400, 80))
    base = made.bert(setting.folder / "bert")
    # The mask hides padding, so that padding to the longest of a batch changes nothing but time.
    job = Job(str(data), "bert", str(base), 16, epochs=2, padding="longest", lr=5e-5)
    recipe = recipes.bert(base.name, data.name, 2, lr=5e-5)
    return Trial(f"BERT of six layers, all of it, {count} film reviews", job, recipe, -_LOST)


_TRIALS = (
    _frozen("timm/tf_efficientnet_lite0", "tf_efficientnet_lite0"),
    _frozen("torchvision/mobilenet_v2", "mobilenet_v2"),
    _texts,
)


def _reviews(setting: Stage, source: Path, train: int, test: int) -> Path:
    folder = setting.folder / "real-reviews"
    folder.mkdir(exist_ok=True)
    parts = (("train", 0, train), ("validation", train, train + 20), ("test", 0, test))
    for split, first, last in parts:
        name = "test" if split == "test" else "train"
        with (source / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))[first:last]
        with (folder / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, ("text", "label"))
            table.writeheader()
            table.writerows({"text": row["text"], "label": row["label"]} for row in rows)
    return folder
