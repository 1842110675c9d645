"""What is raced: which plain loop, which libraries, which recipe, and what each goal asks for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bench.train import made, recipes
from bench.train.jobs import Job
from bench.train.recipes import Recipe

Way = Literal["whole", "later epochs"]


@dataclass(frozen=True)
class Loop:
    """A loop that trains `samples` in each of its turns; the first one of a race is the plain one.

    With `whole` it is a process from start to end in each round, measured test split included.
    """

    name: str
    kind: str
    job: Job
    samples: int = 0
    whole: bool = False


@dataclass(frozen=True)
class Ours:
    """What the engine does in the same race.

    `passes` samples of the plain loop's work is what it is worth. `later epochs` runs it twice and
    takes the difference, so that nothing but training is left. `again` runs it before, unmeasured,
    and keeps what it cached. `cold` is the command line from nothing.
    """

    goal: str
    recipe: Recipe
    passes: float
    way: Way = "whole"
    epochs: tuple[int, int] = (0, 0)
    kind: str = "run"
    again: bool = False
    cold: bool = False
    weights: str = ""


@dataclass(frozen=True)
class Race:
    """Loops and ours that take turns, at most `most_rounds` of them."""

    title: str
    loops: Sequence[Loop]
    ours: Sequence[Ours]
    most_rounds: int = 100


@dataclass(frozen=True)
class Goal:
    """So many times as fast as the plain loop, and as the fastest of the libraries.

    Where `as_right`, it counts only if ours is not less accurate than the plain loop.
    """

    title: str
    times: float
    times_peer: float | None = None
    as_right: bool = False


GOALS: dict[str, Goal] = {
    "G1": Goal("ResNet-50, new last layer, 10 epochs", 30, 14),
    "G2": Goal("ResNet-50, last block and layer, an epoch", 6.5, 3),
    "G3": Goal("VGG16, new layers, 10 augmented epochs", 11, 5),
    "G4-vgg": Goal("VGG16, all of it, an epoch", 2.2, 1),
    "G4-resnet": Goal("ResNet-50, all of it, an epoch", 2.2, 1),
    "G5": Goal("BERT, all of it, an epoch, against padding to 512", 8, 4),
    "G5-dynamic": Goal("the same, against padding to the longest of a batch", 7),
    "G6": Goal("ResNet-18, 32 pixels, an epoch", 1.9, 1),
    "G6-time": Goal("ResNet-18, 32 pixels, to the plain loop's accuracy", 8, as_right=True),
    "G7": Goal("60 heads: 12 settings, 5 folds, 10 epochs", 1200, 600),
    "G8": Goal("judging a base, against 10 epochs of all of it", 1 / 0.012),
    "G9-W1": Goal("small job W1, new last layer, cold", 5),
    "G9-W2": Goal("small job W2, last block, cold", 4.5),
    "G9-W4": Goal("small job W4, BERT, cold", 3.5),
    "G9-W1-warm": Goal("small job W1, warm worker", 10),
    "G9-W2-warm": Goal("small job W2, warm worker", 7),
    "G9-W4-warm": Goal("small job W4, warm worker", 7),
    "G11": Goal("G1 again on the same pictures", 500),
}


@dataclass(frozen=True)
class Stage:
    """Where races are set up: the folder of their data, and how large they are."""

    folder: Path
    scale: float = 1.0
    real: Path | None = None
    libraries: Sequence[str] = field(default_factory=tuple)

    def size(self, number: int, least: int = 20) -> int:
        """Return a number of samples at the scale asked for."""
        return max(least, round(number * self.scale))

    def loops(self, job: Job, samples: int, kinds: Sequence[str]) -> list[Loop]:
        """Return the plain loop and the libraries on the same job."""
        known = [kind for kind in kinds if kind in self.libraries]
        return [Loop(kind, kind, job, samples) for kind in ("seed", *known)]


PICTURE_PEERS = (
    *("lightning", "lightning-bf16", "fastai"),
    *("timm", "timm-channels-last", "timm-amp"),
)
FAST_PEERS = ("lightning-bf16", "timm-channels-last", "timm-amp")
TEXT_PEERS = ("trainer", "trainer-bf16", "trainer-bf16-grouped")


def _head(stage: Stage) -> Race:
    count = stage.size(1000)
    data = made.thumbnails(stage.folder / f"thumbnails-{count}", count)
    job = Job(str(data), "frozen_resnet", "resnet50", 4, trains="head")
    recipe = recipes.frozen_resnet(data.name, 10)
    return Race(
        f"G1, G11: ResNet-50, new last layer, {count} pictures, 10 epochs",
        stage.loops(job, 32, PICTURE_PEERS),
        [Ours("G1", recipe, 10 * count), Ours("G11", recipe, 10 * count, again=True)],
    )


def _block(stage: Stage) -> Race:
    count = stage.size(128, 64)
    data = made.photos(stage.folder / f"photos-{count}", count)
    job = Job(str(data), "last_block", "resnet50", 32, trains="block")
    recipe = recipes.last_block(data.name, 0, 2)
    return Race(
        f"G2: ResNet-50, last block and layer, {count} photographs",
        stage.loops(job, 64, PICTURE_PEERS),
        [Ours("G2", recipe, count, "later epochs", (2, 6))],
    )


def _vgg_head(stage: Stage) -> Race:
    count = stage.size(128, 64)
    data = made.photos(stage.folder / f"photos-{count}", count)
    job = Job(str(data), "vgg", "vgg16", 8, trains="head", lr=1e-5)
    peers = ("lightning-bf16", "timm-channels-last", "timm-amp", "fastai")
    return Race(
        f"G3: VGG16, new layers, {count} photographs, 10 augmented epochs",
        stage.loops(job, 16, peers),
        [Ours("G3", recipes.vgg_head(data.name, 10), 10 * count)],
    )


def _all_vgg(stage: Stage) -> Race:
    count = stage.size(32, 32)
    data = made.photos(stage.folder / f"photos-{count}", count)
    job = Job(str(data), "vgg", "vgg16", 8)
    return Race(
        "G4: VGG16, all of it",
        stage.loops(job, 16, FAST_PEERS),
        [Ours("G4-vgg", recipes.all_of("vgg16", data.name, 8, 1), count, "later epochs", (1, 2))],
    )


def _all_resnet(stage: Stage) -> Race:
    count = stage.size(64, 32)
    data = made.photos(stage.folder / f"photos-{count}", count)
    job = Job(str(data), "last_block", "resnet50", 32)
    recipe = recipes.all_of("resnet50", data.name, 32, 1)
    return Race(
        "G4: ResNet-50, all of it",
        stage.loops(job, 32, FAST_PEERS),
        [Ours("G4-resnet", recipe, count, "later epochs", (1, 3))],
    )


def _bert(stage: Stage) -> Race:
    count = stage.size(64, 32)
    data = made.reviews(stage.folder / f"reviews-{count}", count)
    base = made.bert(stage.folder / "bert")
    job = Job(str(data), "bert", str(base), 16, lr=2e-5)
    longest = Job(str(data), "bert", str(base), 16, lr=2e-5, padding="longest")
    recipe = recipes.bert(base.name, data.name, 1)
    peers = stage.loops(longest, 32, TEXT_PEERS)[1:]
    loops = [Loop("seed", "seed", job, 16), Loop("seed, longest", "seed", longest, 32), *peers]
    return Race(
        f"G5: BERT of six layers, all of it, {count} texts of film reviews' lengths",
        loops,
        [Ours("G5", recipe, count, "later epochs", (1, 3))],
    )


def _small(stage: Stage) -> Race:
    count = stage.size(500, 200)
    data = made.thumbnails(stage.folder / f"thumbnails-{count}", count)
    job = Job(str(data), "small_images", "resnet18", 100)
    recipe = recipes.small_images(data.name, 1)
    return Race(
        f"G6: ResNet-18 for 32 pixels, {count} pictures",
        stage.loops(job, 200, PICTURE_PEERS),
        [Ours("G6", recipe, count, "later epochs", (1, 3))],
    )


def _small_time(stage: Stage) -> Race:
    source = stage.real / "cifar10" if stage.real else None
    data = made.small_pictures(stage.folder / "small", source, stage.size(1000, 200))
    job = Job(str(data), "small_images", "resnet18", 100, epochs=10)
    return Race(
        "G6: ResNet-18 for 32 pixels, to the accuracy of ten epochs of the plain loop",
        [Loop("seed", "seed", job, 1, whole=True)],
        [Ours("G6-time", recipes.small_images_fast(data.name, 4), 1)],
        most_rounds=1,
    )


def _grid(stage: Stage) -> Race:
    count = stage.size(500, 100)
    data = made.thumbnails(stage.folder / f"thumbnails-{count}", count)
    job = Job(str(data), "frozen_resnet", "resnet50", 4, trains="head")
    # Four of five parts are trained on in ten epochs, the fifth is measured.
    passes = 60 * (0.8 * 10 + 0.2) * count
    return Race(
        f"G7: 60 heads on ResNet-50, {count} pictures",
        stage.loops(job, 32, FAST_PEERS),
        [Ours("G7", recipes.grid(data.name), passes, kind="sweep")],
    )


def _ranking(stage: Stage) -> Race:
    count = stage.size(500, 100)
    data = made.photos(stage.folder / f"photos-{count}", count)
    job = Job(str(data), "last_block", "resnet50", 32)
    recipe = recipes.ranking(data.name, count)
    # Two candidates are judged.
    return Race(
        f"G8: judging ResNet-50 on {count} photographs",
        stage.loops(job, 32, ()),
        [Ours("G8", recipe, 2 * 10 * count, kind="rank")],
    )


def _small_job(name: str, job: Job, recipe: Recipe) -> Race:
    # A whole job is one piece of work.
    return Race(
        f"G9: small job {name}, whole processes",
        [Loop("seed", "seed", job, 1, whole=True)],
        [Ours(f"G9-{name}", recipe, 1, cold=True), Ours(f"G9-{name}-warm", recipe, 1)],
        most_rounds=1,
    )


def _small_head(stage: Stage) -> Race:
    data = made.photos(stage.folder / "photos-w1", stage.size(200), stage.size(100))
    job = Job(str(data), "frozen_resnet", "resnet50", 4, trains="head", epochs=5)
    return _small_job("W1", job, recipes.frozen_resnet(data.name, 5))


def _small_block(stage: Stage) -> Race:
    data = made.photos(stage.folder / "photos-w2", stage.size(160), stage.size(60))
    job = Job(str(data), "last_block", "resnet50", 32, trains="block", epochs=4, head_epochs=2)
    return _small_job("W2", job, recipes.last_block(data.name, 2, 4))


def _small_bert(stage: Stage) -> Race:
    data = made.reviews(stage.folder / "reviews-w4", stage.size(96, 32), stage.size(32))
    base = made.bert(stage.folder / "bert")
    job = Job(str(data), "bert", str(base), 16, epochs=1, lr=2e-5)
    return _small_job("W4", job, recipes.bert(base.name, data.name, 1))


# Which goals a race answers, and how it is set up.
RACES: Sequence[tuple[Sequence[str], Callable[[Stage], Race]]] = (
    (("G1", "G11"), _head),
    (("G2",), _block),
    (("G3",), _vgg_head),
    (("G4-vgg", "G4"), _all_vgg),
    (("G4-resnet", "G4"), _all_resnet),
    (("G5",), _bert),
    (("G6",), _small),
    (("G6-time", "G6"), _small_time),
    (("G7",), _grid),
    (("G8",), _ranking),
    (("G9-W1", "G9"), _small_head),
    (("G9-W2", "G9"), _small_block),
    (("G9-W4", "G9"), _small_bert),
)
